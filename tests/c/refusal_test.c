// SPDX-License-Identifier: Apache-2.0
//
// What is refused, and how: options, NULLs, key kinds, locks, damage, structs of other versions.
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define CHECK_NULL(call) CHECK_CODE(KYRO_INVALID_ARGUMENT, call)

static void codes_have_names(const char* directory) {
  (void)directory;
  CHECK(strcmp(kyro_code_name(KYRO_OK), "kOk") == 0);
  CHECK(strcmp(kyro_code_name(KYRO_DATA_LOSS), "kDataLoss") == 0);
  CHECK(strcmp(kyro_code_name(KYRO_INTERNAL), "kInternal") == 0);
  CHECK(strcmp(kyro_code_name(-1), "unknown") == 0);
  CHECK(strcmp(kyro_code_name(KYRO_INTERNAL + 1), "unknown") == 0);
  CHECK(strcmp(kyro_version(), WANT_VERSION) == 0);
}

static kyro_code try_options(const char* directory, kyro_options options, kyro_error* error) {
  kyro_db* db = NULL;
  options.struct_size = sizeof(options);
  const kyro_code code = kyro_db_open(directory, &options, &db, error);
  check_true(__FILE__, __LINE__, "a handle comes with KYRO_OK alone",
             (db != NULL) == (code == KYRO_OK));
  kyro_db_free(db);
  return code;
}
// Options with one field set.
#define OPTION(...) try_options(directory, (kyro_options){__VA_ARGS__}, &error)

static void each_option_is_read(const char* directory) {
  kyro_error error;
  CHECK_CODE(KYRO_NOT_FOUND, OPTION(.open_mode = KYRO_OPEN_READ_ONLY));
  CHECK_CODE(KYRO_NOT_FOUND, OPTION(.open_mode = KYRO_OPEN_EXISTING));
  CHECK_OK(OPTION(.open_mode = KYRO_CREATE_NEW));
  CHECK_CODE(KYRO_ALREADY_EXISTS, OPTION(.open_mode = KYRO_CREATE_NEW));
  CHECK_OK(OPTION(.open_mode = KYRO_OPEN_EXISTING));
  CHECK_CODE(KYRO_INVALID_ARGUMENT, OPTION(.open_mode = 4));
  CHECK_CODE(KYRO_INVALID_ARGUMENT, OPTION(.durability = 4));
  CHECK_CODE(KYRO_INVALID_ARGUMENT, OPTION(.durability = -1));
  CHECK_CODE(KYRO_INVALID_ARGUMENT, OPTION(.access = 2));
  CHECK_CODE(KYRO_INVALID_ARGUMENT, OPTION(.delta_bytes = 1));
  CHECK(strstr(error.message, "delta_bytes") != NULL);
  CHECK_CODE(KYRO_INVALID_ARGUMENT, OPTION(.wal_file_bytes = 1));
  CHECK(strstr(error.message, "wal_file_bytes") != NULL);
  CHECK_CODE(KYRO_INVALID_ARGUMENT, OPTION(.batch_bytes_max = 1));
  CHECK(strstr(error.message, "batch_bytes_max") != NULL);
  CHECK_CODE(KYRO_INVALID_ARGUMENT, OPTION(.segment_bytes = 1));
  CHECK(strstr(error.message, "segment_bytes") != NULL);
  CHECK_CODE(KYRO_INVALID_ARGUMENT, OPTION(.merge_fraction = 2));
  CHECK(strstr(error.message, "merge_fraction") != NULL);
  CHECK_OK(OPTION(.durability = KYRO_DURABILITY_INTERVAL, .sync_interval_ms = 1,
                  .access = KYRO_ACCESS_COPY, .write_stall_max_ms = -1, .delta_bytes = 4096,
                  .wal_file_bytes = 4096, .batch_bytes_max = 4096, .segment_bytes = 4096,
                  .merge_fraction = 0.01));
}

// Whether a file below `directory` is mapped.
static bool is_mapped(const char* directory) {
  bool mapped = false;
  char line[8192];
  FILE* const maps = fopen("/proc/self/maps", "r");
  if (!CHECK(maps != NULL)) return false;
  while (fgets(line, sizeof(line), maps) != NULL) {
    mapped = mapped || strstr(line, directory) != NULL;
  }
  fclose(maps);
  return mapped;
}

