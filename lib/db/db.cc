// SPDX-License-Identifier: Apache-2.0
//
// The public handles: each call checks, delegates to the core, and ends in the one guard.
#include "kyro/db.h"

#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "batch/batch.h"
#include "db/bulk.h"
#include "db/core.h"
#include "db/inspect.h"

namespace kyro {

// ---------------------------------------------------------------------------------- WriteBatch

WriteBatch::WriteBatch() {
  batch::Clear(&bytes_);
}

void WriteBatch::Clear() {
  batch::Clear(&bytes_);
  owner_ = 0;
  status_ = Status();
}

std::uint32_t WriteBatch::count() const noexcept {
  return batch::OpCount(bytes_);
}

void WriteBatch::Spoil(Status status) noexcept {
  if (status_.ok()) status_ = std::move(status);
}

bool WriteBatch::Bind(std::uint64_t owner) noexcept {
  if (owner_ == 0) owner_ = owner;
  if (owner_ == owner && owner != 0) return true;
  Spoil(Status(StatusCode::kKeyspaceMismatch, "a batch over keyspaces of two databases"));
  return false;
}

namespace {

template <class K>
batch::Op MakeOp(batch::OpKind kind, std::uint32_t keyspace, const typename K::Key& key,
                 std::string_view value) {
  batch::Op op;
  op.kind = kind;
  op.key_kind = kKindOf<K>;
  op.keyspace = keyspace;
  if constexpr (std::is_same_v<K, U64>) {
    op.key = std::string_view(reinterpret_cast<const char*>(&key), sizeof(key));
  } else {
    op.key = key;
  }
  op.value = value;
  return op;
}

// One operation as a batch of its own.
template <class K>
Status WriteOne(db::Core* core, batch::OpKind kind, std::uint32_t keyspace,
                const typename K::Key& key, std::string_view value, const WriteOptions& options) {
  if (core == nullptr) return Status(StatusCode::kClosed, "an empty keyspace handle");
  return Guarded([&]() -> Status {
    std::string bytes;
    batch::Clear(&bytes);
    KYRO_RETURN_IF_ERROR(batch::Append(&bytes, MakeOp<K>(kind, keyspace, key, value)));
    Result<Sequence> sequence = core->Write(bytes, options);
    return sequence.ok() ? Status::Ok() : std::move(sequence).status();
  });
}

}  // namespace

template <class K>
void WriteBatch::Put(const Keyspace<K>& keyspace, typename K::Key key, std::string_view value) {
  if (!Bind(keyspace.core_ == nullptr ? 0 : keyspace.core_->id())) return;
  Status status = Guarded([&] {
    return batch::Append(&bytes_, MakeOp<K>(batch::OpKind::kPut, keyspace.id_, key, value));
  });
  if (!status.ok()) Spoil(std::move(status));
}

template <class K>
void WriteBatch::Delete(const Keyspace<K>& keyspace, typename K::Key key) {
  if (!Bind(keyspace.core_ == nullptr ? 0 : keyspace.core_->id())) return;
  Status status = Guarded([&] {
    return batch::Append(&bytes_, MakeOp<K>(batch::OpKind::kDelete, keyspace.id_, key, {}));
  });
  if (!status.ok()) Spoil(std::move(status));
}

// ---------------------------------------------------------------------------------- Keyspace

template <class K>
Status Keyspace<K>::Put(Key key, std::string_view value, const WriteOptions& options) {
  return WriteOne<K>(core_.get(), batch::OpKind::kPut, id_, key, value, options);
}

template <class K>
Status Keyspace<K>::Delete(Key key, const WriteOptions& options) {
  return WriteOne<K>(core_.get(), batch::OpKind::kDelete, id_, key, {}, options);
}

template <class K>
Status Keyspace<K>::Get(Key key, std::string* value) const {
  if (core_ == nullptr) return Status(StatusCode::kClosed, "an empty keyspace handle");
  return Guarded([&] { return core_->template Get<K>(id_, key, value); });
}

template <class K>
Result<std::string> Keyspace<K>::Get(Key key) const {
  std::string value;
  KYRO_RETURN_IF_ERROR(Get(key, &value));
  return value;
}

template <class K>
Result<View<K>> Keyspace<K>::view() const {
  if (core_ == nullptr) return Status(StatusCode::kClosed, "an empty keyspace handle");
  if (KYRO_PLANTED(kViewThrows)) return View<K>(*core_->template NewView<K>(id_));
  return Guarded([&]() -> Result<View<K>> {
    KYRO_RETURN_IF_ERROR(core_->CheckOpen());
    KYRO_ASSIGN_OR_RETURN(auto state, core_->template NewView<K>(id_));
    return View<K>(std::move(state));
  });
}

template <class K>
Result<View<K>> Keyspace<K>::view(const ReadPoint& read_point) const {
  if (core_ == nullptr) return Status(StatusCode::kClosed, "an empty keyspace handle");
  return Guarded([&]() -> Result<View<K>> {
    KYRO_RETURN_IF_ERROR(core_->CheckOpen());
    const db::ReadPointState* state = read_point.state_.get();
    if (state == nullptr || state->owner != core_->id()) {
      return Status(StatusCode::kKeyspaceMismatch, "a read point of another database");
    }
    if (KYRO_PLANTED(kReadPointMoves)) return View<K>(*core_->template NewView<K>(id_));
    return View<K>(std::make_shared<const read::ViewState<K>>(state->pin, id_, state->sequence));
  });
}

template <class K>
Result<BulkLoader<K>> Keyspace<K>::NewBulkLoader() {
  if (core_ == nullptr) return Status(StatusCode::kClosed, "an empty keyspace handle");
  return Guarded([&]() -> Result<BulkLoader<K>> {
    KYRO_ASSIGN_OR_RETURN(auto session, db::BulkSession<K>::Begin(core_, id_));
    return BulkLoader<K>(std::move(session));
  });
}

// ---------------------------------------------------------------------------------- BulkLoader

template <class K>
BulkLoader<K>::BulkLoader(std::unique_ptr<db::BulkSession<K>> session) noexcept
    : session_(std::move(session)) {}
template <class K>
BulkLoader<K>::BulkLoader(BulkLoader&&) noexcept = default;
template <class K>
BulkLoader<K>& BulkLoader<K>::operator=(BulkLoader&&) noexcept = default;
template <class K>
BulkLoader<K>::~BulkLoader() = default;

template <class K>
Result<Sequence> BulkLoader<K>::Finish(const Progress& progress) {
  if (session_ == nullptr) return Status(StatusCode::kClosed, "an empty bulk loader");
  return Guarded([&] { return session_->Finish(progress); });
}

template <class K>
std::uint64_t BulkLoader<K>::count() const noexcept {
  return session_ == nullptr ? 0 : session_->count();
}

// ---------------------------------------------------------------------------------- ReadPoint

Sequence ReadPoint::sequence() const noexcept {
  return state_ == nullptr ? 0 : state_->sequence;
}

// ---------------------------------------------------------------------------------- Db

Db::Db(std::shared_ptr<db::Core> core) noexcept : core_(std::move(core)) {}
Db::Db(Db&&) noexcept = default;

Db& Db::operator=(Db&& other) noexcept {
  if (this != &other) {
    if (core_ != nullptr) (void)Close();
    core_ = std::move(other.core_);
  }
  return *this;
}

Db::~Db() {
  if (core_ != nullptr) (void)Close();
}

Result<Db> Db::Open(const std::filesystem::path& path, const Options& options) {
  return Guarded([&] { return db::Door::Open(path.string(), options, io::SystemEnv()); });
}

namespace {
// Calls `body` on the core inside the guard; a Db that was moved from is closed.
template <class Body>
auto OnCore(const std::shared_ptr<db::Core>& core, Body&& body) -> decltype(body(*core)) {
  if (core == nullptr) return Status(StatusCode::kClosed, "the database is closed");
  return Guarded([&] { return body(*core); });
}
}  // namespace

template <class K>
Result<Keyspace<K>> Db::OpenKeyspace(std::string_view name) {
  return OnCore(core_, [&](db::Core& core) -> Result<Keyspace<K>> {
    KYRO_ASSIGN_OR_RETURN(KeyspaceInfo info, core.OpenKeyspace(name, kKindOf<K>));
    Keyspace<K> keyspace;
    keyspace.core_ = core_;
    keyspace.id_ = info.id;
    keyspace.name_ = std::move(info.name);
    return keyspace;
  });
}

Result<std::vector<KeyspaceInfo>> Db::ListKeyspaces() const {
  return OnCore(core_, [](const db::Core& core) { return core.ListKeyspaces(); });
}

Result<Sequence> Db::Write(const WriteBatch& batch, const WriteOptions& options) {
  return OnCore(core_, [&](db::Core& core) -> Result<Sequence> {
    KYRO_RETURN_IF_ERROR(batch.status());
    if (batch.count() == 0) {
      KYRO_RETURN_IF_ERROR(core.CheckOpen());
      return core.visible();
    }
    if (batch.owner_ != core.id()) {
      return Status(StatusCode::kKeyspaceMismatch, "a batch over keyspaces of another database");
    }
    return core.Write(batch.bytes_, options);
  });
}

Result<ReadPoint> Db::read_point() const {
  return OnCore(core_, [](const db::Core& core) -> Result<ReadPoint> {
    KYRO_RETURN_IF_ERROR(core.CheckOpen());
    ReadPoint point;
    point.state_ = core.NewReadPoint();
    return point;
  });
}

Status Db::Sync() {
  return OnCore(core_, [](db::Core& core) { return core.Sync(); });
}
Status Db::Fold(const Progress& progress) {
  return OnCore(core_, [&](db::Core& core) { return core.Fold(progress); });
}
Status Db::RebuildIndex(const Progress& progress) {
  return OnCore(core_, [&](db::Core& core) { return core.RebuildIndex(progress); });
}
Status Db::Warm(const WarmOptions& options, const Progress& progress) {
  return OnCore(core_, [&](db::Core& core) { return core.Warm(options, progress); });
}
Result<Sequence> Db::Checkpoint(const std::filesystem::path& destination,
                                const Progress& progress) {
  return OnCore(core_,
                [&](db::Core& core) { return core.Checkpoint(destination.string(), progress); });
}
Status Db::Resume() {
  return OnCore(core_, [](db::Core& core) { return core.Resume(); });
}
Status Db::DropKeyspace(std::string_view name) {
  return OnCore(core_, [&](db::Core& core) { return core.DropKeyspace(name); });
}
Status Db::Verify(const Progress& progress) const {
  return OnCore(core_, [&](const db::Core& core) { return core.Verify(progress); });
}

Stats Db::stats() const {
  Stats stats;
  if (core_ == nullptr) return stats;
  Status status = Guarded([&] { return stats = core_->GetStats(), Status::Ok(); });
  if (!status.ok()) stats.background_error = std::move(status);
  return stats;
}

Status Db::Close() {
  return OnCore(core_, [](db::Core& core) { return core.Close(); });
}

// ---------------------------------------------------------------------------------- Door

Result<Db> db::Door::Open(const std::string& path, const Options& options, const io::Env& env) {
  return Guarded([&]() -> Result<Db> {
    KYRO_ASSIGN_OR_RETURN(std::shared_ptr<Core> core, Core::Open(path, options, env));
    return Db(std::move(core));
  });
}
Result<db::Inspection> db::Door::Inspect(const Db& db) {
  return OnCore(db.core_, [](const Core& core) { return core.Inspect(); });
}
template <class K>
Result<read::Explanation> db::Door::Explain(const Db& db, std::uint32_t keyspace,
                                            typename K::Key key) {
  return OnCore(db.core_, [&](const Core& core) { return core.Explain<K>(keyspace, key); });
}
template <class K>
Status db::Door::VisitRows(const Db& db, std::uint32_t keyspace, const RowVisitor<K>& visit,
                           const Progress& progress) {
  return OnCore(db.core_,
                [&](const Core& core) { return core.VisitRows<K>(keyspace, visit, progress); });
}
Status db::Door::WaitForUpkeep(const Db& db) {
  return OnCore(db.core_, [](Core& core) { return core.WaitForUpkeep(); });
}
Status db::Door::Flush(const Db& db) {
  return OnCore(db.core_, [](Core& core) { return core.Flush(); });
}

template void WriteBatch::Put<U64>(const Keyspace<U64>&, std::uint64_t, std::string_view);
template void WriteBatch::Put<Bytes>(const Keyspace<Bytes>&, std::string_view, std::string_view);
template void WriteBatch::Delete<U64>(const Keyspace<U64>&, std::uint64_t);
template void WriteBatch::Delete<Bytes>(const Keyspace<Bytes>&, std::string_view);
template class BulkLoader<U64>;
template class BulkLoader<Bytes>;
template class Keyspace<U64>;
template class Keyspace<Bytes>;
template Result<Keyspace<U64>> Db::OpenKeyspace<U64>(std::string_view);
template Result<Keyspace<Bytes>> Db::OpenKeyspace<Bytes>(std::string_view);
template Result<read::Explanation> db::Door::Explain<U64>(const Db&, std::uint32_t, std::uint64_t);
template Result<read::Explanation> db::Door::Explain<Bytes>(const Db&, std::uint32_t,
                                                            std::string_view);
template Status db::Door::VisitRows<U64>(const Db&, std::uint32_t, const RowVisitor<U64>&,
                                         const Progress&);
template Status db::Door::VisitRows<Bytes>(const Db&, std::uint32_t, const RowVisitor<Bytes>&,
                                           const Progress&);

}  // namespace kyro
