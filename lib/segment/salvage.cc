// SPDX-License-Identifier: Apache-2.0
#include "segment/salvage.h"

#include <algorithm>
#include <utility>

#include "base/coding.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "base/planted.h"
#include "base/status_util.h"
#include "segment/format.h"
#include "segment/layout.h"

namespace kyro::segment {

namespace {

// Blocks of one file that are kept at once: more than the columns that a row is read from.
constexpr std::size_t kBlocksKept = 12;

bool IsOutOfResources(const Status& status) noexcept {
  return status.code() == StatusCode::kResourceExhausted;
}

}  // namespace

// One block file: its layout, and verified pieces of its blocks.
class SalvageFile {
 public:
  static Result<std::unique_ptr<SalvageFile>> Open(const io::Directory& directory, FileKind kind,
                                                   const FileRef& ref, bool with_digest);

  const Header& header() const noexcept { return header_; }
  const std::string& name() const noexcept { return name_; }

  // Fills `*to` with verified bytes; false, and `*damage` says why, if there are others among them.
  Result<bool> Read(std::uint64_t offset, std::uint64_t bytes, std::string* to,
                    DamagedBytes* damage);

 private:
  struct Block {
    std::uint64_t number = 0;
    bool good = false;
    std::uint64_t used = 0;
    std::string bytes;
    std::string what;
  };

  Status Init(const FileRef& ref, FileKind kind, bool with_digest);
  Result<std::string> Piece(std::uint64_t offset, std::uint64_t bytes) const;
  Result<Block*> Load(std::uint64_t number);

