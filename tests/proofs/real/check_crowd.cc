// SPDX-License-Identifier: Apache-2.0
//
// What must hold of a database whose crowd died. J1 to J5 are what is asked.
//
// J1 Every sequence was given out once, and above what the round began with.
// J2 After a kill everything answered is there; after a power cut everything that was answered as
//    durable, what Sync and stats() said, and in kSync what the reader saw.
// J3 What is there is the commit order cut at one sequence: all known writes up to it, none beyond.
// J4 A sequence up to it that no answered write has belongs to a write in flight, one per thread.
// J5 The rows are those of these writes, in this order, whole.
#include <algorithm>
#include <map>
#include <vector>

#include "db/inspect.h"
#include "proofs/real/crowd.h"
#include "proofs/real/crowd_write.h"

namespace kyro::proofs {
namespace {

using db::Batch;
using db::State;

struct Known {
  std::map<Sequence, Batch> writes;  // answered
  std::vector<Batch> in_flight;
  Sequence durable = 0;  // the newest that was answered as durable
  std::string wrong;
};

Known Gather(const CrowdPlan& plan, CrowdLedger* ledger, Sequence base) {
  Known known;
  for (std::size_t t = 0; t < kCrowdThreads; ++t) {
    const ThreadLedger& thread = ledger->threads[t];
    const std::uint64_t answered = thread.answered;
    const std::uint64_t issued = thread.issued;
    for (std::uint64_t i = 0; i < issued; ++i) {
      Batch batch = WriteOf(plan, t, i).batch;
      if (i >= answered) {
        known.in_flight.push_back(std::move(batch));
        continue;
      }
      const Sequence sequence = thread.writes[i].sequence;
      if (sequence == 0) continue;  // refused
      if (sequence <= base || !known.writes.emplace(sequence, std::move(batch)).second) {
        known.wrong = "sequence " + std::to_string(sequence) + " was given out again";  // J1
      }
      if (thread.writes[i].durable != 0) known.durable = std::max(known.durable, sequence);
    }
  }
  return known;
}

// The state after the writes up to `until`, with a write of `chosen` at each of `gaps`.
State Replay(const CrowdBase& base, const Known& known, Sequence until,
             const std::vector<Sequence>& gaps, const std::vector<std::size_t>& chosen) {
  std::map<Sequence, const Batch*> order;
  for (const auto& [sequence, batch] : known.writes) {
    if (sequence <= until) order[sequence] = &batch;
  }
  for (std::size_t i = 0; i < gaps.size(); ++i) order[gaps[i]] = &known.in_flight[chosen[i]];
  State state = base.state;
  for (const auto& [sequence, batch] : order) db::Apply(*batch, &state);
  return state;
}

// J4, J5: tries every way to put writes in flight into the gaps. Empty if one explains `found`.
std::string Explain(const CrowdBase& base, const Known& known, Sequence until, const State& found) {
  std::vector<Sequence> gaps;
  for (Sequence sequence = base.sequence + 1; sequence <= until; ++sequence) {
    if (known.writes.count(sequence) == 0) gaps.push_back(sequence);
    if (gaps.size() > known.in_flight.size()) {
      return "sequence " + std::to_string(gaps.back()) +
             " is nobody's: " + std::to_string(known.in_flight.size()) + " writes were in flight";
    }
  }
  std::vector<std::size_t> order(known.in_flight.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::string first;
  do {
    const std::string difference = db::Difference(found, Replay(base, known, until, gaps, order));
    if (difference.empty()) return "";
    if (first.empty()) first = difference;
  } while (std::next_permutation(order.begin(), order.end()));
  return first + " (" + std::to_string(gaps.size()) + " of " +
         std::to_string(known.in_flight.size()) + " writes in flight are there)";
}

std::string Lost(const CrowdPlan& plan, CrowdLedger* ledger, const Known& known, bool power_cut,
                 Sequence at) {
  Sequence least = std::max<Sequence>(known.durable, ledger->durable);
  if (!power_cut && !known.writes.empty()) least = std::max(least, known.writes.rbegin()->first);
  if (!power_cut || plan.options.durability == Durability::kSync) {
    least = std::max<Sequence>(least, ledger->seen);
  }
  if (at >= least) return "";
  return "lost: at sequence " + std::to_string(at) + ", want at least " + std::to_string(least);
}

std::string Unsound(const Db& db) {
  if (const Status verified = db.Verify(); !verified.ok()) {
    return "Verify: " + verified.ToString();
  }
  const Stats stats = db.stats();
  if (stats.model_fallbacks != 0) return "model_fallbacks";
  if (!stats.unknown_files.empty()) return "unknown file " + stats.unknown_files[0];
  return "";
}

}  // namespace

CrowdVerdict JudgeCrowd(const CrowdPlan& plan, CrowdLedger* ledger, bool power_cut,
                        Sequence sequence, const State& found, CrowdBase* base) {
  CrowdVerdict verdict;
  const Known known = Gather(plan, ledger, base->sequence);
  verdict.answered = known.writes.size();
  verdict.in_flight = known.in_flight.size();
  verdict.lost = static_cast<std::uint64_t>(
      std::distance(known.writes.upper_bound(sequence), known.writes.end()));
  verdict.wrong = known.wrong;
  if (verdict.wrong.empty() && ledger->recovered != 0 && ledger->recovered - 1 != base->sequence) {
    verdict.wrong = "Open found sequence " + std::to_string(ledger->recovered - 1) +
                    ", but it was at " + std::to_string(base->sequence);
  }
  if (verdict.wrong.empty()) verdict.wrong = Lost(plan, ledger, known, power_cut, sequence);
  if (verdict.wrong.empty()) verdict.wrong = Explain(*base, known, sequence, found);
  if (verdict.wrong.empty()) *base = {found, sequence};
  return verdict;
}

CrowdVerdict CheckCrowd(const CrowdPlan& plan, CrowdLedger* ledger, bool power_cut,
                        const std::string& world, CrowdBase* base) {
  CrowdVerdict verdict;
  Options options = plan.options;
  // Every other time the next crowd is left to recover, and perhaps to die doing so.
  options.read_only = plan.round % 2 == 1 && base->sequence != 0;
  auto db = Db::Open(world + "/db", options);
  if (!db.ok()) return {"Open: " + db.status().ToString()};
  const auto found = db::ReadAll(&*db);
  if (!found.ok()) return {"ReadAll: " + found.status().ToString()};
  verdict = JudgeCrowd(plan, ledger, power_cut, db->stats().visible, *found, base);
  if (verdict.wrong.empty()) verdict.wrong = Unsound(*db);
  if (const Status closed = db->Close(); verdict.wrong.empty() && !closed.ok()) {
    verdict.wrong = "Close: " + closed.ToString();
  }
  return verdict;
}

}  // namespace kyro::proofs
