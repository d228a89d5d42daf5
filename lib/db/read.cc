// SPDX-License-Identifier: Apache-2.0
//
// How a Core is read: what happens once per lookup or view, and so is compiled for speed.
#include <memory>
#include <string>
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "base/test_point.h"
#include "db/core.h"
#include "read/epoch.h"
#include "read/view_state.h"

namespace kyro::db {
namespace {

struct Point {
  read::StatePin pin;
  Sequence sequence;
};

// What is visible now, and the state that holds all of it: the state is pinned first (V2).
template <class Visible>
Point PinNow(const read::StateHolder& states, const Visible& visible) noexcept {
  const Sequence early = KYRO_PLANTED(kViewSequenceFirst) ? visible() : 0;
  KYRO_TEST_POINT("read.view_begins");
  Point point{states.Pin(), 0};
  KYRO_TEST_POINT("read.state_pinned");
  point.sequence = read::ClampToState(*point.pin, visible());
  if (KYRO_PLANTED(kViewSequenceFirst)) point.sequence = early;
  if (KYRO_PLANTED(kViewUnclamped)) point.sequence = visible();
  return point;
}

}  // namespace

template <class K>
Status Core::Get(std::uint32_t keyspace, typename K::Key key, std::string* value) const {
  if (!usable()) [[unlikely]]
    return CheckOpen();
  const read::EpochGuard guard;
  const read::ReadState* state = states_->Peek(guard);
  read::StatePin pin;
  if (state == nullptr) {  // more threads than epoch slots
    pin = states_->Pin();
    state = pin.get();
  }
  KYRO_TEST_POINT("read.state_peeked");
  const read::Sources<K> sources(*state, keyspace);
  const Lookup lookup =
      sources.alone != nullptr ? sources.alone->Get(key) : GetAny(*state, sources, key);
  if (lookup.present()) [[likely]] {
    value->assign(lookup.value());
    return Status::Ok();
  }
  return sources.known ? lookup.status() : Dropped();
}

// Of several sources, or none. A delta that was empty when `sources` were picked held nothing that
// was acknowledged before this Get began.
template <class K>
Lookup Core::GetAny(const read::ReadState& state, const read::Sources<K>& sources,
                    typename K::Key key) const noexcept {
  const Sequence sequence = read::ClampToState(state, visible());
  using Timer = read::LookupMeter::Timer;
  const bool timed = shared_->lookups.Count(1);
  const Timer timer(timed ? &shared_->lookups : nullptr, Timer::Call::kGet);
  return sources.Get(key, sequence, &shared_->predictions);
}

template <class K>
Result<std::shared_ptr<const read::ViewState<K>>> Core::NewView(std::uint32_t keyspace) const {
  Point now = PinNow(*states_, [this] { return visible(); });
  auto view =
      std::make_shared<const read::ViewState<K>>(std::move(now.pin), keyspace, now.sequence);
  if (!view->sources().known) return Dropped();
  return view;
}

std::shared_ptr<const ReadPointState> Core::NewReadPoint() const {
  Point now = PinNow(*states_, [this] { return visible(); });
  return std::make_shared<const ReadPointState>(std::move(now.pin), now.sequence, id_);
}

template Status Core::Get<U64>(std::uint32_t, std::uint64_t, std::string*) const;
template Status Core::Get<Bytes>(std::uint32_t, std::string_view, std::string*) const;
template Result<std::shared_ptr<const read::ViewState<U64>>> Core::NewView<U64>(
    std::uint32_t) const;
template Result<std::shared_ptr<const read::ViewState<Bytes>>> Core::NewView<Bytes>(
    std::uint32_t) const;

}  // namespace kyro::db