static void copied_segments_are_not_mapped(const char* directory) {
  kyro_error error;
  for (int32_t access = KYRO_ACCESS_MAP; access <= KYRO_ACCESS_COPY; ++access) {
    const kyro_options options = {.struct_size = sizeof(options), .access = access};
    kyro_db* db = NULL;
    CHECK_OK(kyro_db_open(directory, &options, &db, &error));
    kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_U64);
    put_rows(cells, 10, 1);
    CHECK_OK(kyro_db_fold(db, NULL, &error));
    CHECK(is_mapped(directory) == (access == KYRO_ACCESS_MAP));
    kyro_keyspace_free(cells);
    kyro_db_free(db);
  }
}

static void durability_is_passed_on(const char* directory) {
  kyro_error error;
  const kyro_options options = {.struct_size = sizeof(options), .durability = KYRO_DURABILITY_OS};
  kyro_db* db = NULL;
  CHECK_OK(kyro_db_open(directory, &options, &db, &error));
  kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_U64);
  kyro_stats stats = {.struct_size = sizeof(stats)};
  CHECK_OK(kyro_keyspace_put_u64(cells, 1, kyro_string(""), NULL, &error));
  CHECK_OK(kyro_db_stats(db, &stats, &error));
  CHECK(stats.visible == 1 && stats.durable == 0);
  kyro_write_options how = {.struct_size = sizeof(how), .durability = KYRO_DURABILITY_SYNC};
  CHECK_OK(kyro_keyspace_put_u64(cells, 2, kyro_string(""), &how, &error));
  CHECK_OK(kyro_db_stats(db, &stats, &error));
  CHECK(stats.durable == 2);
  how.durability = 9;
  CHECK_CODE(KYRO_INVALID_ARGUMENT, kyro_keyspace_put_u64(cells, 2, kyro_string(""), &how, &error));
  how.struct_size = 0;
  CHECK_CODE(KYRO_INVALID_ARGUMENT, kyro_keyspace_delete_u64(cells, 2, &how, &error));
  kyro_keyspace_free(cells);
  kyro_db_free(db);
}

// A program compiled against a later kyro, and one against an earlier.
static void structs_of_other_versions_are_read(const char* directory) {
  struct {
    kyro_options known;
    uint64_t future;
  } later = {.known = {.struct_size = sizeof(later)}, .future = 0};
  kyro_error error;
  kyro_db* db = NULL;
  CHECK_OK(kyro_db_open(directory, &later.known, &db, &error));
  kyro_db_free(db);
  later.future = 1;
  CHECK_CODE(KYRO_UNSUPPORTED, kyro_db_open(directory, &later.known, &db, &error));
  kyro_options earlier;
  memset(&earlier, 0xff, sizeof(earlier));
  earlier.struct_size = offsetof(kyro_options, durability);
  earlier.open_mode = KYRO_OPEN_EXISTING;
  CHECK_OK(kyro_db_open(directory, &earlier, &db, &error));

  kyro_stats stats;
  memset(&stats, 0xff, sizeof(stats));
  stats.struct_size = offsetof(kyro_stats, durable);
  CHECK_OK(kyro_db_stats(db, &stats, &error));
  CHECK(stats.visible == 0 && stats.durable == UINT64_MAX && stats.was_clean == -1);
  struct {
    kyro_stats known;
    uint64_t future;
  } more = {.known = {.struct_size = sizeof(more)}, .future = 1};
  CHECK_OK(kyro_db_stats(db, &more.known, &error));
  CHECK(more.future == 0 && more.known.struct_size == sizeof(more) && more.known.was_clean == 1);
  kyro_db_free(db);
  const kyro_options unset = {.struct_size = 0};
  CHECK_CODE(KYRO_INVALID_ARGUMENT, kyro_db_open(directory, &unset, &db, &error));
}

