// SPDX-License-Identifier: Apache-2.0
//
// The timed loops, instantiated per store. Each returns 0 if every answer was right. All engines
// pay for the same check (Values::Difference), and none for a branch on its result.
#ifndef KYRO_BENCH_PEERS_HOT_LOOPS_H_
#define KYRO_BENCH_PEERS_HOT_LOOPS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bench/peers/check.h"
#include "bench/peers/check_rows.h"
#include "bench/peers/workload.h"

namespace kyro::bench {

using KeySpan = std::span<const std::uint64_t>;

// noinline: the loop of one engine must not be compiled into, and differently from, another place.
template <class Reader>
[[gnu::noinline]] std::uint64_t Hits(Reader& reader, KeySpan keys, const Values& values) {
  std::uint64_t wrong = 0;
  for (const std::uint64_t key : keys) wrong |= values.Difference(key, reader.Get(key));
  return wrong;
}

template <class Reader>
[[gnu::noinline]] std::uint64_t Misses(Reader& reader, KeySpan keys) {
  std::uint64_t wrong = 0;
  for (const std::uint64_t key : keys) wrong |= reader.Get(key).data() != nullptr;
  return wrong;
}

template <class Reader>
[[gnu::noinline]] std::uint64_t Mixed(Reader& reader, KeySpan keys,
                                      std::span<const std::uint8_t> hits, const Values& values) {
  std::uint64_t wrong = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string_view value = reader.Get(keys[i]);
    if (value.data() == nullptr) {
      wrong |= hits[i];
    } else {
      wrong |= values.Difference(keys[i], value) | (hits[i] ^ 1);
    }
  }
  return wrong;
}

// Each key is the next one plus the last difference, which is 0, as nobody but us knows.
template <class Reader>
[[gnu::noinline]] std::uint64_t Dependent(Reader& reader, KeySpan keys, const Values& values) {
  std::uint64_t wrong = 0, last = 0;
  for (const std::uint64_t next : keys) {
    const std::uint64_t key = next + last;
    last = values.Difference(key, reader.Get(key));
    asm volatile("" : "+r"(last));
    wrong |= last;
  }
  return wrong;
}

// Readers that have MultiGet(keys, each) call each(i, value) for every key.
template <class Reader>
concept HasMultiGet = requires(Reader& reader, KeySpan keys) {
  reader.MultiGet(keys, [](std::size_t, std::string_view) {});
};

template <class Reader>
[[gnu::noinline]] std::uint64_t Batches(Reader& reader, KeySpan keys, std::size_t batch,
                                        const Values& values) {
  std::uint64_t wrong = 0;
  for (std::size_t first = 0; first < keys.size(); first += batch) {
    const KeySpan part = keys.subspan(first, std::min(batch, keys.size() - first));
    if constexpr (HasMultiGet<Reader>) {
      reader.MultiGet(part, [&](std::size_t i, std::string_view value) {
        wrong |= values.Difference(part[i], value);
      });
    } else {
      for (const std::uint64_t key : part) wrong |= values.Difference(key, reader.Get(key));
    }
  }
  return wrong;
}

// Readers that are ordered have Walk(from, rows, row) and WalkAll(row), which call row(key, value)
// in order, and maybe WalkColumns(rows), which gives a RowChecker all rows as fast as it can.
template <class Reader>
concept HasWalk = requires(Reader& reader) {
  reader.Walk(0, 1, [](std::uint64_t, std::string_view) {});
};
template <class Reader>
concept HasWalkColumns = requires(Reader& reader, RowChecker& rows) {
  reader.WalkColumns(rows);
};

template <class Reader>
[[gnu::noinline]] std::uint64_t Seeks(Reader& reader, KeySpan keys, std::size_t rows,
                                      const Values& values) {
  std::uint64_t wrong = 0;
  for (const std::uint64_t from : keys) {
    std::size_t seen = 0;
    std::uint64_t last = from;
    reader.Walk(from, rows, [&](std::uint64_t key, std::string_view value) {
      wrong |= seen == 0 ? key != from : key <= last;
      wrong |= values.Difference(key, value);
      last = key;
      ++seen;
    });
    wrong |= seen != rows;
  }
  return wrong;
}

template <bool kColumns, class Reader>
[[gnu::noinline]] std::uint64_t ScanAll(Reader& reader, std::size_t rows, const Values& values) {
  RowBlock block;
  RowChecker checker(values, &block);
  if constexpr (kColumns) {
    reader.WalkColumns(checker);
  } else {
    reader.WalkAll(checker);
  }
  return checker.Finish(rows);
}

// Sessions read what they wrote: Get(key), Put(key, value), and if they are ordered Walk. Returns
// values checked through `verified`.
template <class Session>
[[gnu::noinline]] std::uint64_t Ycsb(Session& session, std::span<const YcsbOp> ops,
                                     const Values& values, std::uint64_t* verified) {
  std::uint64_t wrong = 0, checked = 0;
  std::string buffer;
  for (const YcsbOp& op : ops) {
    switch (op.kind) {
      case YcsbOp::Kind::kRead:
        wrong |= values.Difference(op.key, session.Get(op.key));
        ++checked;
        break;
      case YcsbOp::Kind::kScan:
        if constexpr (HasWalk<Session>) {
          std::size_t seen = 0;
          session.Walk(op.key, op.rows, [&](std::uint64_t key, std::string_view value) {
            wrong |= values.Difference(key, value) | (seen == 0 && key != op.key);
            ++seen;
          });
          wrong |= seen == 0;
          checked += seen;
        }
        break;
      case YcsbOp::Kind::kReadModifyWrite:
        wrong |= values.Difference(op.key, session.Get(op.key));
        ++checked;
        [[fallthrough]];
      case YcsbOp::Kind::kUpdate:
      case YcsbOp::Kind::kInsert:
        session.Put(op.key, values.Make(op.key, &buffer));
        break;
    }
  }
  *verified = checked;
  return wrong;
}

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_HOT_LOOPS_H_
