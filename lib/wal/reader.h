// SPDX-License-Identifier: Apache-2.0
//
// Reads one log file, whose bytes may be anything.
//
// R1 Nothing is allocated by an unchecked length: a length is compared with the bytes left in the
//    file first. Memory: the largest record, at least one chunk.
// R2 "There is no valid record here" is an answer, not an error: whether it is the end, a torn
//    write or damage is decided by those who know the rest of the chain.
#ifndef KYRO_WAL_READER_H_
#define KYRO_WAL_READER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file_header.h"
#include "base/file_ref.h"
#include "io/file_system.h"
#include "kyro/status.h"
#include "wal/format.h"
#include "wal/record.h"

namespace kyro::wal {

// One thread at a time.
class Reader {
 public:
  // Checks the header page. kNotFound if there is no such file; kDataLoss or kUnsupported for what
  // is wrong with it.
  static Result<Reader> Open(const io::Directory& directory, std::string_view name);

  // For salvage: a file whose header page need not be readable, because someone else names it.
  static Result<Reader> OpenAs(const io::Directory& directory, std::string_view name,
                               const FileId& id);

  // For salvage: what cannot be read is to cost no more than itself.
  void set_salvaging() noexcept { salvaging_ = true; }

  const FileHeader& header() const noexcept { return header_; }
  FileId id() const noexcept { return FileId{header_.number, header_.file}; }
  const std::string& name() const noexcept { return name_; }
  std::uint64_t file_bytes() const noexcept { return file_->bytes(); }

  struct Probe {
    bool valid = false;        // header, own offset, payload CRC and padding are as written
    bool intact = false;       // valid, or nothing but its padding is not as written
    RecordHeader header;       // if intact
    std::string_view payload;  // if intact; until the next call
    std::string why;           // if not valid: found and wanted
  };
  // What stands at `offset`. An error only if the file cannot be read.
  Result<Probe> At(std::uint64_t offset);

  // Whether the sector (or what there is of it) is all zeros; false where it cannot be read.
  Result<bool> IsZeroSector(std::uint64_t offset);

  struct Tail {
    std::uint64_t end = 0;  // behind the last byte that is not zero; `from` if there is none
    // An intact record header behind `from` that proves that bytes past `from` were once durable.
    std::optional<RecordHeader> witness;
  };
  // Looks at everything from the sector boundary `from` on; stops at the first witness.
  Result<Tail> ExamineTail(std::uint64_t from);

 private:
  Reader() = default;
  // `count` bytes from `offset`, which the file must have had when it was opened.
  Result<std::string_view> Bytes(std::uint64_t offset, std::uint64_t count);
  std::optional<RecordHeader> WitnessIn(std::string_view sector, std::uint64_t offset,
                                        std::uint64_t from) const;

  std::unique_ptr<io::RandomFile> file_;
  std::string name_;
  FileHeader header_;
  std::uint32_t seed_ = 0;
  bool salvaging_ = false;
  std::string window_;               // bytes of the file ...
  std::uint64_t window_offset_ = 0;  // ... from here
};

// The error for a file that has no valid record where one must stand.
Status StopsAt(const Reader& reader, std::uint64_t offset, Sequence next, std::string_view why);

// What WalkRecords found.
struct Walk {
  std::uint64_t end = kFirstRecordOffset;  // of the last record
  Sequence first = 0;                      // the next sequence before the first record ...
  Sequence last = 0;                       // ... and the last one after the last
  std::uint64_t records = 0;
  std::uint64_t groups = 0;
  std::uint64_t batches = 0;
  std::optional<Link> link;
  std::optional<Seal> seal;
  std::string why;  // why no record stands at `end`; empty behind a seal and at `stop`
};

using RecordVisitor = std::function<Status(const RecordHeader& header, std::string_view payload)>;

struct WalkLimits {
  std::optional<Sequence> next;            // of the first record; nullopt: what it says itself
  std::uint64_t stop = ~std::uint64_t{0};  // records end here
  const ManifestMark* manifest = nullptr;  // a record that names a newer one is refused
};

// Reads record after record up to the first place where no valid one stands, `stop`, or a seal. A
// record that is intact but says what it may not say is kDataLoss (kUnsupported for an unknown
// type). `visit` may be empty. `*walk` is what was found up to there, also when this fails.
Status WalkRecords(Reader* reader, const WalkLimits& limits, const RecordVisitor& visit,
                   Walk* walk);

}  // namespace kyro::wal

#endif  // KYRO_WAL_READER_H_
