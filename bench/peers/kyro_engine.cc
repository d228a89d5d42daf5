// SPDX-License-Identifier: Apache-2.0
//
// kyro through its public API: a held View of a folded database. State "warm": after Db::Warm;
// "huge": after Db::Warm into huge pages; "delta": three runs, and 1 MiB of newer versions in
// memory over them; "delta_1" and "delta_2": over one run and over two.
#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "bench/peers/engine_of.h"
#include "bench/peers/pass_stages.h"
#include "bench/peers/settings.h"
#include "bench/peers/stages.h"
#include "index/model.h"
#include "kyro/column_batch.h"
#include "kyro/db.h"

namespace kyro::bench {
namespace {

void Must(const Status& status) {
  if (!status.ok()) Give("kyro: " + status.ToString());
}
template <class T>
T Must(Result<T> result) {
  if (!result.ok()) Give("kyro: " + result.status().ToString());
  return *std::move(result);
}

std::string_view ValueOf(const Lookup& lookup) {
  if (lookup.failed()) [[unlikely]]
    Must(lookup.status());
  return lookup.value();
}

class KyroStore {
 public:
  static constexpr bool kOnDisk = true;
  static constexpr bool kColumns = true;  // only a column scan counts as scan_columns

  explicit KyroStore(const StoreOptions& options) : options_(options) {}

  void Load(const Rows& rows) {
    Start();
    // Newer runs stay below merge_fraction of the older: nothing merges them.
    const std::size_t runs = RunsBelowDelta().value_or(1);
    for (std::size_t run = 0; run < runs; ++run) {
      LoadWhere(rows, [&](std::size_t i) { return std::min(RunOf(i), runs - 1) == run; });
    }
    rows_.emplace(rows);
    Close();
  }

  void Open() {
    Start();
    if (options_.state == "warm") Must(db_->Warm());
    if (options_.state == "huge") Must(db_->Warm({.huge_pages = true}));
    if (const auto runs = RunsBelowDelta()) FillDelta(*runs);
  }
  void Close() {
    space_.reset();
    if (db_) Must(db_->Close());
    db_.reset();
  }

  class Reader {
   public:
    explicit Reader(const KyroStore& store) : view_(Must(store.space_->view())) {}

    std::string_view Get(std::uint64_t key) { return ValueOf(view_.Get(key)); }
    template <class F>
    void MultiGet(KeySpan keys, F&& each) {
      const std::span<Lookup> lookups(lookups_.data(), keys.size());
      Must(view_.MultiGet(keys, lookups));
      for (std::size_t i = 0; i < keys.size(); ++i) each(i, lookups[i].value());
    }
    template <class F>
    void Walk(std::uint64_t from, std::size_t rows, F&& row) {
      if (!iterator_) iterator_.emplace(view_.NewIterator());
      iterator_->Seek(from);
      for (; rows > 0 && iterator_->Valid(); --rows, iterator_->Next()) {
        row(iterator_->key(), iterator_->value());
      }
      Must(iterator_->status());
    }
    template <class F>
    void WalkAll(F&& row) {
      Scan<U64> scan = view_.scan();
      for (const auto& [key, value] : scan) row(key, value);
      Must(scan.status());
    }
    // All rows where Get finds them; keys are empty if they do not lie side by side.
    MappedRows Mapped() {
      MappedRows rows;
      Scan<U64> scan = view_.scan();
      ColumnBatch<U64> batch;
      while (scan.NextBatch(&batch)) {
        if (rows.values == nullptr) rows = {batch.keys.first(0), batch.values.data()};
        const std::size_t seen = rows.keys.size();
        const bool next = batch.keys.data() == rows.keys.data() + seen &&
                          batch.values.data() == rows.values + seen * 8 &&
                          batch.values.offsets() == nullptr && batch.values.width() == 8;
        if (!next) return {};
        rows.keys = {rows.keys.data(), seen + batch.size()};
      }
      Must(scan.status());
      // A single batch may be a copy.
      const bool in_place = !rows.keys.empty() && Get(rows.keys[0]).data() == rows.values;
      return in_place ? rows : MappedRows();
    }
    void WalkColumns(RowChecker& rows) {
      Scan<U64> scan = view_.scan();
      ColumnBatch<U64> batch;
      while (scan.NextBatch(&batch)) {
        if (batch.values.offsets() == nullptr && batch.values.width() == 8) {
          rows.Columns(batch.keys, batch.values.data());
        } else {
          for (std::size_t i = 0; i < batch.size(); ++i) rows(batch.keys[i], batch.values[i]);
        }
      }
      Must(scan.status());
    }

