// SPDX-License-Identifier: Apache-2.0
#include "db/repair_space.h"

#include <optional>
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "segment/salvage.h"

namespace kyro::db {
namespace {

using segment::DamagedBytes;
using segment::Salvager;

// Keys between two calls of on_progress: some milliseconds.
constexpr std::uint64_t kProgressRows = 4096;

template <class K>
std::string Encoded(typename K::Key key) {
  std::string bytes;
  KeyTraits<K>::Append(&bytes, key);
  return bytes;
}

// The rows of one run in key order, and the unreadable stretches before each.
template <class K>
class RunSource {
 public:
  using Key = typename K::Key;
  using Owned = typename KeyTraits<K>::Owned;
  using Row = typename Salvager<K>::Row;

  RunSource(const SpaceSource& source, const RunRef& run, RepairReport* report)
      : source_(source), run_(run), report_(report) {}

  // The next row, if there is one; gaps_ become those before it, or before the end.
  Status Advance();

  bool valid() const noexcept { return valid_; }
  Key key() const noexcept { return salvager_->key(); }
  Row row() const noexcept { return salvager_->row(); }
  std::string_view value() const noexcept { return salvager_->value(); }
  const DamagedBytes& damage() const noexcept { return salvager_->last_damage(); }
  const SegmentRef& ref() const noexcept { return run_.segments[segment_]; }

  // Whether an unreadable row may have this key, which no readable one before it has: the loss that
  // lists it, or null.
  RepairLoss* Covers(Key key) const {
    for (const Gap& gap : gaps_) {
      if (gap.first && (gap.first_inclusive ? KeyTraits<K>::Less(key, *gap.first)
                                            : !KeyTraits<K>::Less(*gap.first, key))) {
        continue;
      }
      if (gap.last && (gap.last_inclusive ? KeyTraits<K>::Less(*gap.last, key)
                                          : !KeyTraits<K>::Less(key, *gap.last))) {
        continue;
      }
      return &report_->losses[gap.loss];
    }
    return nullptr;
  }

 private:
  struct Gap {
    std::optional<Owned> first, last;
    bool first_inclusive = true, last_inclusive = true;
    std::size_t loss = 0;
  };

  // From behind the last key read of this segment, or its first key, to `last`.
  void AddGap(std::optional<Owned> last, bool last_inclusive, std::uint64_t rows,
              const DamagedBytes& damage);

