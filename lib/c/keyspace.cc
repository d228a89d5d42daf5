// SPDX-License-Identifier: Apache-2.0
//
// Keyspaces: opening, listing, dropping, single operations, batches.
#include "c/handles.h"

namespace kyro::c {
namespace {

template <class K>
kyro_code OpenKeyspace(kyro_db* db, kyro_slice name, kyro_keyspace** keyspace,
                       kyro_error* error) noexcept {
  Result<Keyspace<K>> opened = db->db.OpenKeyspace<K>(ViewOf(name));
  if (!opened.ok()) return Report(error, opened.status());
  return Emit(keyspace, std::move(*opened), error);
}

// The keyspace if it may be written to as the caller asks.
template <class K>
kyro_code CheckOperation(const kyro_keyspace* keyspace, typename Keys<K>::InC key, kyro_slice value,
                         kyro_error* error) noexcept {
  if (keyspace == nullptr) return NullArgument(error, "keyspace");
  if (std::get_if<Keyspace<K>>(&keyspace->of) == nullptr) return WrongKind(error, kKindOf<K>);
  return Keys<K>::IsBad(key) || IsBad(value) ? BadSlice(error) : KYRO_OK;
}

template <class K>
kyro_code Put(kyro_keyspace* keyspace, typename Keys<K>::InC key, kyro_slice value,
              const kyro_write_options* options, kyro_error* error) noexcept {
  WriteOptions how;
  kyro_code code = CheckOperation<K>(keyspace, key, value, error);
  if (code == KYRO_OK) code = ReadWriteOptions(options, &how, error);
  if (code != KYRO_OK) return code;
  auto* const of = std::get_if<Keyspace<K>>(&keyspace->of);
  return Report(error, of->Put(Keys<K>::From(key), ViewOf(value), how));
}

template <class K>
kyro_code Delete(kyro_keyspace* keyspace, typename Keys<K>::InC key,
                 const kyro_write_options* options, kyro_error* error) noexcept {
  WriteOptions how;
  kyro_code code = CheckOperation<K>(keyspace, key, {}, error);
  if (code == KYRO_OK) code = ReadWriteOptions(options, &how, error);
  if (code != KYRO_OK) return code;
  return Report(error, std::get_if<Keyspace<K>>(&keyspace->of)->Delete(Keys<K>::From(key), how));
}

template <class K>
kyro_code Get(const kyro_keyspace* keyspace, typename Keys<K>::InC key, kyro_buffer* value,
              kyro_error* error) noexcept {
  if (value == nullptr) return NullArgument(error, "value");
  const kyro_code code = CheckOperation<K>(keyspace, key, {}, error);
  if (code != KYRO_OK) return code;
  const auto* const of = std::get_if<Keyspace<K>>(&keyspace->of);
  return Report(error, of->Get(Keys<K>::From(key), &value->bytes));
}

// Runs `add` if the operation is one that the batch can be asked for, and says how the batch
// stands.
template <class K, class Add>
kyro_code AddToBatch(kyro_batch* batch, const kyro_keyspace* keyspace, typename Keys<K>::InC key,
                     kyro_slice value, kyro_error* error, Add&& add) noexcept {
  if (batch == nullptr) return NullArgument(error, "batch");
  if (!batch->spoiled.ok()) return Report(error, batch->spoiled);
  kyro_error own;
  const kyro_code code = CheckOperation<K>(keyspace, key, value, &own);
  if (code == KYRO_OK) {
    add(std::get_if<Keyspace<K>>(&keyspace->of));
    batch->spoiled = batch->batch.status();
  } else {
    batch->spoiled = Status(static_cast<StatusCode>(code), own.message);
  }
  return Report(error, batch->spoiled);
}

template <class K>
kyro_code BatchPut(kyro_batch* batch, const kyro_keyspace* keyspace, typename Keys<K>::InC key,
                   kyro_slice value, kyro_error* error) noexcept {
  return AddToBatch<K>(batch, keyspace, key, value, error, [&](const Keyspace<K>* of) {
    batch->batch.Put(*of, Keys<K>::From(key), ViewOf(value));
  });
}

template <class K>
kyro_code BatchDelete(kyro_batch* batch, const kyro_keyspace* keyspace, typename Keys<K>::InC key,
                      kyro_error* error) noexcept {
  return AddToBatch<K>(batch, keyspace, key, {}, error, [&](const Keyspace<K>* of) {
    batch->batch.Delete(*of, Keys<K>::From(key));
  });
}

}  // namespace
}  // namespace kyro::c