static void locks_and_names_are_told(const char* directory) {
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_db* second = NULL;
  CHECK_CODE(KYRO_LOCKED, kyro_db_open(directory, NULL, &second, &error));
  CHECK(second == NULL && error.message[0] != '\0');
  CHECK(kyro_db_open(directory, NULL, &second, NULL) == KYRO_LOCKED);  // without an error
  CHECK_CODE(KYRO_INVALID_ARGUMENT,
             kyro_db_open_keyspace(db, kyro_string(""), KYRO_U64, &(kyro_keyspace*){NULL}, &error));
  kyro_keyspace* keyspace = NULL;
  CHECK_CODE(KYRO_INVALID_ARGUMENT,
             kyro_db_open_keyspace(db, kyro_string("x"), 3, &keyspace, &error));
  kyro_keyspace_free(open_keyspace(db, "x", KYRO_U64));
  CHECK_CODE(KYRO_KEYSPACE_MISMATCH,
             kyro_db_open_keyspace(db, kyro_string("x"), KYRO_BYTES, &keyspace, &error));
  kyro_db_free(db);
}

// What does not fit is cut between two characters, here of three bytes each.
static void a_long_message_is_cut_short(const char* directory) {
  (void)directory;
  for (int shift = 0; shift < 3; ++shift) {
    char path[4000] = "/nowhere/";
    for (int i = 0; i < shift; ++i) strcat(path, "x");
    for (int i = 0; i < 300; ++i) strcat(path, i % 30 == 29 ? "/" : "\xe2\x82\xac");
    struct {
      kyro_error error;
      char guard[8];
    } got;
    memset(&got, 0x55, sizeof(got));
    kyro_db* db = NULL;
    CHECK(kyro_db_open(path, NULL, &db, &got.error) == KYRO_INVALID_ARGUMENT);
    const char* const end = memchr(got.error.message, '\0', sizeof(got.error.message));
    if (!CHECK(end != NULL && end - got.error.message > 370)) continue;
    CHECK(memcmp(end - 3, "...", 3) == 0);
    CHECK(end[-4] == '/' || end[-4] == '\xac');
    for (int i = 0; i < 8; ++i) CHECK(got.guard[i] == 0x55);
  }
}

// Flips a bit in the middle of the largest file whose name ends with `suffix`; its name.
static const char* damage(const char* directory, const char* suffix) {
  static char name[256];
  DIR* const entries = opendir(directory);
  for (struct dirent* entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
    const size_t size = strlen(entry->d_name);
    if (size > strlen(suffix) && strcmp(entry->d_name + size - strlen(suffix), suffix) == 0) {
      snprintf(name, sizeof(name), "%s", entry->d_name);
    }
  }
  if (entries != NULL) closedir(entries);
  FILE* const file = fopen(path_in(directory, name), "r+b");
  if (!CHECK(file != NULL)) return name;
  fseek(file, 0, SEEK_END);
  const long middle = ftell(file) / 2;
  fseek(file, middle, SEEK_SET);
  const int byte = fgetc(file);
  fseek(file, middle, SEEK_SET);
  fputc(byte ^ 0x10, file);
  fclose(file);
  return name;
}

static void check_damage(const kyro_error* error, const char* name) {
  CHECK(strcmp(error->file, name) == 0 && error->offset != KYRO_NO_OFFSET);
  CHECK(strstr(error->message, name) == error->message);
}

// Looks up all rows; each is there or damaged. A key that is damaged.
static uint64_t find_damage(const kyro_view* view, uint64_t count, uint64_t step,
                            const char* name) {
  kyro_error error;
  uint64_t* const keys = malloc(count * sizeof(*keys));
  kyro_lookup* const lookups = malloc(count * sizeof(*lookups));
  for (uint64_t i = 0; i < count; ++i) keys[i] = i * step;
  CHECK_CODE(KYRO_DATA_LOSS, kyro_view_multiget_u64(view, keys, count, lookups, &error));
  check_damage(&error, name);
  uint64_t damaged = UINT64_MAX;
  for (uint64_t i = 0; i < count; ++i) {
    if (lookups[i].code == KYRO_OK) continue;
    CHECK(lookups[i].code == KYRO_DATA_LOSS && lookups[i].value.size == 0);
    damaged = keys[i];
  }
  free(lookups);
  free(keys);
  CHECK(damaged != UINT64_MAX);
  return damaged;
}

