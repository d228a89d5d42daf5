// SPDX-License-Identifier: Apache-2.0
//
// Which engines there are, and which of them this build has.
#include <algorithm>

#include "bench/peers/engine.h"

namespace kyro::bench {
namespace {

using Maker = std::unique_ptr<Engine> (*)(const StoreOptions&);

struct Entry {
  const char* name;
  Maker make;  // null: the library was not there
};

#ifdef KYRO_HAVE_LMDB
constexpr Maker kLmdb = MakeLmdb;
#else
constexpr Maker kLmdb = nullptr;
#endif
#ifdef KYRO_HAVE_ROCKSDB
constexpr Maker kRocksdb = MakeRocksdb;
#else
constexpr Maker kRocksdb = nullptr;
#endif
#ifdef KYRO_HAVE_LEVELDB
constexpr Maker kLeveldb = MakeLeveldb;
#else
constexpr Maker kLeveldb = nullptr;
#endif
#ifdef KYRO_HAVE_SQLITE
constexpr Maker kSqlite = MakeSqlite;
#else
constexpr Maker kSqlite = nullptr;
#endif
#ifdef KYRO_HAVE_TKRZW
constexpr Maker kTkrzw = MakeTkrzw;
#else
constexpr Maker kTkrzw = nullptr;
#endif
#ifdef KYRO_HAVE_WIREDTIGER
constexpr Maker kWiredtiger = MakeWiredtiger;
#else
constexpr Maker kWiredtiger = nullptr;
#endif

constexpr Entry kEntries[] = {{"kyro", MakeKyro},
                              {"lmdb", kLmdb},
                              {"rocksdb", kRocksdb},
                              {"leveldb", kLeveldb},
                              {"sqlite", kSqlite},
                              {"tkrzw", kTkrzw},
                              {"wiredtiger", kWiredtiger},
                              {"flat_hash_map", MakeFlatHashMap},
                              {"flat_hash_map_prefetch", MakeFlatHashMapPrefetch},
                              {"btree_map", MakeBtreeMap},
                              {"sorted_array", MakeSortedArray},
                              {"simd_tree", MakeSimdTree}};

}  // namespace

const std::vector<std::string>& EngineNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Entry& entry : kEntries) all.emplace_back(entry.name);
    return all;
  }();
  return names;
}

EngineName ParseEngineName(const std::string& text) {
  const std::size_t colon = text.find(':');
  EngineName name{text.substr(0, colon), "default"};
  if (colon != std::string::npos) name.state = text.substr(colon + 1);
  const auto& names = EngineNames();
  const bool known = std::find(names.begin(), names.end(), name.name) != names.end();
  constexpr std::string_view kStates[] = {"warm", "huge", "delta", "delta_1", "delta_2"};
  const bool stateful = name.name == "kyro" && std::find(std::begin(kStates), std::end(kStates),
                                                         name.state) != std::end(kStates);
  if (!known || (name.state != "default" && !stateful)) Give("no such engine: " + text);
  return name;
}

std::unique_ptr<Engine> MakeEngine(const EngineName& name, const StoreOptions& options) {
  for (const Entry& entry : kEntries) {
    if (name.name == entry.name) return entry.make == nullptr ? nullptr : entry.make(options);
  }
  Give("no such engine: " + name.name);
}

}  // namespace kyro::bench
