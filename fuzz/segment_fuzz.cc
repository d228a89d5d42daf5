// SPDX-License-Identifier: Apache-2.0
//
// The input names one of a few small segments and replaces bytes of its files. Tried twice:
//
//   damaged  The bytes are rotten. Every answer is the one that was written or a typed error, and
//            VerifyFiles finds whatever was changed (G7, G12).
//   forged   Checksums, digests and the reference to the files are made right. Nothing reads past a
//            file, every value lies in it, every error is typed; and what VerifyFiles passes is a
//            segment in which every way of reading agrees (G9).
#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "base/coding.h"
#include "fuzz/fuzz.h"
#include "fuzz/memory_directory.h"
#include "fuzz/seal.h"
#include "fuzz/segment_base.h"
#include "segment/explanation.h"
#include "segment/format.h"
#include "segment/segment.h"

namespace kyro::fuzz {
namespace {

constexpr std::size_t kPatchesMax = 6;
constexpr std::size_t kRowsMax = 2000;  // of a forged segment, looked at
constexpr std::size_t kLookupsMax = 16;

template <class K>
using Opened = Result<std::shared_ptr<const segment::Segment<K>>>;

// ------------------------------------------------------------------------ the bytes

// [from, to) of a block file: a part of it that is worth hitting.
std::pair<std::size_t, std::size_t> Part(const std::string& file, std::uint8_t which) {
  constexpr std::size_t kArea = segment::kHeaderAreaBytes;
  const std::size_t end = file.size();
  if (end <= kArea + segment::kFooterBytes) return {0, end};
  switch (which % 6) {
    case 0:
      return {kFileHeaderBytes, kFileHeaderBytes + 72};  // what is special to its kind
    case 1:
      return {256, 256 + 9 * 64};  // the column directory
    case 2:
      return {end - segment::kFooterBytes - 64, end};  // table and footer
    case 3:
      return {0, end};
    default:
      return {kArea, end};  // columns
  }
}

void Patch(Input* input, SegmentBytes* files) {
  for (std::size_t n = 0; n < kPatchesMax && !input->empty(); ++n) {
    const std::uint8_t how = input->U8();
    const std::uint8_t part = input->U8();
    std::string& file = (*files)[how % 3];
    if (file.empty()) continue;
    if (part == 0xff) {
      file.resize(file.size() - std::min<std::size_t>(input->U16(), file.size()));
      continue;
    }
    if (part == 0xfe) {
      file.resize(file.size() + input->U16() % 8192, static_cast<char>(how));
      continue;
    }
    const auto [from, to] = Part(file, part);
    const std::size_t at = from + input->Below(to - from);
    const std::string_view bytes = input->Take(std::size_t{1} << (how / 3 % 4));
    file.replace(at, std::min(bytes.size(), file.size() - at), bytes.substr(0, file.size() - at));
  }
}

template <class T>
T Field(const std::string& file, std::size_t at) {
  return file.size() < at + sizeof(T) ? T{} : LoadLE<T>(file.data() + at);
}

// Checksums, and a reference that the files fulfil as far as they say themselves what they are.
void Forge(SegmentBytes* files, SegmentRef* ref) {
  constexpr std::size_t kEntries = 136, kTombstones = 144, kSequences = 152, kCompanionDigest = 184;
  for (std::size_t i = 0; i < files->size(); ++i) {
    std::string& file = (*files)[i];
    if (file.empty()) continue;
    // A model is bound to its keys by their digest.
    if (i == 2 && file.size() >= segment::kBlockFileBytesMin) {
      StoreLE(file.data() + kCompanionDigest, ref->keys.digest);
    }
    SealBlockFile(&file);
    FileRef& of = RefOf(ref, kSegmentKinds[i]);
    of.bytes = file.size();
    of.digest = DigestOfBlockFile(file);
  }
  const std::string& keys = (*files)[0];
  ref->entries = Field<std::uint64_t>(keys, kEntries);
  ref->tombstones = Field<std::uint64_t>(keys, kTombstones);
  ref->min_sequence = Field<std::uint64_t>(keys, kSequences);
  ref->max_sequence = Field<std::uint64_t>(keys, kSequences + 8);
}

void Store(const SegmentBytes& files, const SegmentRef& ref, MemoryDirectory* directory) {
  SegmentRef copy = ref;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const FileRef& file = RefOf(&copy, kSegmentKinds[i]);
    if (file.id.exists()) directory->Set(FileName(kSegmentKinds[i], file.id.number), files[i]);
  }
}

// ------------------------------------------------------------------------ damaged

std::vector<std::uint64_t> Neighbours(std::uint64_t key) {
  return {key - 1, key + 1, ~key};
}
std::vector<std::string> Neighbours(const std::string& key) {
  return {key + '\0', "x" + key, key.substr(0, key.size() / 2)};
}

// Keys that are there and keys that may not be.
template <class K>
std::vector<Owned<K>> SomeKeys(const Entries<K>& entries) {
  std::vector<Owned<K>> keys;
  const std::size_t step = entries.size() / kLookupsMax + 1;
  std::size_t i = 0;
  for (const auto& [key, value] : entries) {
    if (i++ % step != 0) continue;
    keys.push_back(key);
    for (const Owned<K>& near : Neighbours(key)) keys.push_back(near);
  }
  return keys;
}

template <class K>
void CheckAnswer(const Entries<K>& entries, const Owned<K>& key, const Lookup& found) {
  if (found.failed()) return RequireTyped(found.status());
  const auto want = entries.find(key);
  if (want == entries.end()) {
    KYRO_REQUIRE(found.undecided(), "a key that was never written is there");
  } else if (!want->second) {
    KYRO_REQUIRE(found.absent() && !found.undecided(), "a deleted key is not");
  } else {
    KYRO_REQUIRE(found.present() && found.value() == *want->second, "a value is another");
  }
}

template <class K>
void CheckRow(const typename segment::Segment<K>::Cursor& cursor,
              typename Entries<K>::const_iterator want) {
  KYRO_REQUIRE(cursor.key() == want->first, "a scan shows another key");
  KYRO_REQUIRE(cursor.tombstone() == !want->second.has_value(), "a scan shows another kind");
  KYRO_REQUIRE(cursor.value() == want->second.value_or(""), "a scan shows another value");
}

template <class K>
void CheckScans(const segment::Segment<K>& segment, const Entries<K>& entries) {
  typename segment::Segment<K>::Cursor cursor(&segment);
  auto want = entries.begin();
  for (cursor.SeekToFirst(); cursor.Valid(); cursor.Next(), ++want) {
    KYRO_REQUIRE(want != entries.end(), "a scan shows too much");
    CheckRow<K>(cursor, want);
  }
  if (!cursor.status().ok()) RequireTyped(cursor.status());
  KYRO_REQUIRE(!cursor.status().ok() || want == entries.end(), "a scan shows too little");
  want = entries.end();
  for (cursor.SeekToLast(); cursor.Valid(); cursor.Prev()) {
    KYRO_REQUIRE(want != entries.begin(), "a scan back shows too much");
    CheckRow<K>(cursor, --want);
  }
  if (!cursor.status().ok()) RequireTyped(cursor.status());
  KYRO_REQUIRE(!cursor.status().ok() || want == entries.begin(), "a scan back shows too little");
}

template <class K>
void CheckDamaged(const BuiltSegment<K>& built, const SegmentBytes& files, Access access) {
  MemoryDirectory directory;
  Store(files, built.ref, &directory);
  const bool changed = files != built.files;
  segment::Counters counters;
  const Opened<K> opened =
      segment::Segment<K>::Open(directory, Uuid{1, 2}, built.ref, access, &counters);
  if (!opened.ok()) {
    KYRO_REQUIRE(changed, opened.status().ToString());
    return RequireTyped(opened.status());
  }
  const segment::Segment<K>& segment = **opened;
  const std::vector<Owned<K>> keys = SomeKeys<K>(built.entries);
  for (const Owned<K>& key : keys) {
    CheckAnswer<K>(built.entries, key, segment.Get(key));
    const auto bound = segment.LowerBound(key);
    const auto want = std::distance(built.entries.begin(), built.entries.lower_bound(key));
    if (!bound.ok()) RequireTyped(bound.status());
    KYRO_REQUIRE(!bound.ok() || *bound == static_cast<std::uint64_t>(want), "another bound");
  }
  const std::vector<typename K::Key> views(keys.begin(), keys.end());
  std::vector<Lookup> found(keys.size());
  segment.MultiGet(views, found);
  for (std::size_t i = 0; i < keys.size(); ++i) CheckAnswer<K>(built.entries, keys[i], found[i]);
  CheckScans<K>(segment, built.entries);
  std::uint64_t bytes = 0;
  const Status verified = segment.VerifyFiles(nullptr, &bytes);
  KYRO_REQUIRE(verified.ok() == !changed, verified.ToString());
  if (!verified.ok()) RequireTyped(verified);
  const Status mapped = segment.VerifyMapped(nullptr);
  if (!mapped.ok()) RequireTyped(mapped);
}

// ------------------------------------------------------------------------ forged

// Reads every byte: a view past a mapping is seen by AddressSanitizer.
void Touch(std::string_view bytes) {
  unsigned sum = 0;
  for (const char byte : bytes) sum += static_cast<unsigned char>(byte);
  [[maybe_unused]] static volatile unsigned sink;
  sink = sum;
}
void Touch(std::uint64_t) {}

template <class K>
std::vector<Owned<K>> Walk(const segment::Segment<K>& segment, Status* status) {
  std::vector<Owned<K>> keys;
  typename segment::Segment<K>::Cursor cursor(&segment);
  for (cursor.SeekToFirst(); cursor.Valid() && keys.size() < kRowsMax; cursor.Next()) {
    Touch(cursor.key());
    Touch(cursor.value());
    keys.emplace_back(cursor.key());
  }
  *status = cursor.status();
  if (!status->ok()) RequireTyped(*status);
  std::size_t back = 0;
  for (cursor.SeekToLast(); cursor.Valid() && back < kRowsMax; cursor.Prev(), ++back) {
    Touch(cursor.key());
    Touch(cursor.value());
  }
  if (!cursor.status().ok()) RequireTyped(cursor.status());
  return keys;
}

// What Verify passed has no damage: all ways of reading agree and none fails.
template <class K>
void CheckSound(const segment::Segment<K>& segment, const std::vector<Owned<K>>& keys) {
  const std::uint64_t entries = segment.ref().entries;
  KYRO_REQUIRE(keys.size() == std::min<std::uint64_t>(entries, kRowsMax),
               std::to_string(keys.size()) + " rows of " + std::to_string(entries));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i > 0) KYRO_REQUIRE(KeyTraits<K>::Less(keys[i - 1], keys[i]), "keys out of order");
    const Lookup found = segment.Get(keys[i]);
    KYRO_REQUIRE(!found.failed() && !found.undecided(), "a key of the scan is not found");
    segment::Chunk row;
    const Status* const error = segment.ChunkAt(i, 1, &row);
    KYRO_REQUIRE(error == nullptr, error->ToString());
    KYRO_REQUIRE(row.begin == i && row.end == i + 1, "a row is not where it is");
    const bool tombstone = row.tombstone(i);
    KYRO_REQUIRE(row.template key<K>(i) == keys[i] && tombstone == !found.present() &&
                     (tombstone || row.value(i) == found.value()),
                 "an entry is another");
    const auto bound = segment.LowerBound(keys[i]);
    KYRO_REQUIRE(bound.ok() && *bound == i, "a key's bound is not its place");
  }
}