static void walk_into_damage(const kyro_view* view, const char* name) {
  kyro_error error;
  kyro_iterator* i = NULL;
  CHECK_OK(kyro_iterator_new(view, &i, &error));
  kyro_code code = kyro_iterator_seek_to_first(i, &error);
  while (code == KYRO_OK) code = kyro_iterator_next(i, &error);
  CHECK_CODE(KYRO_DATA_LOSS, kyro_iterator_next(i, &error));
  check_damage(&error, name);
  CHECK_CODE(KYRO_DATA_LOSS, kyro_iterator_get_u64(i, NULL, NULL, &error));
  kyro_iterator_free(i);
  kyro_scan* scan = NULL;
  CHECK_OK(kyro_scan_new_u64(view, NULL, NULL, &scan, &error));
  while ((code = kyro_scan_next_u64(scan, NULL, NULL, &error)) == KYRO_OK) continue;
  CHECK(code == KYRO_DATA_LOSS);
  check_damage(&error, name);
  kyro_scan_free(scan);
}

static void damage_names_file_and_offset(const char* directory) {
  kyro_error error;
  kyro_db* db = open_db(directory);
  kyro_keyspace* cells = open_keyspace(db, "cells", KYRO_U64);
  put_rows(cells, 5000, 7);
  CHECK_OK(kyro_db_fold(db, NULL, &error));
  kyro_keyspace_free(cells);
  CHECK_OK(kyro_db_close(db, &error));
  kyro_db_free(db);
  const char* const name = damage(directory, ".data");

  db = open_db(directory);
  cells = open_keyspace(db, "cells", KYRO_U64);
  CHECK_CODE(KYRO_DATA_LOSS, kyro_db_verify(db, NULL, &error));
  check_damage(&error, name);
  kyro_view* view = NULL;
  CHECK_OK(kyro_view_new(cells, NULL, &view, &error));
  const uint64_t damaged = find_damage(view, 5000, 7, name);
  kyro_slice value;
  CHECK_CODE(KYRO_DATA_LOSS, kyro_view_get_u64(view, damaged, &value, &error));
  check_damage(&error, name);
  CHECK(value.size == 0);
  walk_into_damage(view, name);
  kyro_stats stats = {.struct_size = sizeof(stats)};
  CHECK_OK(kyro_db_stats(db, &stats, &error));
  CHECK(stats.blocks_bad > 0);
  kyro_view_free(view);
  kyro_keyspace_free(cells);
  kyro_db_free(db);
}

static void the_other_key_kind_is_refused(const char* directory) {
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const both[] = {open_keyspace(db, "cells", KYRO_U64),
                                 open_keyspace(db, "words", KYRO_BYTES)};
  kyro_buffer* const buffer = kyro_buffer_new();
  const kyro_slice k = kyro_string("k");
  kyro_view* views[2];
  kyro_iterator* walks[2];
  kyro_scan* scans[2] = {NULL, NULL};
  kyro_lookup lookup;
  kyro_slice value;
  const uint64_t one = 1;
  for (int i = 0; i < 2; ++i) {
    CHECK_OK(kyro_view_new(both[i], NULL, &views[i], &error));
    CHECK_OK(kyro_iterator_new(views[i], &walks[i], &error));
  }
  CHECK_OK(kyro_scan_new_u64(views[0], NULL, NULL, &scans[0], &error));
  CHECK_OK(kyro_scan_new_bytes(views[1], NULL, NULL, &scans[1], &error));
#define CHECK_KIND(call) CHECK_CODE(KYRO_KEYSPACE_MISMATCH, call)
  CHECK_KIND(kyro_keyspace_put_u64(both[1], 1, k, NULL, &error));
  CHECK(strstr(error.message, "_bytes") != NULL);
  CHECK_KIND(kyro_keyspace_put_bytes(both[0], k, k, NULL, &error));
  CHECK(strstr(error.message, "_u64") != NULL);
  CHECK_KIND(kyro_keyspace_delete_u64(both[1], 1, NULL, &error));
  CHECK_KIND(kyro_keyspace_delete_bytes(both[0], k, NULL, &error));
  CHECK_KIND(kyro_keyspace_get_u64(both[1], 1, buffer, &error));
  CHECK_KIND(kyro_keyspace_get_bytes(both[0], k, buffer, &error));
  CHECK_KIND(kyro_view_get_u64(views[1], 1, &value, &error));
  CHECK_KIND(kyro_view_get_bytes(views[0], k, &value, &error));
  CHECK_KIND(kyro_view_multiget_u64(views[1], &one, 1, &lookup, &error));
  CHECK_KIND(kyro_view_multiget_bytes(views[0], &k, 1, &lookup, &error));
  CHECK_KIND(kyro_iterator_seek_u64(walks[1], 1, &error));
  CHECK_KIND(kyro_iterator_seek_bytes(walks[0], k, &error));
  CHECK_KIND(kyro_iterator_seek_for_prev_u64(walks[1], 1, &error));
  CHECK_KIND(kyro_iterator_seek_for_prev_bytes(walks[0], k, &error));
  CHECK_KIND(kyro_iterator_get_u64(walks[1], NULL, NULL, &error));
  CHECK_KIND(kyro_iterator_get_bytes(walks[0], NULL, NULL, &error));
  CHECK_KIND(kyro_scan_next_u64(scans[1], NULL, NULL, &error));
  CHECK_KIND(kyro_scan_next_bytes(scans[0], NULL, NULL, &error));
  kyro_columns_u64 numbers;
  kyro_columns_bytes words;
  CHECK_KIND(kyro_scan_next_batch_u64(scans[1], &numbers, &error));
  CHECK_KIND(kyro_scan_next_batch_bytes(scans[0], &words, &error));
  for (int i = 0; i < 2; ++i) {
    kyro_scan_free(scans[i]);
    kyro_iterator_free(walks[i]);
    kyro_view_free(views[i]);
    kyro_keyspace_free(both[i]);
  }
  kyro_buffer_free(buffer);
  kyro_db_free(db);
}

