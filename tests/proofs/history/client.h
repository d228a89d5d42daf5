// SPDX-License-Identifier: Apache-2.0
//
// A thread of a world: draws operations, calls, and records what it was told.
#ifndef KYRO_TESTS_PROOFS_HISTORY_CLIENT_H_
#define KYRO_TESTS_PROOFS_HISTORY_CLIENT_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proofs/history/world.h"

namespace kyro::proofs {

class World::Client {
 public:
  Client(World* world, int number, std::uint64_t seed)
      : world_(*world), held_(world->held_[static_cast<std::size_t>(number)]), random_(seed) {}

  std::vector<Op> Run(int operations);

 private:
  void Put();
  void Delete();
  void Write();
  void Get();
  void TakeView();
  void TakeReadPoint();
  void ReadHeld();

  Op Begin(Op::Kind kind);
  void End(Op* op);
  void Commit(Op op, const Status& status);
  void Record(Op op) { ops_.push_back(std::move(op)); }
  // One read through one of the views, in one of the ways there are.
  void ReadThrough(const Held& held, std::vector<Seen>* seen);
  void LookUp(std::size_t space, const db::AnyView& view, std::vector<Seen>* seen);
  void LookUpMany(std::size_t space, const db::AnyView& view, std::vector<Seen>* seen);
  void Scan(std::size_t space, const db::AnyView& view, std::vector<Seen>* seen);
  void WalkForward(std::size_t space, const db::AnyView& view, std::vector<Seen>* seen);
  void WalkBackward(std::size_t space, const db::AnyView& view, std::vector<Seen>* seen);
  void ReadAndRecord(Op op, Held held);
  void Failed(const Status& status, const char* what);
  std::size_t Space() { return random_.Below(world_.spaces_.size()); }
  WriteOptions Durable();

  World& world_;
  std::vector<Held>& held_;
  support::SeededRandom random_;
  std::vector<Op> ops_;
  std::vector<LateRead> late_;
};

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_HISTORY_CLIENT_H_
