// SPDX-License-Identifier: Apache-2.0
//
// The table is open-addressed, at most half full, and written by one thread. A slot is empty until
// its tag is stored, after the delta it names (release/acquire). A table that is full is replaced
// by a copy of twice its size; readers who hold the old one find there all they may see.
#include "delta/generation.h"

#include <new>

#include "base/check.h"
#include "base/heap_sort.h"
#include "base/status_util.h"

namespace kyro::delta {

struct Generation::Slot {
  std::atomic<std::uint64_t> tag{0};  // keyspace << 8 | kind; 0: empty
  void* delta = nullptr;              // a Delta of that kind

  static std::uint64_t Tag(std::uint32_t keyspace, KeyKind kind) noexcept {
    return std::uint64_t{keyspace} << 8 | static_cast<std::uint64_t>(kind);
  }
  static std::uint32_t Keyspace(std::uint64_t tag) noexcept {
    return static_cast<std::uint32_t>(tag >> 8);
  }
  static KeyKind Kind(std::uint64_t tag) noexcept { return static_cast<KeyKind>(tag & 255); }
};

class Generation::Table {
 public:
  static std::unique_ptr<Table> Create(std::size_t size) noexcept {
    std::unique_ptr<Table> table(new (std::nothrow) Table);
    if (table == nullptr) return nullptr;
    table->slots_.reset(new (std::nothrow) Slot[size]);
    if (table->slots_ == nullptr) return nullptr;
    table->size_ = size;
    return table;
  }

  // The keyspace's slot, or the empty one where it belongs. There always is an empty one.
  Slot* Find(std::uint32_t keyspace) const noexcept {
    std::size_t i = (keyspace * std::uint64_t{0x9E3779B97F4A7C15}) >> 32 & (size_ - 1);
    while (true) {
      const std::uint64_t tag = slots_[i].tag.load(std::memory_order_acquire);
      if (tag == 0 || Slot::Keyspace(tag) == keyspace) return &slots_[i];
      i = (i + 1) & (size_ - 1);
    }
  }

  void Add(Slot* slot, std::uint64_t tag, void* delta) noexcept {
    slot->delta = delta;
    slot->tag.store(tag, std::memory_order_release);
    ++used_;
  }

  bool full() const noexcept { return 2 * (used_ + 1) > size_; }
  std::size_t size() const noexcept { return size_; }

  // Calls `visit(tag, delta)` for each keyspace, in no order.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (std::size_t i = 0; i < size_; ++i) {
      const std::uint64_t tag = slots_[i].tag.load(std::memory_order_acquire);
      if (tag != 0) visit(tag, slots_[i].delta);
    }
  }

  std::unique_ptr<Table> older;

 private:
  std::unique_ptr<Slot[]> slots_;
  std::size_t size_ = 0;  // a power of two
  std::size_t used_ = 0;  // the writer's
};

namespace {

constexpr std::size_t kFirstTableSize = 4;

// Calls `body` with the delta as what it is.
template <class Body>
auto WithDelta(KeyKind kind, void* delta, Body body) {
  if (kind == KeyKind::kU64) return body(static_cast<Delta<U64>*>(delta));
  return body(static_cast<Delta<Bytes>*>(delta));
}

Status OutOfMemory() noexcept {
  return Status(StatusCode::kResourceExhausted, "out of memory");
}

}  // namespace

Result<std::shared_ptr<Generation>> Generation::Create(std::size_t budget_bytes,
                                                       Sequence floor_sequence) {
  return Guarded([&]() -> Result<std::shared_ptr<Generation>> {
    std::shared_ptr<Generation> generation(new Generation(budget_bytes, floor_sequence));
    generation->newest_ = Table::Create(kFirstTableSize);
    if (generation->newest_ == nullptr) return OutOfMemory();
    generation->table_.store(generation->newest_.get(), std::memory_order_release);
    return generation;
  });
}

Generation::Generation(std::size_t budget_bytes, Sequence floor_sequence) noexcept
    : budget_bytes_(budget_bytes), floor_sequence_(floor_sequence) {}