// An explanation says what a lookup says.
void CheckExplained(const segment::Explanation& said, const Lookup& found, std::uint64_t data_bytes,
                    std::uint64_t entries) {
  using Found = segment::Explanation::Found;
  KYRO_REQUIRE((said.found == Found::kFailed) == found.failed(), said.status.ToString());
  KYRO_REQUIRE((said.found == Found::kValue) == found.present(), "explained, but not found");
  KYRO_REQUIRE((said.found == Found::kAbsent) == found.undecided(), "explained, but not absent");
  if (found.failed()) RequireTyped(said.status);
  KYRO_REQUIRE(
      said.value_offset <= data_bytes && said.value_bytes <= data_bytes - said.value_offset,
      "explained, a value lies outside its file");
  KYRO_REQUIRE(said.lower_bound <= entries, "explained, a bound past the end");
}

template <class K>
void CheckForged(const BuiltSegment<K>& built, SegmentBytes files, Access access) {
  SegmentRef ref = built.ref;
  Forge(&files, &ref);
  MemoryDirectory directory;
  Store(files, ref, &directory);
  segment::Counters counters;
  const Opened<K> opened = segment::Segment<K>::Open(directory, Uuid{1, 2}, ref, access, &counters);
  if (!opened.ok()) return RequireTyped(opened.status());
  const segment::Segment<K>& segment = **opened;
  const std::vector<Owned<K>> keys = SomeKeys<K>(built.entries);
  for (const Owned<K>& key : keys) {
    const Lookup found = segment.Get(key);
    if (found.failed()) RequireTyped(found.status());
    Touch(found.value());
    const auto bound = segment.LowerBound(key);
    if (!bound.ok()) RequireTyped(bound.status());
    KYRO_REQUIRE(!bound.ok() || *bound <= ref.entries, "a bound past the end");
    CheckExplained(segment.Explain(key), segment.Get(key), files[1].size(), ref.entries);
  }
  const std::vector<typename K::Key> views(keys.begin(), keys.end());
  std::vector<Lookup> found(keys.size());
  segment.MultiGet(views, found);
  for (const Lookup& lookup : found) Touch(lookup.value());
  Status walked;
  const std::vector<Owned<K>> rows = Walk<K>(segment, &walked);
  const Status verified = segment.VerifyFiles(nullptr, nullptr);
  if (!verified.ok()) return RequireTyped(verified);
  KYRO_REQUIRE(walked.ok(), walked.ToString());
  CheckSound<K>(segment, rows);
}

template <class K>
void Run(const BuiltSegment<K>& built, Access access, Input* input) {
  SegmentBytes files = built.files;
  Patch(input, &files);
  CheckDamaged<K>(built, files, access);
  if (files != built.files) CheckForged<K>(built, files, access);
}

}  // namespace
}  // namespace kyro::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kyro::fuzz::Input input(data, size);
  const std::uint8_t which = input.U8();
  const kyro::Access access = (which & 128) != 0 ? kyro::Access::kCopy : kyro::Access::kMap;
  const auto& u64 = kyro::fuzz::U64Segments();
  const auto& bytes = kyro::fuzz::BytesSegments();
  const std::size_t index = (which & 127) % (u64.size() + bytes.size());
  if (index < u64.size()) {
    kyro::fuzz::Run<kyro::U64>(u64[index], access, &input);
  } else {
    kyro::fuzz::Run<kyro::Bytes>(bytes[index - u64.size()], access, &input);
  }
  return 0;
}