  const SpaceSource& source_;
  const RunRef& run_;
  RepairReport* const report_;
  std::size_t segment_ = 0;
  std::unique_ptr<Salvager<K>> salvager_;  // null: of segment_, not opened yet
  std::optional<Owned> previous_;          // key of this segment
  std::vector<Gap> gaps_;
  bool valid_ = false;
};

template <class K>
void RunSource<K>::AddGap(std::optional<Owned> last, bool last_inclusive, std::uint64_t rows,
                          const DamagedBytes& damage) {
  Gap gap;
  if (previous_) {
    gap.first = previous_;
    gap.first_inclusive = false;
  } else if (source_.with_manifest) {
    gap.first = Owned(KeyTraits<K>::Decode(ref().first_key));
  }
  gap.last = std::move(last);
  gap.last_inclusive = last_inclusive;
  gap.loss = report_->losses.size();
  RepairLoss loss;
  loss.what = "rows whose keys are not readable: " + damage.what;
  loss.file = damage.file;
  loss.offset = damage.offset;
  loss.bytes = damage.bytes;
  loss.keyspace = source_.name;
  loss.kind = kKindOf<K>;
  if (gap.first) loss.first.key = Encoded<K>(*gap.first);
  if (gap.last) loss.last.key = Encoded<K>(*gap.last);
  loss.first.inclusive = gap.first_inclusive;
  loss.last.inclusive = gap.last_inclusive;
  loss.first_sequence = ref().min_sequence;
  loss.last_sequence = ref().max_sequence;
  loss.rows = rows;
  report_->losses.push_back(std::move(loss));
  gaps_.push_back(std::move(gap));
}

template <class K>
Status RunSource<K>::Advance() {
  gaps_.clear();
  valid_ = false;
  for (; segment_ < run_.segments.size(); ++segment_, salvager_ = nullptr, previous_.reset()) {
    const auto last_key = [&]() -> std::optional<Owned> {
      if (!source_.with_manifest) return std::nullopt;
      return Owned(KeyTraits<K>::Decode(ref().last_key));
    };
    if (salvager_ == nullptr) {
      auto opened = Salvager<K>::Open(*source_.directory, ref(), source_.with_manifest);
      if (!opened.ok()) {
        const Status& status = opened.status();
        if (status.code() != StatusCode::kDataLoss && status.code() != StatusCode::kUnsupported &&
            status.code() != StatusCode::kIoError) {
          return status;
        }
        AddGap(last_key(), true, ref().entries,
               {FileName(FileKind::kKeys, ref().keys.id.number), 0, ref().keys.bytes,
                std::string(status.message())});
        continue;
      }
      salvager_ = *std::move(opened);
    } else {
      previous_ = Owned(salvager_->key());
    }
    KYRO_ASSIGN_OR_RETURN(valid_, salvager_->Next());
    const std::uint64_t skipped = salvager_->skipped();
    if (valid_) {
      if (skipped > 0) AddGap(Owned(key()), false, skipped, salvager_->last_damage());
      return Status::Ok();
    }
    if (skipped > 0) AddGap(last_key(), true, skipped, salvager_->last_damage());
  }
  return Status::Ok();
}

template <class K>
class SpaceMerger {
 public:
  using Key = typename K::Key;
  using Owned = typename KeyTraits<K>::Owned;
  using Row = typename RunSource<K>::Row;

  SpaceMerger(const SpaceSource& source, const RepairOptions& options, RepairReport* report)
      : source_(source), options_(options), report_(report) {
    for (const auto& [key, row] : source.log) {
      log_.emplace(Owned(KeyTraits<K>::Decode(key)), &row);
    }
    for (const RunRef& run : source.runs) runs_.emplace_back(source, run, report);
  }

  Status Run(Db* to);

 private:
  std::optional<Owned> SmallestKey() const;
  Status Decide(Key key);
  // An older row in place of a newer one that is lost; only with `all`.
  Status GiveOlder(Key key, std::size_t from, std::size_t loss);
  void AddLost(Key key, const RunSource<K>& run);
  Status Write(Key key, std::string_view value) {
    ++rows_;
    return loader_->Add(key, value);
  }
  static bool At(const RunSource<K>& run, Key key) {
    return run.valid() && KeyTraits<K>::Equal(run.key(), key);
  }