Generation::~Generation() {
  if (newest_ == nullptr) return;
  newest_->ForEach([](std::uint64_t tag, void* delta) {
    WithDelta(Slot::Kind(tag), delta, [](auto* typed) { delete typed; });
  });
}

Status Generation::Grow() noexcept {
  std::unique_ptr<Table> table = Table::Create(2 * newest_->size());
  if (table == nullptr) return OutOfMemory();
  newest_->ForEach([&table](std::uint64_t tag, void* delta) {
    table->Add(table->Find(Slot::Keyspace(tag)), tag, delta);
  });
  table->older = std::move(newest_);
  newest_ = std::move(table);
  table_.store(newest_.get(), std::memory_order_release);
  return Status::Ok();
}

template <class K>
Result<Delta<K>*> Generation::Ensure(std::uint32_t keyspace) {
  const Slot* const slot = newest_->Find(keyspace);
  const std::uint64_t tag = slot->tag.load(std::memory_order_relaxed);
  if (tag == Slot::Tag(keyspace, kKindOf<K>)) return static_cast<Delta<K>*>(slot->delta);
  return Make<K>(keyspace);
}

// What Ensure does not find.
template <class K>
Result<Delta<K>*> Generation::Make(std::uint32_t keyspace) {
  Slot* slot = newest_->Find(keyspace);
  if (slot->tag.load(std::memory_order_relaxed) != 0) {
    return Guarded([keyspace]() -> Result<Delta<K>*> {
      return Error(StatusCode::kInternal, "keyspace {} has a delta of the other key kind",
                   keyspace);
    });
  }
  if (newest_->full()) {
    KYRO_RETURN_IF_ERROR(Grow());
    slot = newest_->Find(keyspace);
  }
  KYRO_ASSIGN_OR_RETURN(std::unique_ptr<Delta<K>> delta, Delta<K>::Create(budget_bytes_));
  newest_->Add(slot, Slot::Tag(keyspace, kKindOf<K>), delta.get());
  return delta.release();
}

template <class K>
const Delta<K>* Generation::Find(std::uint32_t keyspace) const noexcept {
  const Slot* const slot = table_.load(std::memory_order_acquire)->Find(keyspace);
  const std::uint64_t tag = slot->tag.load(std::memory_order_acquire);
  if (tag != Slot::Tag(keyspace, kKindOf<K>)) return nullptr;
  return static_cast<const Delta<K>*>(slot->delta);
}

std::vector<Generation::Member> Generation::members() const {
  std::vector<Member> members;
  table_.load(std::memory_order_acquire)->ForEach([&members](std::uint64_t tag, void*) {
    members.push_back(Member{Slot::Keyspace(tag), Slot::Kind(tag)});
  });
  HeapSort(&members, [](const Member& a, const Member& b) { return a.keyspace < b.keyspace; });
  return members;
}

std::size_t Generation::bytes() const noexcept {
  std::size_t bytes = 0;
  table_.load(std::memory_order_acquire)->ForEach([&bytes](std::uint64_t tag, void* delta) {
    bytes += WithDelta(Slot::Kind(tag), delta, [](const auto* typed) { return typed->bytes(); });
  });
  return bytes;
}

std::uint64_t Generation::versions() const noexcept {
  std::uint64_t versions = 0;
  table_.load(std::memory_order_acquire)->ForEach([&versions](std::uint64_t tag, void* delta) {
    versions +=
        WithDelta(Slot::Kind(tag), delta, [](const auto* typed) { return typed->versions(); });
  });
  return versions;
}

template Result<Delta<U64>*> Generation::Ensure<U64>(std::uint32_t);
template Result<Delta<Bytes>*> Generation::Ensure<Bytes>(std::uint32_t);
template const Delta<U64>* Generation::Find<U64>(std::uint32_t) const noexcept;
template const Delta<Bytes>* Generation::Find<Bytes>(std::uint32_t) const noexcept;

}  // namespace kyro::delta
