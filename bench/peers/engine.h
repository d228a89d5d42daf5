// SPDX-License-Identifier: Apache-2.0
//
// An engine as the runner sees it: one virtual call per workload. Behind it stands a store (see
// engine_of.h), for which the timed loops are instantiated, so that no engine pays a virtual call
// per operation.
#ifndef KYRO_BENCH_PEERS_ENGINE_H_
#define KYRO_BENCH_PEERS_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bench/peers/check.h"
#include "bench/peers/workload.h"

namespace kyro::bench {

// A benchmark has no caller to return an error to.
[[noreturn]] inline void Give(const std::string& what) {
  throw std::runtime_error(what);
}

struct StoreOptions {
  std::string directory;  // the store's own; there, and empty
  std::size_t key_count = 0;
  ValueShape shape;
  std::string state = "default";  // kyro: or one of kyro_engine.cc
};

// What one run of a workload took.
struct Outcome {
  double nanos = 0;
  std::uint64_t ops = 0;       // that `nanos` are divided by
  std::uint64_t verified = 0;  // values, rows and absences that were checked
  double scaling = 0;          // threads_2: throughput of two threads by that of one
  std::string stage;           // stages_*: how far the work went
  std::string not_offered;     // why, if the engine cannot serve the workload
  std::string wrong;           // what was wrong, if something was
};

// What a store tells about itself, by name: kyro's model_bytes_per_key.
using Facts = std::map<std::string, double>;

class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;

  // Everything but opening and loading needs an open store. Errors are thrown.
  virtual Outcome Load(const Rows& rows) = 0;  // and opens it
  virtual void Close() = 0;
  virtual void Open() = 0;
  // The first get included.
  virtual Outcome TimeOpen(const Queries& queries) = 0;
  virtual Outcome Run(Workload workload, const Queries& queries) = 0;
  // One outcome for each stage, in the order of the way.
  virtual std::vector<Outcome> RunStages(Workload workload, const Queries& queries) = 0;
  // Reads every row if it can, then gets the keys of `queries`: nothing is touched for the first
  // time afterwards. Untimed.
  virtual void WarmUp(const Queries& queries) = 0;
  virtual Facts facts() = 0;

  // Empty if the store can serve it.
  virtual std::string WhyNot(Workload workload) const = 0;
  virtual bool on_disk() const = 0;
};

struct EngineName {
  std::string name;   // "kyro"
  std::string state;  // "default", or another of kyro's
  std::string text() const { return state == "default" ? name : name + ":" + state; }
};

// "kyro:warm" taken apart. Throws if there is no such engine or state.
EngineName ParseEngineName(const std::string& text);
// All names, of engines that this build lacks too, kyro first.
const std::vector<std::string>& EngineNames();

// Null if the build lacks the engine. Throws for unknown names.
std::unique_ptr<Engine> MakeEngine(const EngineName& name, const StoreOptions& options);

// One each, in a file of its own, which the build leaves out where the library is not there.
std::unique_ptr<Engine> MakeKyro(const StoreOptions& options);
std::unique_ptr<Engine> MakeLmdb(const StoreOptions& options);
std::unique_ptr<Engine> MakeRocksdb(const StoreOptions& options);
std::unique_ptr<Engine> MakeLeveldb(const StoreOptions& options);
std::unique_ptr<Engine> MakeSqlite(const StoreOptions& options);
std::unique_ptr<Engine> MakeTkrzw(const StoreOptions& options);
std::unique_ptr<Engine> MakeWiredtiger(const StoreOptions& options);
std::unique_ptr<Engine> MakeFlatHashMap(const StoreOptions& options);
std::unique_ptr<Engine> MakeFlatHashMapPrefetch(const StoreOptions& options);
std::unique_ptr<Engine> MakeBtreeMap(const StoreOptions& options);
std::unique_ptr<Engine> MakeSortedArray(const StoreOptions& options);
std::unique_ptr<Engine> MakeSimdTree(const StoreOptions& options);

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_ENGINE_H_