// Handles of NULL, in every function that takes one.
static void null_databases_are_refused(const char* directory) {
  kyro_error error;
  const kyro_slice k = kyro_string("k");
  kyro_db* db = NULL;
  kyro_keyspace* keyspace = NULL;
  kyro_keyspace_list* list = NULL;
  kyro_read_point* point = NULL;
  kyro_keyspace_info info;
  kyro_batch* const batch = kyro_batch_new();
  kyro_stats stats = {.struct_size = sizeof(stats)};
  CHECK_NULL(kyro_db_open(NULL, NULL, &db, &error));
  CHECK_NULL(kyro_db_open(directory, NULL, NULL, &error));
  CHECK_NULL(kyro_db_close(NULL, &error));
  CHECK_NULL(kyro_db_open_keyspace(NULL, k, KYRO_U64, &keyspace, &error));
  CHECK_NULL(kyro_db_drop_keyspace(NULL, k, &error));
  CHECK_NULL(kyro_db_list_keyspaces(NULL, &list, &error));
  CHECK_NULL(kyro_db_write(NULL, batch, NULL, NULL, &error));
  CHECK_NULL(kyro_db_read_point(NULL, &point, &error));
  CHECK_NULL(kyro_db_sync(NULL, &error));
  CHECK_NULL(kyro_db_fold(NULL, NULL, &error));
  CHECK_NULL(kyro_db_rebuild_index(NULL, NULL, &error));
  CHECK_NULL(kyro_db_warm(NULL, 0, NULL, &error));
  CHECK_NULL(kyro_db_verify(NULL, NULL, &error));
  CHECK_NULL(kyro_db_checkpoint(NULL, directory, NULL, NULL, &error));
  CHECK_NULL(kyro_db_resume(NULL, &error));
  CHECK_NULL(kyro_db_stats(NULL, &stats, &error));
  CHECK_NULL(kyro_db_background_error(NULL, &error));
  CHECK_NULL(kyro_keyspace_list_get(NULL, 0, &info, &error));
  CHECK_NULL(kyro_keyspace_get_info(NULL, &info, &error));
  CHECK(kyro_keyspace_list_size(NULL) == 0 && kyro_read_point_sequence(NULL) == 0);
  db = open_db(directory);
  CHECK_NULL(kyro_db_open_keyspace(db, k, KYRO_U64, NULL, &error));
  CHECK_NULL(kyro_db_open_keyspace(db, kyro_slice_of(NULL, 1), KYRO_U64, &keyspace, &error));
  CHECK_NULL(kyro_db_drop_keyspace(db, kyro_slice_of(NULL, 1), &error));
  CHECK_NULL(kyro_db_list_keyspaces(db, NULL, &error));
  CHECK_NULL(kyro_db_write(db, NULL, NULL, NULL, &error));
  CHECK(strcmp(error.message, "batch is NULL") == 0);
  CHECK_NULL(kyro_db_read_point(db, NULL, &error));
  CHECK_NULL(kyro_db_checkpoint(db, NULL, NULL, NULL, &error));
  CHECK_NULL(kyro_db_stats(db, NULL, &error));
  stats.struct_size = 0;
  CHECK_NULL(kyro_db_stats(db, &stats, &error));
  kyro_batch_free(batch);
  kyro_db_free(db);
  kyro_db_free(NULL);
  kyro_keyspace_list_free(NULL);
  kyro_read_point_free(NULL);
}

