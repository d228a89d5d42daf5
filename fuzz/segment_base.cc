// SPDX-License-Identifier: Apache-2.0
#include "fuzz/segment_base.h"

#include <memory>
#include <utility>

#include "fuzz/fuzz.h"
#include "segment/builder.h"
#include "support/test_env.h"

namespace kyro::fuzz {
namespace {

void Must(const Status& status) {
  KYRO_REQUIRE(status.ok(), status.ToString());
}

template <class K>
BuiltSegment<K> Build(Entries<K> entries, bool with_filter) {
  support::TestEnv env(9);
  const auto directory = env.fs().OpenDirectory("/db", true);
  Must(directory.status());
  std::uint64_t number = 42;
  segment::BuildContext context;
  context.directory = directory->get();
  context.random = &env.random();
  context.database = Uuid{1, 2};
  context.next_number = [&] { return number++; };
  segment::BuildOptions options;
  options.with_filter = with_filter;
  options.block_bits = 12;
  options.min_sequence = 7;
  options.max_sequence = 9;
  const auto builder = segment::Builder<K>::Create(context, options);
  Must(builder.status());
  for (const auto& [key, value] : entries) {
    Must(value ? (*builder)->Add(key, *value) : (*builder)->AddTombstone(key));
  }
  const auto ref = (*builder)->Finish();
  Must(ref.status());
  BuiltSegment<K> built{std::move(entries), *ref, {}};
  for (std::size_t i = 0; i < built.files.size(); ++i) {
    const FileRef& file = RefOf(&built.ref, kSegmentKinds[i]);
    if (!file.id.exists()) continue;
    built.files[i] = env.fs().ReadFile("/db/" + FileName(kSegmentKinds[i], file.id.number)).value();
  }
  return built;
}

// Values of every width up to `widths` - 1; every eleventh entry is deleted.
std::optional<std::string> Value(std::uint64_t i, std::uint64_t widths) {
  if (i % 11 == 5) return std::nullopt;
  return std::string(i % widths, static_cast<char>('a' + i % 26));
}

}  // namespace

FileRef& RefOf(SegmentRef* ref, FileKind kind) {
  return kind == FileKind::kKeys ? ref->keys : kind == FileKind::kData ? ref->data : ref->model;
}

const std::vector<BuiltSegment<U64>>& U64Segments() {
  static const auto* const segments = [] {
    Entries<U64> golden, mixed, few, wide, gone;
    for (std::uint64_t i = 0; i < 64; ++i) golden[i * 1000] = std::string(2, static_cast<char>(i));
    for (std::uint64_t i = 0; i < 300; ++i) mixed[i * i * i * 7919] = Value(i, 9);
    for (std::uint64_t i = 0; i < 20; ++i) few[~std::uint64_t{0} - i * i] = Value(i, 3);
    for (std::uint64_t i = 0; i < 900; ++i) wide[i / 30 * 1'000'003 + i] = std::string(8, 'w');
    for (std::uint64_t i = 0; i < 70; ++i) gone[i << 40] = std::nullopt;
    auto* const built = new std::vector<BuiltSegment<U64>>;
    built->push_back(Build<U64>(golden, false));
    built->push_back(Build<U64>(mixed, true));
    built->push_back(Build<U64>(few, true));
    built->push_back(Build<U64>(wide, false));
    built->push_back(Build<U64>(gone, true));
    return built;
  }();
  return *segments;
}

const std::vector<BuiltSegment<Bytes>>& BytesSegments() {
  static const auto* const segments = [] {
    Entries<Bytes> golden = {{"", "nothing"}, {"kyro", std::nullopt}, {"lea", "f"}};
    Entries<Bytes> mixed, fixed;
    for (std::uint64_t i = 0; i < 200; ++i) {
      mixed[std::string(i % 5, 'p') + std::to_string(i * 37)] = Value(i, 40);
      fixed[std::string(i % 3, '\xff') + std::to_string(i)] = std::string(4, 'v');
    }
    auto* const built = new std::vector<BuiltSegment<Bytes>>;
    built->push_back(Build<Bytes>(golden, true));
    built->push_back(Build<Bytes>(mixed, true));
    built->push_back(Build<Bytes>(fixed, false));
    return built;
  }();
  return *segments;
}

}  // namespace kyro::fuzz
