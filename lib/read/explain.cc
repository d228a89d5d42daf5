// SPDX-License-Identifier: Apache-2.0
#include "read/explain.h"

#include <utility>

namespace kyro::read {
namespace {

using Found = segment::Explanation::Found;

template <class K>
DeltaExplanation ExplainDelta(const delta::Delta<K>& delta, typename K::Key key,
                              Sequence sequence) {
  DeltaExplanation told;
  told.keys = delta.keys();
  told.reached = true;
  told.filter_excludes = !delta.MayContain(key);
  told.found = delta.Get(key, sequence).found;
  return told;
}

template <class K>
RunExplanation ExplainRun(const Run<K>& run, typename K::Key key) {
  RunExplanation told;
  told.segments = run.segments.size();
  told.reached = true;
  if (const segment::Segment<K>* segment = run.Find(key)) told.segment = segment->Explain(key);
  return told;
}

void SetFound(const Lookup& found, Explanation* told) {
  if (found.failed()) {
    told->found = Found::kFailed;
    told->status = found.status();
  } else if (found.present()) {
    told->found = Found::kValue;
    told->value_bytes = found.value().size();
  } else if (!found.undecided()) {
    told->found = Found::kTombstone;
  }
}

}  // namespace

template <class K>
Explanation Explain(const Sources<K>& sources, typename K::Key key, Sequence sequence,
                    Tally* predictions) {
  Explanation told;
  told.sequence = sequence;
  bool answered = false;
  for (std::size_t i = 0; i < sources.delta_count; ++i) {
    const delta::Delta<K>& delta = *sources.deltas[i];
    told.deltas.push_back(answered ? DeltaExplanation{.keys = delta.keys()}
                                   : ExplainDelta(delta, key, sequence));
    answered = answered || told.deltas.back().found != delta::Found::kNothing;
  }
  const std::size_t runs = sources.runs == nullptr ? 0 : sources.runs->runs.size();
  for (std::size_t i = 0; i < runs; ++i) {
    const Run<K>& run = sources.runs->runs[i];
    told.runs.push_back(answered ? RunExplanation{.segments = run.segments.size()}
                                 : ExplainRun(run, key));
    const auto& segment = told.runs.back().segment;
    answered = answered || (segment && segment->found != Found::kAbsent);
  }
  SetFound(sources.Get(key, sequence, predictions), &told);
  return told;
}

template Explanation Explain<U64>(const Sources<U64>&, std::uint64_t, Sequence, Tally*);
template Explanation Explain<Bytes>(const Sources<Bytes>&, std::string_view, Sequence, Tally*);

}  // namespace kyro::read