using kyro::Bytes;
using kyro::U64;
using kyro::c::Fail;
using kyro::c::Guarded;
using kyro::c::NullArgument;
using kyro::c::Report;
using kyro::c::Succeed;

// ---------------------------------------------------------------------------------- Keyspaces

static_assert(KYRO_U64 == static_cast<int>(kyro::KeyKind::kU64));
static_assert(KYRO_BYTES == static_cast<int>(kyro::KeyKind::kBytes));

kyro_code kyro_db_open_keyspace(kyro_db* db, kyro_slice name, int32_t kind,
                                kyro_keyspace** keyspace, kyro_error* error) {
  if (keyspace == nullptr) return NullArgument(error, "keyspace");
  *keyspace = nullptr;
  if (db == nullptr) return NullArgument(error, "db");
  if (kyro::c::IsBad(name)) return kyro::c::BadSlice(error);
  if (kind == KYRO_U64) return kyro::c::OpenKeyspace<U64>(db, name, keyspace, error);
  if (kind == KYRO_BYTES) return kyro::c::OpenKeyspace<Bytes>(db, name, keyspace, error);
  return Fail(error, kyro::StatusCode::kInvalidArgument, "kind is neither KYRO_U64 nor KYRO_BYTES");
}

kyro_code kyro_db_drop_keyspace(kyro_db* db, kyro_slice name, kyro_error* error) {
  if (db == nullptr) return NullArgument(error, "db");
  if (kyro::c::IsBad(name)) return kyro::c::BadSlice(error);
  return Report(error, db->db.DropKeyspace(kyro::c::ViewOf(name)));
}

kyro_code kyro_db_list_keyspaces(const kyro_db* db, kyro_keyspace_list** list, kyro_error* error) {
  if (list == nullptr) return NullArgument(error, "list");
  *list = nullptr;
  if (db == nullptr) return NullArgument(error, "db");
  kyro::Result<std::vector<kyro::KeyspaceInfo>> infos = db->db.ListKeyspaces();
  if (!infos.ok()) return Report(error, infos.status());
  return kyro::c::Emit(list, std::move(*infos), error);
}

size_t kyro_keyspace_list_size(const kyro_keyspace_list* list) {
  return list == nullptr ? 0 : list->infos.size();
}

kyro_code kyro_keyspace_list_get(const kyro_keyspace_list* list, size_t index,
                                 kyro_keyspace_info* info, kyro_error* error) {
  if (info == nullptr) return NullArgument(error, "info");
  if (list == nullptr) return NullArgument(error, "list");
  if (index >= list->infos.size()) {
    return Fail(error, kyro::StatusCode::kInvalidArgument, "index is past the end of the list");
  }
  const kyro::KeyspaceInfo& from = list->infos[index];
  *info = {kyro::c::SliceOf(from.name), from.id, static_cast<std::int32_t>(from.kind)};
  return Succeed(error);
}

void kyro_keyspace_list_free(kyro_keyspace_list* list) {
  delete list;
}