  std::string name_;
  std::unique_ptr<io::RandomFile> file_;
  Header header_;
  std::uint64_t table_offset_ = 0;
  std::string table_;  // may be cut short
  std::vector<Block> blocks_;
  std::uint64_t clock_ = 0;
};

Result<std::unique_ptr<SalvageFile>> SalvageFile::Open(const io::Directory& directory,
                                                       FileKind kind, const FileRef& ref,
                                                       bool with_digest) {
  auto file = std::make_unique<SalvageFile>();
  file->name_ = FileName(kind, ref.id.number);
  auto opened = directory.Open(file->name_);
  if (!opened.ok() && opened.status().code() == StatusCode::kNotFound) {
    return FileError(StatusCode::kDataLoss, file->name_, 0, "is missing");
  }
  KYRO_ASSIGN_OR_RETURN(file->file_, std::move(opened));
  KYRO_RETURN_IF_ERROR(file->Init(ref, kind, with_digest));
  return file;
}

// What there is of [offset, offset + bytes); a device error is an end.
Result<std::string> SalvageFile::Piece(std::uint64_t offset, std::uint64_t bytes) const {
  if (offset >= file_->bytes()) return std::string();
  std::string piece(std::min(bytes, file_->bytes() - offset), '\0');
  const Result<std::size_t> read = file_->Read(offset, piece.size(), piece.data());
  if (!read.ok() && IsOutOfResources(read.status())) return read.status();
  piece.resize(read.ok() ? *read : 0);
  return piece;
}

Status SalvageFile::Init(const FileRef& ref, FileKind kind, bool with_digest) {
  KYRO_ASSIGN_OR_RETURN(std::string area, Piece(0, kHeaderAreaBytes));
  auto header = DecodeHeader(area, kind, name_);
  const Status first = header.status();
  if (!header.ok() && with_digest && area.size() == kHeaderAreaBytes) {
    area = WithPaddingAsWritten(std::move(area));
    header = DecodeHeader(area, kind, name_);
  }
  if (!header.ok()) return first;
  header_ = *header;
  if (header_.file.number != ref.id.number || header_.file.file != ref.id.uuid) {
    return FileError(StatusCode::kDataLoss, name_, 32, "is file {}, want {}",
                     header_.file.file.ToString(), ref.id.uuid.ToString());
  }
  table_offset_ = AlignUp(header_.columns_end(), kColumnAlignment);
  const std::uint64_t blocks = BlockCount(table_offset_, header_.block_bits);
  const std::uint64_t table_bytes = AlignUp(blocks * 4, kColumnAlignment);
  KYRO_ASSIGN_OR_RETURN(table_, Piece(table_offset_, table_bytes));
  // A mended header area is a guess until the digest proves it, which needs the table too.
  if (!first.ok() && DigestOf(area, table_) != ref.digest) return first;
  return Status::Ok();
}

Result<SalvageFile::Block*> SalvageFile::Load(std::uint64_t number) {
  ++clock_;
  for (Block& block : blocks_) {
    if (block.number == number) return block.used = clock_, &block;
  }
  if (blocks_.size() < kBlocksKept) blocks_.emplace_back();
  Block* const block =
      &*std::min_element(blocks_.begin(), blocks_.end(),
                         [](const Block& a, const Block& b) { return a.used < b.used; });
  block->used = clock_;
  block->number = number;
  const std::uint64_t from = BlockOffset(number, header_.block_bits);
  const std::uint64_t end = std::min((number + 1) << header_.block_bits, table_offset_);
  KYRO_ASSIGN_OR_RETURN(block->bytes, Piece(from, end - from));
  block->good = false;
  if (block->bytes.size() != end - from) {
    block->what = fmt::format("ends or cannot be read at byte {}", from + block->bytes.size());
  } else if (table_.size() < (number + 1) * 4) {
    block->what = "its checksum is not there";
  } else {
    const std::uint32_t found =
        Crc32c(block->bytes, BlockSeed(header_.file.file.CrcSeed(), number));
    const auto want = LoadLE<std::uint32_t>(table_.data() + number * 4);
    block->good = found == want || KYRO_PLANTED(kRepairSkipsChecksum);
    if (!block->good) {
      block->what = fmt::format("block {}: crc32c {:08x}, want {:08x}", number, found, want);
    }
  }
  return block;
}

Result<bool> SalvageFile::Read(std::uint64_t offset, std::uint64_t bytes, std::string* to,
                               DamagedBytes* damage) {
  to->clear();
  for (std::uint64_t at = offset; at < offset + bytes;) {
    const std::uint64_t number = at >> header_.block_bits;
    KYRO_ASSIGN_OR_RETURN(const Block* block, Load(number));
    const std::uint64_t from = BlockOffset(number, header_.block_bits);
    const std::uint64_t end = std::min((number + 1) << header_.block_bits, table_offset_);
    if (!block->good) {
      *damage = {name_, from, end - from, block->what};
      return false;
    }
    const std::uint64_t count = std::min(end, offset + bytes) - at;
    to->append(block->bytes, at - from, count);
    at += count;
  }
  return true;
}

// ---------------------------------------------------------------------------------- rows

namespace {

// The whole file is to blame.
DamagedBytes WholeFile(const FileRef& ref, FileKind kind, const Status& status) {
  return {FileName(kind, ref.id.number), 0, ref.bytes, std::string(status.message())};
}

const Column* Sound(const Header& header, ColumnId id, ColumnType type,
                    std::uint64_t count) noexcept {
  const Column* column = header.Find(id);
  return column != nullptr && column->type == type && column->count == count ? column : nullptr;
}

}  // namespace

template <class K>
Salvager<K>::~Salvager() = default;

template <class K>
Result<std::unique_ptr<Salvager<K>>> Salvager<K>::Open(const io::Directory& directory,
                                                       const SegmentRef& ref, bool with_digest) {
  std::unique_ptr<Salvager> salvager(new Salvager());
  KYRO_ASSIGN_OR_RETURN(salvager->keys_,
                        SalvageFile::Open(directory, FileKind::kKeys, ref.keys, with_digest));
  const Header& keys = salvager->keys_->header();
  const std::uint64_t n = salvager->entries_ = keys.entries;
  const bool offsets = kKindOf<K> == KeyKind::kBytes;
  const bool sound =
      keys.key_kind == kKindOf<K> && n == ref.entries && n > 0 && n <= kSegmentEntriesMax &&
      (offsets ? Sound(keys, ColumnId::kKeyOffsets, ColumnType::kU32, n + 1) != nullptr &&
                     Sound(keys, ColumnId::kKeyHeap, ColumnType::kBytes, n) != nullptr
               : Sound(keys, ColumnId::kKeys, ColumnType::kU64, n) != nullptr) &&
      (keys.tombstones == 0 || Sound(keys, ColumnId::kTombstones, ColumnType::kBit, n) != nullptr);
  if (!sound) {
    return FileError(StatusCode::kDataLoss, salvager->keys_->name(), kFileHeaderBytes,
                     "is not the keys of {} entries", ref.entries);
  }
  auto data = SalvageFile::Open(directory, FileKind::kData, ref.data, with_digest);
  if (data.ok() &&
      ((*data)->header().companion != ref.keys.id.uuid ||
       Sound((*data)->header(), ColumnId::kValues, ColumnType::kBytes, n) == nullptr)) {
    data = FileError(StatusCode::kDataLoss, (*data)->name(), kFileHeaderBytes,
                     "is not the values of {}", salvager->keys_->name());
  }
  if (data.ok()) {
    salvager->data_ = *std::move(data);
  } else if (IsOutOfResources(data.status())) {
    return std::move(data).status();
  } else {
    salvager->data_damage_ = WholeFile(ref.data, FileKind::kData, data.status());
  }
  return salvager;
}

template <class K>
typename K::Key Salvager<K>::key() const noexcept {
  return key_;
}

template <class K>
Result<bool> Salvager<K>::Read(SalvageFile* file, std::uint64_t offset, std::uint64_t bytes,
                               std::string* to) {
  return file->Read(offset, bytes, to, &last_damage_);
}

template <class K>
Result<bool> Salvager<K>::ReadOffsets(const Column& column, std::uint64_t position,
                                      std::uint64_t heap_bytes, std::uint64_t* from,
                                      std::uint64_t* to) {
  KYRO_ASSIGN_OR_RETURN(const bool read,
                        Read(keys_.get(), column.offset + position * 4, 8, &scratch_));
  if (!read) return false;
  *from = LoadLE<std::uint32_t>(scratch_.data());
  *to = LoadLE<std::uint32_t>(scratch_.data() + 4);
  if (*from <= *to && *to <= heap_bytes) return true;
  last_damage_ = {keys_->name(), column.offset + position * 4, 8, "offsets out of order"};
  return false;
}

// False if the key is not readable, or impossible behind the one before.
template <class K>
Result<bool> Salvager<K>::ReadKey(std::uint64_t position) {
  const Header& header = keys_->header();
  if constexpr (kKindOf<K> == KeyKind::kU64) {
    const Column& keys = *header.Find(ColumnId::kKeys);
    KYRO_ASSIGN_OR_RETURN(const bool read,
                          Read(keys_.get(), keys.offset + position * 8, 8, &key_bytes_));
    if (!read) return false;
  } else {
    const Column& heap = *header.Find(ColumnId::kKeyHeap);
    std::uint64_t from = 0, to = 0;
    KYRO_ASSIGN_OR_RETURN(const bool read, ReadOffsets(*header.Find(ColumnId::kKeyOffsets),
                                                       position, heap.bytes, &from, &to));
    if (!read || to - from > kKeyBytesMax) return false;
    KYRO_ASSIGN_OR_RETURN(const bool whole,
                          Read(keys_.get(), heap.offset + from, to - from, &key_bytes_));
    if (!whole) return false;
  }
  const Key key = KeyTraits<K>::Decode(key_bytes_);
  if (any_ && !KeyTraits<K>::Less(key_, key)) {
    last_damage_ = {keys_->name(), 0, 0, fmt::format("entry {} is out of order", position)};
    return false;
  }
  key_ = typename KeyTraits<K>::Owned(key);
  any_ = true;
  return true;
}

template <class K>
Status Salvager<K>::ReadRow(std::uint64_t position) {
  row_ = Row::kLost;
  value_.clear();
  const Header& header = keys_->header();
  if (header.tombstones > 0) {
    const Column& bits = *header.Find(ColumnId::kTombstones);
    KYRO_ASSIGN_OR_RETURN(const bool read,
                          Read(keys_.get(), bits.offset + position / 8, 1, &scratch_));
    if (!read) return Status::Ok();
    if ((static_cast<unsigned char>(scratch_[0]) >> (position % 8) & 1) != 0) {
      row_ = Row::kTombstone;
      return Status::Ok();
    }
  }
  if (data_ == nullptr) {
    last_damage_ = data_damage_;
    return Status::Ok();
  }
  const Column& values = *data_->header().Find(ColumnId::kValues);
  std::uint64_t from = position * values.stride;
  std::uint64_t to = from + values.stride;
  if (values.encoding == ColumnEncoding::kOffsets) {
    const Column* offsets =
        Sound(header, ColumnId::kValueOffsets, ColumnType::kU32, header.entries + 1);
    if (offsets == nullptr) return Status::Ok();
    KYRO_ASSIGN_OR_RETURN(const bool read,
                          ReadOffsets(*offsets, position, values.bytes, &from, &to));
    if (!read) return Status::Ok();
  }
  if (to > values.bytes || to - from > kValueBytesMax) return Status::Ok();
  KYRO_ASSIGN_OR_RETURN(const bool whole,
                        Read(data_.get(), values.offset + from, to - from, &value_));
  if (whole) row_ = Row::kValue;
  return Status::Ok();
}

template <class K>
Result<bool> Salvager<K>::Next() {
  skipped_ = 0;
  while (position_ < entries_) {
    const std::uint64_t position = position_++;
    KYRO_ASSIGN_OR_RETURN(const bool read, ReadKey(position));
    if (!read) {
      ++skipped_;
      continue;
    }
    const DamagedBytes before = last_damage_;
    KYRO_RETURN_IF_ERROR(ReadRow(position));
    // The gap's damage and the row's are two; the gap is reported first.
    if (skipped_ > 0) last_damage_ = before;
    return true;
  }
  return false;
}

Result<SegmentRef> RefFromFiles(const io::Directory& directory, std::string_view keys_name,
                                KeyKind* kind, Uuid* database) {
  const auto read_header = [&](std::string_view name, FileKind file_kind,
                               FileRef* ref) -> Result<Header> {
    KYRO_ASSIGN_OR_RETURN(const auto file, directory.Open(name));
    std::string area(kHeaderAreaBytes, '\0');
    KYRO_ASSIGN_OR_RETURN(const std::size_t read, file->Read(0, area.size(), area.data()));
    KYRO_ASSIGN_OR_RETURN(Header header,
                          DecodeHeader(std::string_view(area).substr(0, read), file_kind, name));
    *ref = {{header.file.number, header.file.file}, file->bytes(), {}};
    return header;
  };
  SegmentRef ref;
  KYRO_ASSIGN_OR_RETURN(const Header keys, read_header(keys_name, FileKind::kKeys, &ref.keys));
  *kind = keys.key_kind;
  *database = keys.file.database;
  ref.entries = keys.entries;
  ref.tombstones = keys.tombstones;
  ref.min_sequence = keys.min_sequence;
  ref.max_sequence = keys.max_sequence;
  ref.data.id = {0, keys.companion};
  KYRO_ASSIGN_OR_RETURN(const auto entries, directory.List());
  for (const io::DirectoryEntry& entry : entries) {
    FileKind file_kind;
    std::uint64_t number = 0;
    if (!ParseFileName(entry.name, &file_kind, &number) || file_kind != FileKind::kData) continue;
    FileRef found;
    const auto header = read_header(entry.name, FileKind::kData, &found);
    if (header.ok() && found.id.uuid == keys.companion && found.id.number == number) {
      ref.data = found;
    }
  }
  return ref;
}

template class Salvager<U64>;
template class Salvager<Bytes>;

}  // namespace kyro::segment