   private:
    View<U64> view_;
    std::optional<Iterator<U64>> iterator_;
    std::array<Lookup, 128> lookups_;
  };

  // Writes as durable as the peers': the operating system decides when to sync.
  class Session {
   public:
    explicit Session(KyroStore& store) : store_(&store) {}
    std::string_view Get(std::uint64_t key) {
      const Status status = store_->space_->Get(key, &value_);
      if (status.code() == StatusCode::kNotFound) return {};
      Must(status);
      return value_;
    }
    void Put(std::uint64_t key, std::string_view value) {
      Must(store_->space_->Put(key, value, {.durability = settings::kKyroDurability}));
    }
    template <class F>
    void Walk(std::uint64_t from, std::size_t rows, F&& row) {
      Iterator<U64> iterator = Must(store_->space_->view()).NewIterator();
      iterator.Seek(from);
      for (; rows > 0 && iterator.Valid(); --rows, iterator.Next()) {
        row(iterator.key(), iterator.value());
      }
      Must(iterator.status());
    }

   private:
    KyroStore* store_;
    std::string value_;
  };

  // The states are made after opening, of the same model.
  std::string WhyNot(Workload workload) const {
    const bool other = options_.state != "default";
    if (IsStages(workload)) {
      if (options_.shape != ValueShape{8, 8}) return "values are not 8 bytes";
      return other ? "only for the default state" : "";
    }
    const bool same = IsOpen(workload) || workload == Workload::kTrain;
    return same && other ? "as kyro" : "";
  }

  // Training looks every key up before it returns: validation is included.
  double TimeTrain(KeySpan keys) {
    double nanos = 0;
    constexpr std::size_t kPart = std::size_t{1} << 28;
    for (std::size_t first = 0; first < keys.size(); first += kPart) {
      const KeySpan part = keys.subspan(first, std::min(kPart, keys.size() - first));
      nanos += TimeNanos([&] { Must(index::Train(part)); });
    }
    return nanos;
  }

  std::vector<Outcome> TimeStages(Workload workload, const Queries& queries, const Values& values) {
    Reader reader(*this);
    const MappedRows rows = reader.Mapped();
    if (rows.keys.empty()) {
      Outcome outcome;
      outcome.not_offered = "rows are not side by side";
      return {outcome};
    }
    if (workload == Workload::kStagesScan) return ScanStages(reader, rows, values);
    index::ModelBytes bytes = Must(index::Train(rows.keys));
    const index::Model trained =
        Must(index::Model::Open(bytes.bytes(), static_cast<std::uint32_t>(rows.keys.size())));
    if (workload == Workload::kStagesTrain) return TrainStages(rows.keys, trained);
    const StagedModel model(std::move(bytes), trained, rows);
    if (workload == Workload::kStagesThreads) return ThreadStages(model, queries, values);
    const Told told(queries.keys, model);
    GetTimer timer(workload, queries, values);
    timer.WarmUp(reader);  // every stage finds in the caches what the same gets left there
    timer.Time("answer known", AnswerKnown(told));
    timer.Time("position known", PositionKnown(told, rows));
    if (workload == Workload::kStagesBatch) {
      timer.Time("positions found", PositionFound(model));
      timer.Time("View::MultiGet", reader);
      return timer.Take();
    }
    timer.Time("position predicted", PositionPredicted(told, model));
    timer.Time("position found", PositionFound(model));
    timer.Time("View::Get", reader);
    timer.Time("Keyspace::Get", Session(*this));
    return timer.Take();
  }