kyro_code kyro_keyspace_get_info(const kyro_keyspace* keyspace, kyro_keyspace_info* info,
                                 kyro_error* error) {
  if (info == nullptr) return NullArgument(error, "info");
  if (keyspace == nullptr) return NullArgument(error, "keyspace");
  if (const auto* const u64 = std::get_if<kyro::Keyspace<U64>>(&keyspace->of)) {
    *info = {kyro::c::SliceOf(u64->name()), u64->id(), KYRO_U64};
  } else if (const auto* const bytes = std::get_if<kyro::Keyspace<Bytes>>(&keyspace->of)) {
    *info = {kyro::c::SliceOf(bytes->name()), bytes->id(), KYRO_BYTES};
  }
  return Succeed(error);
}

void kyro_keyspace_free(kyro_keyspace* keyspace) {
  delete keyspace;
}

kyro_code kyro_keyspace_put_u64(kyro_keyspace* keyspace, uint64_t key, kyro_slice value,
                                const kyro_write_options* options, kyro_error* error) {
  return kyro::c::Put<U64>(keyspace, key, value, options, error);
}
kyro_code kyro_keyspace_put_bytes(kyro_keyspace* keyspace, kyro_slice key, kyro_slice value,
                                  const kyro_write_options* options, kyro_error* error) {
  return kyro::c::Put<Bytes>(keyspace, key, value, options, error);
}
kyro_code kyro_keyspace_delete_u64(kyro_keyspace* keyspace, uint64_t key,
                                   const kyro_write_options* options, kyro_error* error) {
  return kyro::c::Delete<U64>(keyspace, key, options, error);
}
kyro_code kyro_keyspace_delete_bytes(kyro_keyspace* keyspace, kyro_slice key,
                                     const kyro_write_options* options, kyro_error* error) {
  return kyro::c::Delete<Bytes>(keyspace, key, options, error);
}
kyro_code kyro_keyspace_get_u64(const kyro_keyspace* keyspace, uint64_t key, kyro_buffer* value,
                                kyro_error* error) {
  return kyro::c::Get<U64>(keyspace, key, value, error);
}
kyro_code kyro_keyspace_get_bytes(const kyro_keyspace* keyspace, kyro_slice key, kyro_buffer* value,
                                  kyro_error* error) {
  return kyro::c::Get<Bytes>(keyspace, key, value, error);
}

// ---------------------------------------------------------------------------------- Batches

kyro_batch* kyro_batch_new(void) {
  kyro_batch* batch = nullptr;
  (void)Guarded(nullptr, [&] {
    batch = new kyro_batch;
    return KYRO_OK;
  });
  return batch;
}

void kyro_batch_free(kyro_batch* batch) {
  delete batch;
}

kyro_code kyro_batch_put_u64(kyro_batch* batch, const kyro_keyspace* keyspace, uint64_t key,
                             kyro_slice value, kyro_error* error) {
  return kyro::c::BatchPut<U64>(batch, keyspace, key, value, error);
}
kyro_code kyro_batch_put_bytes(kyro_batch* batch, const kyro_keyspace* keyspace, kyro_slice key,
                               kyro_slice value, kyro_error* error) {
  return kyro::c::BatchPut<Bytes>(batch, keyspace, key, value, error);
}
kyro_code kyro_batch_delete_u64(kyro_batch* batch, const kyro_keyspace* keyspace, uint64_t key,
                                kyro_error* error) {
  return kyro::c::BatchDelete<U64>(batch, keyspace, key, error);
}
kyro_code kyro_batch_delete_bytes(kyro_batch* batch, const kyro_keyspace* keyspace, kyro_slice key,
                                  kyro_error* error) {
  return kyro::c::BatchDelete<Bytes>(batch, keyspace, key, error);
}

void kyro_batch_clear(kyro_batch* batch) {
  if (batch == nullptr) return;
  batch->batch.Clear();  // the encoding's header always has room
  batch->spoiled = kyro::Status();
}

uint32_t kyro_batch_count(const kyro_batch* batch) {
  return batch == nullptr ? 0 : batch->batch.count();
}

size_t kyro_batch_bytes(const kyro_batch* batch) {
  return batch == nullptr ? 0 : batch->batch.bytes();
}