  const SpaceSource& source_;
  const RepairOptions& options_;
  RepairReport* const report_;
  std::map<Owned, const LogRow*> log_;
  std::vector<RunSource<K>> runs_;  // newest first
  std::optional<BulkLoader<K>> loader_;
  std::uint64_t rows_ = 0;
  std::optional<std::size_t> open_loss_;  // lost rows that the next one may join
};

template <class K>
std::optional<typename KeyTraits<K>::Owned> SpaceMerger<K>::SmallestKey() const {
  std::optional<Owned> smallest;
  if (!log_.empty()) smallest = log_.begin()->first;
  for (const RunSource<K>& run : runs_) {
    if (run.valid() && (!smallest || KeyTraits<K>::Less(run.key(), *smallest))) {
      smallest = Owned(run.key());
    }
  }
  return smallest;
}

// Consecutive keys whose rows lie in the same damaged bytes are one entry.
template <class K>
void SpaceMerger<K>::AddLost(Key key, const RunSource<K>& run) {
  const DamagedBytes& damage = run.damage();
  if (open_loss_) {
    RepairLoss& loss = report_->losses[*open_loss_];
    if (loss.file == damage.file && loss.offset == damage.offset) {
      loss.last.key = Encoded<K>(key);
      ++loss.rows;
      return;
    }
  }
  open_loss_ = report_->losses.size();
  RepairLoss loss;
  loss.what = "rows whose values are not readable: " + damage.what;
  loss.file = damage.file;
  loss.offset = damage.offset;
  loss.bytes = damage.bytes;
  loss.keyspace = source_.name;
  loss.kind = kKindOf<K>;
  loss.first.key = loss.last.key = Encoded<K>(key);
  loss.first_sequence = run.ref().min_sequence;
  loss.last_sequence = run.ref().max_sequence;
  loss.rows = 1;
  report_->losses.push_back(std::move(loss));
}

template <class K>
Status SpaceMerger<K>::GiveOlder(Key key, std::size_t from, std::size_t loss) {
  for (std::size_t i = from; i < runs_.size(); ++i) {
    if (!At(runs_[i], key) || runs_[i].row() == Row::kLost) continue;
    if (runs_[i].row() == Row::kTombstone) return Status::Ok();
    if (!options_.all) {
      ++report_->losses[loss].withheld;
      return Status::Ok();
    }
    ++report_->losses[loss].stale;
    return Write(key, runs_[i].value());
  }
  return Status::Ok();
}

template <class K>
Status SpaceMerger<K>::Decide(Key key) {
  if (const auto logged = log_.find(Owned(key)); logged != log_.end()) {
    open_loss_.reset();
    return logged->second->put ? Write(key, logged->second->value) : Status::Ok();
  }
  const RepairLoss* doubt = nullptr;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (!At(runs_[i], key)) {
      if (doubt == nullptr) doubt = runs_[i].Covers(key);
      continue;
    }
    if (runs_[i].row() == Row::kLost) {
      if (KYRO_PLANTED(kRepairGivesOlder)) continue;
      AddLost(key, runs_[i]);
      return GiveOlder(key, i + 1, *open_loss_);
    }
    open_loss_.reset();
    if (doubt == nullptr || KYRO_PLANTED(kRepairIgnoresHoles)) {
      return runs_[i].row() == Row::kValue ? Write(key, runs_[i].value()) : Status::Ok();
    }
    return GiveOlder(key, i, static_cast<std::size_t>(doubt - report_->losses.data()));
  }
  return Status::Ok();
}

template <class K>
Status SpaceMerger<K>::Run(Db* to) {
  KYRO_ASSIGN_OR_RETURN(Keyspace<K> keyspace, to->OpenKeyspace<K>(source_.name));
  KYRO_ASSIGN_OR_RETURN(loader_, keyspace.NewBulkLoader());
  for (RunSource<K>& run : runs_) KYRO_RETURN_IF_ERROR(run.Advance());
  std::uint64_t looked_at = 0;
  while (const std::optional<Owned> key = SmallestKey()) {
    if (looked_at++ % kProgressRows == 0 && options_.progress.on_progress &&
        !options_.progress.on_progress(looked_at, 0)) {
      return Status(StatusCode::kCancelled, "repair cancelled");
    }
    KYRO_RETURN_IF_ERROR(Decide(*key));
    log_.erase(*key);
    for (RunSource<K>& run : runs_) {
      if (At(run, *key)) KYRO_RETURN_IF_ERROR(run.Advance());
    }
  }
  KYRO_RETURN_IF_ERROR(loader_->Finish().status());
  loader_.reset();
  report_->spaces.push_back({source_.name, kKindOf<K>, rows_});
  return Status::Ok();
}

}  // namespace

template <class K>
Status RepairSpace(const SpaceSource& source, const RepairOptions& options, Db* to,
                   RepairReport* report) {
  return SpaceMerger<K>(source, options, report).Run(to);
}

template Status RepairSpace<U64>(const SpaceSource&, const RepairOptions&, Db*, RepairReport*);
template Status RepairSpace<Bytes>(const SpaceSource&, const RepairOptions&, Db*, RepairReport*);

}  // namespace kyro::db