  std::vector<Outcome> ThreadStages(const StagedModel& model, const Queries& queries,
                                    const Values& values) {
    TwoThreadsTimer timer(queries, values);
    const Told told[2] = {Told(timer.keys(0), model), Told(timer.keys(1), model)};
    const MappedRows& rows = model.rows();
    const auto database = [&](int) { return std::make_unique<Reader>(*this); };
    timer.Time("View::Get", database);  // as `WarmUp`, not kept
    (void)timer.Take();
    timer.Time("answer known", [&](int i) { return std::make_unique<AnswerKnown>(told[i]); });
    timer.Time("position known",
               [&](int i) { return std::make_unique<PositionKnown>(told[i], rows); });
    timer.Time("position found", [&](int) { return std::make_unique<PositionFound>(model); });
    timer.Time("View::Get", database);
    return timer.Take();
  }

  Facts facts() {
    double raw_bytes = 0;
    for (const std::uint64_t key : rows_->keys()) raw_bytes += 8 + rows_->values().BytesOf(key);
    const Stats stats = db_->stats();
    const KeyspaceStats& space = stats.keyspaces.at(0);
    return {{"raw_bytes_per_key", raw_bytes / static_cast<double>(rows_->size())},
            {"runs", static_cast<double>(space.runs)},
            {"delta_bytes", static_cast<double>(stats.delta_bytes)},
            {"segment_bytes", static_cast<double>(stats.segment_bytes)},
            {"model_bytes", static_cast<double>(stats.model_bytes)},
            {"model_bytes_per_key", stats.model_bytes_per_key},
            {"window_p999", static_cast<double>(stats.window_p999)},
            {"model_fallbacks", static_cast<double>(stats.model_fallbacks)}};
  }

 private:
  static constexpr std::size_t kDeltaBytes = std::size_t{1} << 20;

  // None: the delta is empty.
  std::optional<std::size_t> RunsBelowDelta() const {
    const std::string& state = options_.state;
    if (state == "delta_1") return 1;
    if (state == "delta_2") return 2;
    return state == "delta" ? std::optional<std::size_t>(3) : std::nullopt;
  }

  // 1 of 128 rows in the newest run, 8 in the middle one, the rest in the oldest.
  static std::size_t RunOf(std::size_t row) {
    const std::size_t part = Mix(row + 1) % 128;
    return part == 0 ? 2 : part <= 8 ? 1 : 0;
  }

  void Start() {
    if (db_) return;
    db_.emplace(Must(Db::Open(options_.directory)));
    space_.emplace(Must(db_->OpenKeyspace<U64>()));
  }

  template <class F>
  void LoadWhere(const Rows& rows, F&& wanted) {
    BulkLoader<U64> loader = Must(space_->NewBulkLoader());
    std::string buffer;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (wanted(i)) Must(loader.Add(rows.keys()[i], rows.Value(i, &buffer)));
    }
    Must(loader.Finish());
  }

  void FillDelta(std::size_t runs) {
    std::string buffer;
    for (std::size_t i = 0; i < rows_->size(); ++i) {
      if (i % 64 == 0 && db_->stats().delta_bytes >= kDeltaBytes) break;
      const std::size_t at = Mix(i + 1) % rows_->size();
      Must(space_->Put(rows_->keys()[at], rows_->Value(at, &buffer),
                       {.durability = Durability::kOs}));
    }
    // With fewer keys the files are about as large as each other, and may have been merged.
    constexpr std::size_t kKeysToTell = 100000;
    if (rows_->size() >= kKeysToTell && db_->stats().keyspaces.at(0).runs != runs) {
      Give(fmt::format("kyro: there are not {} runs below the delta", runs));
    }
  }

  StoreOptions options_;
  std::optional<Rows> rows_;  // that were loaded: the delta takes some
  std::optional<Db> db_;
  std::optional<Keyspace<U64>> space_;
};

}  // namespace

std::unique_ptr<Engine> MakeKyro(const StoreOptions& options) {
  return std::make_unique<EngineOf<KyroStore>>(options);
}

}  // namespace kyro::bench
