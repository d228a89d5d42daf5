// SPDX-License-Identifier: Apache-2.0
//
// kyro_db, but for its keyspaces and statistics.
#include "c/handles.h"

namespace {

using kyro::c::Emit;
using kyro::c::Fail;
using kyro::c::Guarded;
using kyro::c::NullArgument;
using kyro::c::Report;
using kyro::c::Succeed;

kyro_code StoreSequence(const kyro::Result<kyro::Sequence>& result, std::uint64_t* sequence,
                        kyro_error* error) noexcept {
  if (!result.ok()) return Report(error, result.status());
  if (sequence != nullptr) *sequence = *result;
  return Succeed(error);
}

// A member of Db that takes nothing but a Progress.
using Long = kyro::Status (kyro::Db::*)(const kyro::Progress&);

kyro_code Run(kyro_db* db, Long call, const kyro_progress* progress, kyro_error* error) noexcept {
  if (db == nullptr) return NullArgument(error, "db");
  return Guarded(error,
                 [&] { return Report(error, (db->db.*call)(kyro::c::ProgressOf(progress))); });
}

}  // namespace

kyro_code kyro_db_open(const char* path, const kyro_options* options, kyro_db** db,
                       kyro_error* error) {
  if (db == nullptr) return NullArgument(error, "db");
  *db = nullptr;
  if (path == nullptr) return NullArgument(error, "path");
  return Guarded(error, [&] {
    kyro::Options how;
    const kyro_code code = kyro::c::ReadOptions(options, &how, error);
    if (code != KYRO_OK) return code;
    kyro::Result<kyro::Db> opened = kyro::Db::Open(path, how);
    if (!opened.ok()) return Report(error, opened.status());
    return Emit(db, std::move(*opened), error);
  });
}

kyro_code kyro_db_close(kyro_db* db, kyro_error* error) {
  if (db == nullptr) return NullArgument(error, "db");
  return Report(error, db->db.Close());
}

void kyro_db_free(kyro_db* db) {
  delete db;
}

kyro_code kyro_db_write(kyro_db* db, const kyro_batch* batch, const kyro_write_options* options,
                        uint64_t* sequence, kyro_error* error) {
  if (db == nullptr) return NullArgument(error, "db");
  if (batch == nullptr) return NullArgument(error, "batch");
  if (!batch->spoiled.ok()) return Report(error, batch->spoiled);
  kyro::WriteOptions how;
  const kyro_code code = kyro::c::ReadWriteOptions(options, &how, error);
  if (code != KYRO_OK) return code;
  return StoreSequence(db->db.Write(batch->batch, how), sequence, error);
}

kyro_code kyro_db_read_point(const kyro_db* db, kyro_read_point** read_point, kyro_error* error) {
  if (read_point == nullptr) return NullArgument(error, "read_point");
  *read_point = nullptr;
  if (db == nullptr) return NullArgument(error, "db");
  kyro::Result<kyro::ReadPoint> point = db->db.read_point();
  if (!point.ok()) return Report(error, point.status());
  return Emit(read_point, std::move(*point), error);
}

uint64_t kyro_read_point_sequence(const kyro_read_point* read_point) {
  return read_point == nullptr ? 0 : read_point->point.sequence();
}

void kyro_read_point_free(kyro_read_point* read_point) {
  delete read_point;
}

kyro_code kyro_db_sync(kyro_db* db, kyro_error* error) {
  if (db == nullptr) return NullArgument(error, "db");
  return Report(error, db->db.Sync());
}

kyro_code kyro_db_fold(kyro_db* db, const kyro_progress* progress, kyro_error* error) {
  return Run(db, &kyro::Db::Fold, progress, error);
}

kyro_code kyro_db_rebuild_index(kyro_db* db, const kyro_progress* progress, kyro_error* error) {
  return Run(db, &kyro::Db::RebuildIndex, progress, error);
}

kyro_code kyro_db_warm(kyro_db* db, uint32_t flags, const kyro_progress* progress,
                       kyro_error* error) {
  if (db == nullptr) return NullArgument(error, "db");
  constexpr std::uint32_t kKnown = KYRO_WARM_KEYS_ONLY | KYRO_WARM_HUGE_PAGES;
  if ((flags & ~kKnown) != 0) {
    return Fail(error, kyro::StatusCode::kInvalidArgument, "flags has more than KYRO_WARM_* in it");
  }
  return Guarded(error, [&] {
    const kyro::WarmOptions options{.values = (flags & KYRO_WARM_KEYS_ONLY) == 0,
                                    .huge_pages = (flags & KYRO_WARM_HUGE_PAGES) != 0};
    return Report(error, db->db.Warm(options, kyro::c::ProgressOf(progress)));
  });
}

kyro_code kyro_db_verify(const kyro_db* db, const kyro_progress* progress, kyro_error* error) {
  if (db == nullptr) return NullArgument(error, "db");
  return Guarded(error,
                 [&] { return Report(error, db->db.Verify(kyro::c::ProgressOf(progress))); });
}

kyro_code kyro_db_checkpoint(kyro_db* db, const char* destination, const kyro_progress* progress,
                             uint64_t* sequence, kyro_error* error) {
  if (db == nullptr) return NullArgument(error, "db");
  if (destination == nullptr) return NullArgument(error, "destination");
  return Guarded(error, [&] {
    return StoreSequence(db->db.Checkpoint(destination, kyro::c::ProgressOf(progress)), sequence,
                         error);
  });
}

kyro_code kyro_db_resume(kyro_db* db, kyro_error* error) {
  if (db == nullptr) return NullArgument(error, "db");
  return Report(error, db->db.Resume());
}
