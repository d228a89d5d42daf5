// SPDX-License-Identifier: Apache-2.0
#include "proofs/rot/reader.h"

#include <algorithm>
#include <span>
#include <type_traits>

#include "base/status_util.h"
#include "db/inspect.h"

namespace kyro::proofs {
namespace {

// Seeks stand at every so many probes.
constexpr std::size_t kSeekStride = 16;

class Reader {
 public:
  Reader(const Sample& sample, const Trial& trial, Findings* found)
      : sample_(sample), trial_(trial), found_(found) {}

  // A status that is not OK: right if it is kDataLoss and names a damaged file.
  void Note(const Status& status, const char* from) {
    if (status.ok()) return;
    const auto& damaged = trial_.damaged;
    const bool named =
        damaged.empty() ? !status.file().empty()
                        : std::find(damaged.begin(), damaged.end(), status.file()) != damaged.end();
    if (status.code() == StatusCode::kDataLoss && named &&
        status.message().find(status.file()) != std::string_view::npos) {
      found_->caught = true;
    } else {
      Wrong(fmt::format("{} says {} of file '{}'", from, status.ToString(), status.file()));
    }
  }

  void ReadSpaces(Db* db) {
    for (const SampleSpace& space : sample_.spaces) {
      space.kind == KeyKind::kU64 ? ReadSpace<U64>(db, space) : ReadSpace<Bytes>(db, space);
    }
  }

  void Wrong(std::string what) {
    if (found_->wrong.empty()) found_->wrong = std::move(what);
  }

 private:
  template <class K>
  static std::span<const typename K::Key> KeysOf(const SampleSpace& space) {
    if constexpr (std::is_same_v<K, U64>) return space.u64_keys;
    if constexpr (std::is_same_v<K, Bytes>) return space.bytes_keys;
  }
  template <class K>
  static const auto& RowsOf(const SampleSpace& space) {
    if constexpr (std::is_same_v<K, U64>) {
      return space.u64_rows;
    } else {
      return space.bytes_rows;
    }
  }

  template <class K>
  void ReadSpace(Db* db, const SampleSpace& space) {
    auto opened = db->OpenKeyspace<K>(space.name);
    if (!opened.ok()) {
      Wrong(fmt::format("keyspace {}: {}", space.name, opened.status().ToString()));
      return;
    }
    auto view = opened->view();
    if (!view.ok()) {
      Wrong(fmt::format("view of {}: {}", space.name, view.status().ToString()));
      return;
    }
    for (std::uint32_t step = 0; step < 6; ++step) {
      switch ((step + trial_.order) % 6) {
        case 0:
          Gets<K>(space, *view);
          break;
        case 1:
          MultiGets<K>(space, *view);
          break;
        case 2:
          Forwards<K>(space, *view);
          break;
        case 3:
          Backwards<K>(space, *view);
          break;
        case 4:
          Seeks<K>(space, *view);
          break;
        case 5:
          Scans<K>(space, *view);
          break;
      }
    }
    if (trial_.order % 4 == 0) CopyingGets<K>(space, *opened);
  }

  void Judge(const SampleSpace& space, std::size_t probe, const Lookup& lookup, const char* from) {
    if (lookup.failed()) {
      ++found_->failed_reads;
      return Note(lookup.status(), from);
    }
    const std::string* want = space.probes[probe].second;
    if (lookup.present() == (want != nullptr) && (want == nullptr || lookup.value() == *want)) {
      return;
    }
    Wrong(fmt::format("{} of {} key {}: {}, want {}", from, space.name,
                      Escaped(space.probes[probe].first),
                      lookup.present() ? "'" + Escaped(lookup.value()) + "'" : "absent",
                      want != nullptr ? "'" + Escaped(*want) + "'" : "absent"));
  }

  static std::string Escaped(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes.substr(0, 24)) {
      text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    }
    return text;
  }

  template <class K>
  void Gets(const SampleSpace& space, const View<K>& view) {
    const auto keys = KeysOf<K>(space);
    for (std::size_t i = 0; i < keys.size(); ++i) Judge(space, i, view.Get(keys[i]), "Get");
  }

  template <class K>
  void MultiGets(const SampleSpace& space, const View<K>& view) {
    const auto keys = KeysOf<K>(space);
    lookups_.assign(keys.size(), Lookup());
    Note(view.MultiGet(keys, lookups_), "MultiGet");
    for (std::size_t i = 0; i < keys.size(); ++i) Judge(space, i, lookups_[i], "MultiGet");
  }

  template <class K>
  void CopyingGets(const SampleSpace& space, const Keyspace<K>& keyspace) {
    const auto keys = KeysOf<K>(space);
    std::string value;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const Status status = keyspace.Get(keys[i], &value);
      const std::string* want = space.probes[i].second;
      if (status.ok() ? want != nullptr && value == *want
                      : status.code() == StatusCode::kNotFound && want == nullptr) {
        continue;
      }
      if (status.code() == StatusCode::kDataLoss) {
        Note(status, "Keyspace::Get");
      } else {
        Wrong(fmt::format("Keyspace::Get of {} key {}: {}", space.name,
                          Escaped(space.probes[i].first), status.ToString()));
      }
    }
  }

  void WrongWalk(const SampleSpace& space, const char* from, std::size_t at) {
    Wrong(fmt::format("{} of {}: row {} of {} is not what was written, or was left out", from,
                      space.name, at, space.rows.size()));
  }

