// SPDX-License-Identifier: Apache-2.0
//
// Bulk loads.
#include "c/handles.h"

namespace kyro::c {
namespace {

template <class K>
kyro_code NewLoader(Keyspace<K>* keyspace, kyro_bulk_loader** loader, kyro_error* error) noexcept {
  Result<BulkLoader<K>> made = keyspace->NewBulkLoader();
  if (!made.ok()) return Report(error, made.status());
  return Emit(loader, std::move(*made), error);
}

template <class K>
kyro_code Add(kyro_bulk_loader* loader, typename Keys<K>::InC key, kyro_slice value,
              kyro_error* error) noexcept {
  if (loader == nullptr) return NullArgument(error, "loader");
  auto* const of = std::get_if<BulkLoader<K>>(&loader->of);
  if (of == nullptr) return WrongKind(error, kKindOf<K>);
  if (Keys<K>::IsBad(key) || IsBad(value)) return BadSlice(error);
  return Report(error, of->Add(Keys<K>::From(key), ViewOf(value)));
}

template <class K>
kyro_code Finish(BulkLoader<K>* loader, const kyro_progress* progress, std::uint64_t* sequence,
                 kyro_error* error) {
  const Result<Sequence> finished = loader->Finish(ProgressOf(progress));
  if (!finished.ok()) return Report(error, finished.status());
  if (sequence != nullptr) *sequence = *finished;
  return Succeed(error);
}

}  // namespace
}  // namespace kyro::c

using kyro::Bytes;
using kyro::U64;
using kyro::c::NullArgument;

kyro_code kyro_bulk_loader_new(kyro_keyspace* keyspace, kyro_bulk_loader** loader,
                               kyro_error* error) {
  if (loader == nullptr) return NullArgument(error, "loader");
  *loader = nullptr;
  if (keyspace == nullptr) return NullArgument(error, "keyspace");
  if (auto* const u64 = std::get_if<kyro::Keyspace<U64>>(&keyspace->of)) {
    return kyro::c::NewLoader(u64, loader, error);
  }
  return kyro::c::NewLoader(std::get_if<kyro::Keyspace<Bytes>>(&keyspace->of), loader, error);
}

void kyro_bulk_loader_free(kyro_bulk_loader* loader) {
  delete loader;
}

kyro_code kyro_bulk_loader_add_u64(kyro_bulk_loader* loader, uint64_t key, kyro_slice value,
                                   kyro_error* error) {
  return kyro::c::Add<U64>(loader, key, value, error);
}
kyro_code kyro_bulk_loader_add_bytes(kyro_bulk_loader* loader, kyro_slice key, kyro_slice value,
                                     kyro_error* error) {
  return kyro::c::Add<Bytes>(loader, key, value, error);
}

kyro_code kyro_bulk_loader_finish(kyro_bulk_loader* loader, const kyro_progress* progress,
                                  uint64_t* sequence, kyro_error* error) {
  if (loader == nullptr) return NullArgument(error, "loader");
  return kyro::c::Guarded(error, [&] {
    if (auto* const u64 = std::get_if<kyro::BulkLoader<U64>>(&loader->of)) {
      return kyro::c::Finish(u64, progress, sequence, error);
    }
    return kyro::c::Finish(std::get_if<kyro::BulkLoader<Bytes>>(&loader->of), progress, sequence,
                           error);
  });
}

uint64_t kyro_bulk_loader_count(const kyro_bulk_loader* loader) {
  if (loader == nullptr) return 0;
  if (const auto* const u64 = std::get_if<kyro::BulkLoader<U64>>(&loader->of)) return u64->count();
  return std::get_if<kyro::BulkLoader<Bytes>>(&loader->of)->count();
}
