// SPDX-License-Identifier: Apache-2.0
//
// Views: one key, many keys.
#include <algorithm>
#include <array>
#include <span>

#include "c/handles.h"

namespace kyro::c {
namespace {

// Keys that one MultiGet of the C++ API gets: its answers, on the stack, are translated afterwards.
constexpr std::size_t kChunk = 256;

template <class K>
kyro_code NewView(const Keyspace<K>& keyspace, const kyro_read_point* read_point, kyro_view** view,
                  kyro_error* error) noexcept {
  Result<View<K>> made = read_point == nullptr ? keyspace.view() : keyspace.view(read_point->point);
  if (!made.ok()) return Report(error, made.status());
  return Emit(view, std::move(*made), error);
}

template <class K>
kyro_code Get(const kyro_view* view, typename Keys<K>::InC key, kyro_slice* value,
              kyro_error* error) noexcept {
  if (value == nullptr) return NullArgument(error, "value");
  *value = {};
  if (view == nullptr) return NullArgument(error, "view");
  const auto* const of = std::get_if<View<K>>(&view->of);
  if (of == nullptr) return WrongKind(error, kKindOf<K>);
  if (Keys<K>::IsBad(key)) return BadSlice(error);
  const Lookup lookup = of->Get(Keys<K>::From(key));
  *value = SliceOf(lookup.value());
  return lookup.present() ? Succeed(error) : Report(error, lookup.status());
}

template <class K>
kyro_code MultiGet(const kyro_view* view, const typename Keys<K>::InC* keys, std::size_t count,
                   kyro_lookup* lookups, kyro_error* error) noexcept {
  if (view == nullptr) return NullArgument(error, "view");
  if (keys == nullptr && count != 0) return NullArgument(error, "keys");
  if (lookups == nullptr && count != 0) return NullArgument(error, "lookups");
  const auto* const of = std::get_if<View<K>>(&view->of);
  if (of == nullptr) return WrongKind(error, kKindOf<K>);
  if (std::any_of(keys, keys + count, Keys<K>::IsBad)) return BadSlice(error);
  std::array<typename K::Key, kChunk> chunk;
  std::array<Lookup, kChunk> answers;
  Status first;
  for (std::size_t at = 0; at < count; at += kChunk) {
    const std::size_t size = std::min(kChunk, count - at);
    std::transform(keys + at, keys + at + size, chunk.begin(), Keys<K>::From);
    Status status = of->MultiGet(std::span(chunk).first(size), std::span(answers).first(size));
    if (first.ok()) first = std::move(status);
    for (std::size_t i = 0; i < size; ++i) {
      const Status answer = answers[i].status();
      lookups[at + i] = {SliceOf(answers[i].value()), static_cast<kyro_code>(answer.code()), 0};
    }
  }
  return Report(error, first);
}

}  // namespace
}  // namespace kyro::c

using kyro::Bytes;
using kyro::U64;
using kyro::c::NullArgument;

kyro_code kyro_view_new(const kyro_keyspace* keyspace, const kyro_read_point* read_point,
                        kyro_view** view, kyro_error* error) {
  if (view == nullptr) return NullArgument(error, "view");
  *view = nullptr;
  if (keyspace == nullptr) return NullArgument(error, "keyspace");
  if (const auto* const u64 = std::get_if<kyro::Keyspace<U64>>(&keyspace->of)) {
    return kyro::c::NewView(*u64, read_point, view, error);
  }
  return kyro::c::NewView(*std::get_if<kyro::Keyspace<Bytes>>(&keyspace->of), read_point, view,
                          error);
}

void kyro_view_free(kyro_view* view) {
  delete view;
}

uint64_t kyro_view_sequence(const kyro_view* view) {
  if (view == nullptr) return 0;
  if (const auto* const u64 = std::get_if<kyro::View<U64>>(&view->of)) return u64->sequence();
  return std::get_if<kyro::View<Bytes>>(&view->of)->sequence();
}

kyro_code kyro_view_get_u64(const kyro_view* view, uint64_t key, kyro_slice* value,
                            kyro_error* error) {
  return kyro::c::Get<U64>(view, key, value, error);
}
kyro_code kyro_view_get_bytes(const kyro_view* view, kyro_slice key, kyro_slice* value,
                              kyro_error* error) {
  return kyro::c::Get<Bytes>(view, key, value, error);
}

kyro_code kyro_view_multiget_u64(const kyro_view* view, const uint64_t* keys, size_t count,
                                 kyro_lookup* lookups, kyro_error* error) {
  return kyro::c::MultiGet<U64>(view, keys, count, lookups, error);
}
kyro_code kyro_view_multiget_bytes(const kyro_view* view, const kyro_slice* keys, size_t count,
                                   kyro_lookup* lookups, kyro_error* error) {
  return kyro::c::MultiGet<Bytes>(view, keys, count, lookups, error);
}