static void null_keyspaces_and_batches_are_refused(const char* directory) {
  kyro_error error;
  const kyro_slice k = kyro_string("k");
  const kyro_slice bad = kyro_slice_of(NULL, 1);
  kyro_buffer* const value = kyro_buffer_new();
  kyro_bulk_loader* loader = NULL;
  CHECK_NULL(kyro_keyspace_put_u64(NULL, 1, k, NULL, &error));
  CHECK_NULL(kyro_keyspace_put_bytes(NULL, k, k, NULL, &error));
  CHECK_NULL(kyro_keyspace_delete_u64(NULL, 1, NULL, &error));
  CHECK_NULL(kyro_keyspace_delete_bytes(NULL, k, NULL, &error));
  CHECK_NULL(kyro_keyspace_get_u64(NULL, 1, value, &error));
  CHECK_NULL(kyro_keyspace_get_bytes(NULL, k, value, &error));
  CHECK_NULL(kyro_batch_put_u64(NULL, NULL, 1, k, &error));
  CHECK_NULL(kyro_batch_put_bytes(NULL, NULL, k, k, &error));
  CHECK_NULL(kyro_batch_delete_u64(NULL, NULL, 1, &error));
  CHECK_NULL(kyro_batch_delete_bytes(NULL, NULL, k, &error));
  CHECK(kyro_batch_count(NULL) == 0 && kyro_batch_bytes(NULL) == 0);
  CHECK_NULL(kyro_bulk_loader_new(NULL, &loader, &error));
  CHECK_NULL(kyro_bulk_loader_add_u64(NULL, 1, k, &error));
  CHECK_NULL(kyro_bulk_loader_add_bytes(NULL, k, k, &error));
  CHECK_NULL(kyro_bulk_loader_finish(NULL, NULL, NULL, &error));
  CHECK(kyro_bulk_loader_count(NULL) == 0);
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const words = open_keyspace(db, "words", KYRO_BYTES);
  CHECK_NULL(kyro_keyspace_put_bytes(words, bad, k, NULL, &error));
  CHECK_NULL(kyro_keyspace_put_bytes(words, k, bad, NULL, &error));
  CHECK_NULL(kyro_keyspace_delete_bytes(words, bad, NULL, &error));
  CHECK_NULL(kyro_keyspace_get_bytes(words, bad, value, &error));
  CHECK_NULL(kyro_keyspace_get_bytes(words, k, NULL, &error));
  CHECK_NULL(kyro_keyspace_get_info(words, NULL, &error));
  CHECK_NULL(kyro_bulk_loader_new(words, NULL, &error));
  CHECK_OK(kyro_bulk_loader_new(words, &loader, &error));
  CHECK_NULL(kyro_bulk_loader_add_bytes(loader, bad, k, &error));
  CHECK_NULL(kyro_bulk_loader_add_bytes(loader, k, bad, &error));
  kyro_bulk_loader_free(loader);
  CHECK(kyro_buffer_slice(NULL).size == 0);
  kyro_buffer_free(value);
  kyro_buffer_free(NULL);
  kyro_batch_clear(NULL);
  kyro_batch_free(NULL);
  kyro_bulk_loader_free(NULL);
  kyro_keyspace_free(words);
  kyro_keyspace_free(NULL);
  kyro_db_free(db);
}