  // Up to an error every row is there; without one, all of them.
  template <class K>
  void Forwards(const SampleSpace& space, const View<K>& view) {
    const auto& rows = RowsOf<K>(space);
    Iterator<K> it = view.NewIterator();
    std::size_t at = 0;
    for (it.SeekToFirst(); it.Valid(); it.Next(), ++at) {
      if (at < rows.size() && it.key() == rows[at].first && it.value() == rows[at].second) continue;
      return WrongWalk(space, "iterating forwards", at);
    }
    if (it.status().ok() && at != rows.size()) WrongWalk(space, "iterating forwards", at);
    Note(it.status(), "iterating forwards");
  }

  template <class K>
  void Backwards(const SampleSpace& space, const View<K>& view) {
    const auto& rows = RowsOf<K>(space);
    Iterator<K> it = view.NewIterator();
    std::size_t left = rows.size();
    for (it.SeekToLast(); it.Valid(); it.Prev(), --left) {
      if (left > 0 && it.key() == rows[left - 1].first && it.value() == rows[left - 1].second) {
        continue;
      }
      return WrongWalk(space, "iterating backwards", left);
    }
    if (it.status().ok() && left != 0) WrongWalk(space, "iterating backwards", left);
    Note(it.status(), "iterating backwards");
  }

  // Also behind and before damage.
  template <class K>
  void Seeks(const SampleSpace& space, const View<K>& view) {
    const auto keys = KeysOf<K>(space);
    const auto& rows = RowsOf<K>(space);
    Iterator<K> it = view.NewIterator();
    for (std::size_t i = trial_.order % kSeekStride; i < keys.size(); i += kSeekStride) {
      const auto row =
          std::lower_bound(rows.begin(), rows.end(), keys[i],
                           [](const auto& a, const auto& key) { return a.first < key; });
      it.Seek(keys[i]);
      Note(it.status(), "Seek");
      if (it.Valid() ? row == rows.end() || it.key() != row->first || it.value() != row->second
                     : it.status().ok() && row != rows.end()) {
        return WrongWalk(space, "Seek", static_cast<std::size_t>(row - rows.begin()));
      }
      const bool exact = row != rows.end() && row->first == keys[i];
      const auto after = exact ? row + 1 : row;  // behind the wanted one
      it.SeekForPrev(keys[i]);
      Note(it.status(), "SeekForPrev");
      if (it.Valid() ? after == rows.begin() || it.key() != (after - 1)->first ||
                           it.value() != (after - 1)->second
                     : it.status().ok() && after != rows.begin()) {
        return WrongWalk(space, "SeekForPrev", static_cast<std::size_t>(after - rows.begin()));
      }
    }
  }

  template <class K>
  void Scans(const SampleSpace& space, const View<K>& view) {
    const auto& rows = RowsOf<K>(space);
    ScanRange<K>(space, view, {}, 0, rows.size());
    if (rows.size() < 4) return;
    const std::size_t from = rows.size() / 4, to = rows.size() * 3 / 4;
    Range<K> range;
    range.lo = rows[from].first;
    range.hi = rows[to].first;
    ScanRange<K>(space, view, range, from, to);
  }

  template <class K>
  void ScanRange(const SampleSpace& space, const View<K>& view, const Range<K>& range,
                 std::size_t from, std::size_t to) {
    const auto& rows = RowsOf<K>(space);
    Scan<K> scan = view.scan(range);
    std::size_t at = from;
    for (const auto [key, value] : scan) {
      if (at >= to || key != rows[at].first || value != rows[at].second) {
        return WrongWalk(space, "scan", at);
      }
      ++at;
    }
    if (scan.status().ok() && at != to) WrongWalk(space, "scan", at);
    Note(scan.status(), "scan");
    BatchRange<K>(space, view, range, from, to);
  }

  template <class K>
  void BatchRange(const SampleSpace& space, const View<K>& view, const Range<K>& range,
                  std::size_t from, std::size_t to) {
    const auto& rows = RowsOf<K>(space);
    Scan<K> scan = view.scan(range);
    ColumnBatch<K> batch;
    std::size_t at = from;
    while (scan.NextBatch(&batch)) {
      for (std::size_t i = 0; i < batch.size(); ++i, ++at) {
        if (at >= to || batch.keys[i] != rows[at].first || batch.values[i] != rows[at].second) {
          return WrongWalk(space, "NextBatch", at);
        }
      }
    }
    if (scan.status().ok() && at != to) WrongWalk(space, "NextBatch", at);
    Note(scan.status(), "NextBatch");
  }

  const Sample& sample_;
  const Trial& trial_;
  Findings* const found_;
  std::vector<Lookup> lookups_;
};

}  // namespace

Findings ReadAll(const Sample& sample, const io::Env& env, const Trial& trial,
                 const std::function<void()>& background) {
  Findings found;
  Reader reader(sample, trial, &found);
  Options options;
  options.access = trial.access;
  options.read_only = trial.read_only;
  options.create_if_missing = false;
  options.latency_histograms = false;
  auto db = db::Door::Open("/db", options, env);
  if (!db.ok()) {
    reader.Note(db.status(), "Open");
    return found;
  }
  found.opened = true;
  if (trial.fold) reader.Note(db->Fold(), "Fold");
  if (trial.order % 3 == 1) reader.Note(db->Warm(), "Warm");
  reader.ReadSpaces(&*db);
  if (background) {
    background();
    reader.ReadSpaces(&*db);
  }
  const Status verified = db->Verify();
  reader.Note(verified, "Verify");
  found.verify_failed = !verified.ok();
  const Stats stats = db->stats();
  found.models_damaged = stats.models_damaged;
  if (stats.unread_errors != 0) reader.Wrong("Stats::unread_errors is not 0");
  if (stats.keyspaces.size() != sample.spaces.size()) reader.Wrong("keyspaces are missing");
  const Status closed = db->Close();
  if (!closed.ok()) reader.Note(closed, "Close");
  return found;
}

}  // namespace kyro::proofs
