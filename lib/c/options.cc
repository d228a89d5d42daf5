// SPDX-License-Identifier: Apache-2.0
//
// The structs that may grow, read as the C++ ones.
#include <algorithm>
#include <cstring>

#include "c/handles.h"

namespace kyro::c {
namespace {

// Copies a struct that begins with its size over a zeroed one of `known` bytes. What an older
// caller does not have stays zero; what this library does not know must be zero.
kyro_code ReadSized(const void* from, void* to, std::size_t known, kyro_error* error) noexcept {
  std::size_t size = 0;
  std::memcpy(&size, from, sizeof(size));
  if (size < sizeof(size)) {
    return Fail(error, StatusCode::kInvalidArgument,
                "struct_size is not set: want sizeof the struct");
  }
  const auto* const bytes = static_cast<const char*>(from);
  for (std::size_t i = known; i < size; ++i) {
    if (bytes[i] == 0) continue;
    return Fail(error, StatusCode::kUnsupported,
                "an option that this library does not know is set: it is older than the program");
  }
  std::memcpy(to, from, std::min(size, known));
  return KYRO_OK;
}

bool ReadDurability(std::int32_t from, Durability* to) noexcept {
  if (from < KYRO_DURABILITY_SYNC || from > KYRO_DURABILITY_OS) return false;
  *to = static_cast<Durability>(from - KYRO_DURABILITY_SYNC);
  return true;
}
static_assert(KYRO_DURABILITY_OS - KYRO_DURABILITY_SYNC == static_cast<int>(Durability::kOs));

kyro_code BadOption(kyro_error* error, const char* message) noexcept {
  return Fail(error, StatusCode::kInvalidArgument, message);
}

kyro_code ReadEnums(const kyro_options& from, Options* to, kyro_error* error) noexcept {
  switch (from.open_mode) {
    case KYRO_OPEN_OR_CREATE:
      break;
    case KYRO_OPEN_EXISTING:
      to->create_if_missing = false;
      break;
    case KYRO_CREATE_NEW:
      to->error_if_exists = true;
      break;
    case KYRO_OPEN_READ_ONLY:
      to->create_if_missing = false;
      to->read_only = true;
      break;
    default:
      return BadOption(error, "kyro_options::open_mode is none of the KYRO_OPEN_ modes");
  }
  if (from.durability != KYRO_DURABILITY_DEFAULT &&
      !ReadDurability(from.durability, &to->durability)) {
    return BadOption(error, "kyro_options::durability is none of KYRO_DURABILITY_");
  }
  if (from.access != KYRO_ACCESS_MAP && from.access != KYRO_ACCESS_COPY) {
    return BadOption(error, "kyro_options::access is none of KYRO_ACCESS_");
  }
  to->access = static_cast<Access>(from.access);
  return KYRO_OK;
}

void ReadSize(std::uint64_t from, std::size_t* to) noexcept {
  if (from != 0) *to = from;
}

void Deliver(const kyro_options& to, const Event& event) {
  kyro_error error;
  (void)Report(&error, event.status);
  kyro_event out{};
  out.struct_size = sizeof(out);
  out.kind = static_cast<std::int32_t>(event.kind);
  out.file = event.file.c_str();
  out.bytes = event.bytes;
  out.error = &error;
  to.on_event(to.event_context, &out);
}

}  // namespace

static_assert(KYRO_EVENT_BACKGROUND_ERROR == static_cast<int>(Event::Kind::kBackgroundError));
static_assert(KYRO_EVENT_TORN_TAIL == static_cast<int>(Event::Kind::kTornTail));

Progress ProgressOf(const kyro_progress* progress) {
  Progress made;
  if (progress == nullptr || progress->on_progress == nullptr) return made;
  made.on_progress = [call = progress->on_progress, context = progress->context](
                         std::uint64_t done, std::uint64_t total) {
    return call(context, done, total);
  };
  return made;
}

kyro_code ReadOptions(const kyro_options* options, Options* out, kyro_error* error) noexcept {
  if (options == nullptr) return KYRO_OK;
  return Guarded(error, [&] {
    kyro_options from{};
    kyro_code code = ReadSized(options, &from, sizeof(from), error);
    if (code == KYRO_OK) code = ReadEnums(from, out, error);
    if (code != KYRO_OK) return code;
    if (from.sync_interval_ms != 0) {
      out->sync_interval = std::chrono::milliseconds(from.sync_interval_ms);
    }
    if (from.write_stall_max_ms != 0) {
      out->write_stall_max =
          std::chrono::milliseconds(std::max<std::int64_t>(from.write_stall_max_ms, 0));
    }
    ReadSize(from.delta_bytes, &out->delta_bytes);
    ReadSize(from.wal_file_bytes, &out->wal_file_bytes);
    ReadSize(from.batch_bytes_max, &out->batch_bytes_max);
    ReadSize(from.segment_bytes, &out->segment_bytes);
    if (from.merge_fraction != 0) out->merge_fraction = from.merge_fraction;
    out->latency_histograms = from.no_latency_histograms == 0;
    out->open_progress = ProgressOf(&from.open_progress);
    if (from.on_event != nullptr) {
      out->on_event = [from](const Event& event) { Deliver(from, event); };
    }
    return code;
  });
}

kyro_code ReadWriteOptions(const kyro_write_options* options, WriteOptions* out,
                           kyro_error* error) noexcept {
  if (options == nullptr) return KYRO_OK;
  kyro_write_options from{};
  const kyro_code code = ReadSized(options, &from, sizeof(from), error);
  if (code != KYRO_OK || from.durability == KYRO_DURABILITY_DEFAULT) return code;
  Durability durability;
  if (!ReadDurability(from.durability, &durability)) {
    return BadOption(error, "kyro_write_options::durability is none of KYRO_DURABILITY_");
  }
  out->durability = durability;
  return KYRO_OK;
}

}  // namespace kyro::c