static void null_readers_are_refused(const char* directory) {
  kyro_error error;
  const kyro_slice k = kyro_string("k");
  const kyro_slice bad = kyro_slice_of(NULL, 1);
  kyro_slice value;
  kyro_lookup lookup;
  kyro_view* view = NULL;
  kyro_iterator* i = NULL;
  kyro_scan* scan = NULL;
  CHECK_NULL(kyro_view_new(NULL, NULL, &view, &error));
  CHECK(kyro_view_sequence(NULL) == 0 && !kyro_iterator_valid(NULL));
  CHECK_NULL(kyro_view_get_u64(NULL, 1, &value, &error));
  CHECK_NULL(kyro_view_get_bytes(NULL, k, &value, &error));
  CHECK_NULL(kyro_view_multiget_u64(NULL, NULL, 0, NULL, &error));
  CHECK_NULL(kyro_view_multiget_bytes(NULL, &k, 1, &lookup, &error));
  CHECK_NULL(kyro_iterator_new(NULL, &i, &error));
  CHECK_NULL(kyro_iterator_seek_to_first(NULL, &error));
  CHECK_NULL(kyro_iterator_seek_to_last(NULL, &error));
  CHECK_NULL(kyro_iterator_seek_u64(NULL, 1, &error));
  CHECK_NULL(kyro_iterator_seek_bytes(NULL, k, &error));
  CHECK_NULL(kyro_iterator_seek_for_prev_u64(NULL, 1, &error));
  CHECK_NULL(kyro_iterator_seek_for_prev_bytes(NULL, k, &error));
  CHECK_NULL(kyro_iterator_next(NULL, &error));
  CHECK_NULL(kyro_iterator_prev(NULL, &error));
  CHECK_NULL(kyro_iterator_get_u64(NULL, NULL, NULL, &error));
  CHECK_NULL(kyro_iterator_get_bytes(NULL, NULL, NULL, &error));
  CHECK_NULL(kyro_scan_new_u64(NULL, NULL, NULL, &scan, &error));
  CHECK_NULL(kyro_scan_new_bytes(NULL, NULL, NULL, &scan, &error));
  CHECK_NULL(kyro_scan_next_u64(NULL, NULL, NULL, &error));
  CHECK_NULL(kyro_scan_next_bytes(NULL, NULL, NULL, &error));
  kyro_columns_u64 numbers;
  kyro_columns_bytes strings;
  CHECK_NULL(kyro_scan_next_batch_u64(NULL, &numbers, &error));
  CHECK_NULL(kyro_scan_next_batch_bytes(NULL, &strings, &error));
  CHECK_NULL(kyro_scan_next_batch_u64(NULL, NULL, &error));
  CHECK_NULL(kyro_view_export_arrow(NULL, NULL, &error));
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const words = open_keyspace(db, "words", KYRO_BYTES);
  CHECK_NULL(kyro_view_new(words, NULL, NULL, &error));
  CHECK_OK(kyro_view_new(words, NULL, &view, &error));
  CHECK_NULL(kyro_view_get_bytes(view, k, NULL, &error));
  CHECK_NULL(kyro_view_get_bytes(view, bad, &value, &error));
  CHECK_NULL(kyro_view_multiget_bytes(view, NULL, 1, &lookup, &error));
  CHECK_NULL(kyro_view_multiget_bytes(view, &k, 1, NULL, &error));
  CHECK_NULL(kyro_view_multiget_bytes(view, &bad, 1, &lookup, &error));
  CHECK_NULL(kyro_iterator_new(view, NULL, &error));
  CHECK_NULL(kyro_scan_new_bytes(view, NULL, NULL, NULL, &error));
  CHECK_NULL(kyro_scan_new_bytes(view, &bad, NULL, &scan, &error));
  CHECK_NULL(kyro_scan_new_bytes(view, NULL, &bad, &scan, &error));
  kyro_view_free(view);
  kyro_view_free(NULL);
  kyro_iterator_free(NULL);
  kyro_scan_free(NULL);
  kyro_keyspace_free(words);
  kyro_db_free(db);
}

const test_case refusal_cases[] = {
    {"codes_have_names", codes_have_names},
    {"each_option_is_read", each_option_is_read},
    {"copied_segments_are_not_mapped", copied_segments_are_not_mapped},
    {"durability_is_passed_on", durability_is_passed_on},
    {"structs_of_other_versions_are_read", structs_of_other_versions_are_read},
    {"locks_and_names_are_told", locks_and_names_are_told},
    {"a_long_message_is_cut_short", a_long_message_is_cut_short},
    {"damage_names_file_and_offset", damage_names_file_and_offset},
    {"the_other_key_kind_is_refused", the_other_key_kind_is_refused},
    {"null_databases_are_refused", null_databases_are_refused},
    {"null_keyspaces_and_batches_are_refused", null_keyspaces_and_batches_are_refused},
    {"null_readers_are_refused", null_readers_are_refused},
    {NULL, NULL}};
