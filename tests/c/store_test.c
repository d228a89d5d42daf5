// SPDX-License-Identifier: Apache-2.0
//
// Databases, keyspaces, single writes and batches.
#include <string.h>

#include "check.h"

static void write_both_kinds(const char* directory) {
  const char zeros[] = {'a', '\0', 'b'};
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_U64);
  kyro_keyspace* const words = open_keyspace(db, "words", KYRO_BYTES);
  CHECK_OK(kyro_keyspace_put_u64(cells, 0, kyro_string("zero"), NULL, &error));
  CHECK_OK(kyro_keyspace_put_u64(cells, UINT64_MAX, kyro_string("top"), NULL, &error));
  CHECK_OK(kyro_keyspace_put_u64(cells, 7, kyro_string("gone"), NULL, &error));
  CHECK_OK(kyro_keyspace_delete_u64(cells, 7, NULL, &error));
  CHECK_OK(kyro_keyspace_put_bytes(words, kyro_slice_of(zeros, 3), kyro_slice_of(zeros, 2), NULL,
                                   &error));
  CHECK_OK(kyro_keyspace_put_bytes(words, kyro_string(""), kyro_slice_of(NULL, 0), NULL, &error));
  CHECK_OK(kyro_keyspace_put_bytes(words, kyro_string("gone"), kyro_string("x"), NULL, &error));
  CHECK_OK(kyro_keyspace_delete_bytes(words, kyro_string("gone"), NULL, &error));
  CHECK_OK(kyro_keyspace_delete_bytes(words, kyro_string("never there"), NULL, &error));
  kyro_keyspace_free(cells);
  kyro_keyspace_free(words);
  CHECK_OK(kyro_db_close(db, &error));
  kyro_db_free(db);
}

static void values_come_back_after_reopening(const char* directory) {
  const char zeros[] = {'a', '\0', 'b'};
  write_both_kinds(directory);
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_U64);
  kyro_keyspace* const words = open_keyspace(db, "words", KYRO_BYTES);
  kyro_buffer* const value = kyro_buffer_new();
  CHECK(kyro_buffer_slice(value).size == 0);
  CHECK_OK(kyro_keyspace_get_u64(cells, 0, value, &error));
  CHECK_TEXT("zero", kyro_buffer_slice(value));
  CHECK_OK(kyro_keyspace_get_u64(cells, UINT64_MAX, value, &error));
  CHECK_TEXT("top", kyro_buffer_slice(value));
  CHECK(kyro_buffer_slice(value).data[3] == '\0');
  CHECK_CODE(KYRO_NOT_FOUND, kyro_keyspace_get_u64(cells, 7, value, &error));
  CHECK_TEXT("top", kyro_buffer_slice(value));  // left as it was
  CHECK_OK(kyro_keyspace_get_bytes(words, kyro_slice_of(zeros, 3), value, &error));
  CHECK(kyro_buffer_slice(value).size == 2);
  CHECK(memcmp(kyro_buffer_slice(value).data, zeros, 2) == 0);
  CHECK_OK(kyro_keyspace_get_bytes(words, kyro_string(NULL), value, &error));
  CHECK_TEXT("", kyro_buffer_slice(value));
  CHECK_CODE(KYRO_NOT_FOUND, kyro_keyspace_get_bytes(words, kyro_string("gone"), value, &error));
  kyro_buffer_free(value);
  kyro_keyspace_free(words);
  kyro_keyspace_free(cells);
  kyro_db_free(db);
}

static void keyspaces_know_what_they_are(const char* directory) {
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_U64);
  kyro_keyspace* const words = open_keyspace(db, "words", KYRO_BYTES);
  kyro_keyspace_info info, listed;
  kyro_keyspace_list* list = NULL;
  CHECK_OK(kyro_db_list_keyspaces(db, &list, &error));
  CHECK(kyro_keyspace_list_size(list) == 2);
  CHECK_OK(kyro_keyspace_get_info(cells, &info, &error));
  CHECK_OK(kyro_keyspace_list_get(list, 0, &listed, &error));
  CHECK_TEXT("cells", info.name);
  CHECK_TEXT("cells", listed.name);
  CHECK(info.kind == KYRO_U64 && listed.kind == KYRO_U64 && info.id == listed.id);
  CHECK_OK(kyro_keyspace_get_info(words, &info, &error));
  CHECK_OK(kyro_keyspace_list_get(list, 1, &listed, &error));
  CHECK_TEXT("words", info.name);
  CHECK_TEXT("words", listed.name);
  CHECK(info.kind == KYRO_BYTES && listed.kind == KYRO_BYTES && info.id == listed.id);
  CHECK(info.name.data[5] == '\0' && listed.name.data[5] == '\0');
  CHECK_CODE(KYRO_INVALID_ARGUMENT, kyro_keyspace_list_get(list, 2, &listed, &error));
  kyro_keyspace_list_free(list);
  kyro_keyspace_free(words);
  kyro_keyspace_free(cells);
  kyro_db_free(db);
}

static void a_dropped_keyspace_is_gone(const char* directory) {
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const words = open_keyspace(db, "words", KYRO_BYTES);
  const kyro_slice k = kyro_string("k");
  CHECK_OK(kyro_keyspace_put_bytes(words, k, kyro_string("v"), NULL, &error));
  CHECK_OK(kyro_db_drop_keyspace(db, kyro_string("words"), &error));
  CHECK_CODE(KYRO_NOT_FOUND, kyro_db_drop_keyspace(db, kyro_string("words"), &error));
  CHECK_CODE(KYRO_CLOSED, kyro_keyspace_put_bytes(words, k, kyro_string("v"), NULL, &error));
  kyro_keyspace_list* list = NULL;
  CHECK_OK(kyro_db_list_keyspaces(db, &list, &error));
  CHECK(kyro_keyspace_list_size(list) == 0);
  kyro_keyspace_list_free(list);
  kyro_keyspace_free(words);
  kyro_db_free(db);
}

static void a_batch_is_one_commit_over_keyspaces(const char* directory) {
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_U64);
  kyro_keyspace* const words = open_keyspace(db, "words", KYRO_BYTES);
  kyro_buffer* const value = kyro_buffer_new();
  kyro_batch* const batch = kyro_batch_new();
  const size_t empty = kyro_batch_bytes(batch);
  CHECK_OK(kyro_keyspace_put_u64(cells, 9, kyro_string("old"), NULL, &error));
  CHECK_OK(kyro_keyspace_put_bytes(words, kyro_string("old"), kyro_string("old"), NULL, &error));
  CHECK_OK(kyro_batch_put_u64(batch, cells, 2, kyro_string("lost"), &error));
  CHECK_OK(kyro_batch_put_u64(batch, cells, 2, kyro_string("two"), &error));
  CHECK_OK(kyro_batch_put_bytes(batch, words, kyro_string("uno"), kyro_string("1"), &error));
  CHECK_OK(kyro_batch_delete_u64(batch, cells, 9, &error));
  CHECK_OK(kyro_batch_delete_bytes(batch, words, kyro_string("old"), &error));
  CHECK(kyro_batch_count(batch) == 5 && kyro_batch_bytes(batch) > empty);
  const kyro_write_options options = {.struct_size = sizeof(options),
                                      .durability = KYRO_DURABILITY_OS};
  uint64_t sequence = 0;
  CHECK_OK(kyro_db_write(db, batch, &options, &sequence, &error));
  CHECK(sequence == 3);
  CHECK_OK(kyro_db_write(db, batch, NULL, NULL, &error));  // the batch stays as it is

  CHECK_OK(kyro_keyspace_get_u64(cells, 2, value, &error));
  CHECK_TEXT("two", kyro_buffer_slice(value));
  CHECK_OK(kyro_keyspace_get_bytes(words, kyro_string("uno"), value, &error));
  CHECK_TEXT("1", kyro_buffer_slice(value));
  CHECK_CODE(KYRO_NOT_FOUND, kyro_keyspace_get_u64(cells, 9, value, &error));
  CHECK_CODE(KYRO_NOT_FOUND, kyro_keyspace_get_bytes(words, kyro_string("old"), value, &error));

  kyro_batch_clear(batch);
  CHECK(kyro_batch_count(batch) == 0 && kyro_batch_bytes(batch) == empty);
  CHECK_OK(kyro_db_write(db, batch, NULL, &sequence, &error));
  CHECK(sequence == 4);  // takes none
  kyro_batch_free(batch);
  kyro_buffer_free(value);
  kyro_keyspace_free(words);
  kyro_keyspace_free(cells);
  kyro_db_free(db);
}

// Adds one operation that must be refused, in one of four ways.
static kyro_code spoil(kyro_batch* batch, int way, const kyro_keyspace* cells,
                       const kyro_keyspace* words, kyro_error* error) {
  static const char long_key[65536];
  switch (way) {
    case 0:
      return kyro_batch_put_bytes(batch, cells, kyro_string("1"), kyro_string(""), error);
    case 1:
      return kyro_batch_delete_u64(batch, NULL, 1, error);
    case 2:
      return kyro_batch_put_u64(batch, cells, 1, kyro_slice_of(NULL, 3), error);
    default:
      return kyro_batch_delete_bytes(batch, words, kyro_slice_of(long_key, sizeof(long_key)),
                                     error);
  }
}

static void a_spoiled_batch_applies_nothing(const char* directory) {
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_U64);
  kyro_keyspace* const words = open_keyspace(db, "words", KYRO_BYTES);
  kyro_buffer* const value = kyro_buffer_new();
  kyro_batch* const batch = kyro_batch_new();
  for (int way = 0; way < 4; ++way) {
    const kyro_code want = way == 0 ? KYRO_KEYSPACE_MISMATCH : KYRO_INVALID_ARGUMENT;
    CHECK_OK(kyro_batch_put_u64(batch, cells, 1, kyro_string("one"), &error));
    CHECK_CODE(want, spoil(batch, way, cells, words, &error));
    CHECK_CODE(want, kyro_batch_put_u64(batch, cells, 2, kyro_string("two"), &error));
    CHECK_CODE(want, kyro_db_write(db, batch, NULL, NULL, &error));
    CHECK(error.message[0] != '\0');
    CHECK_CODE(KYRO_NOT_FOUND, kyro_keyspace_get_u64(cells, 1, value, &error));
    kyro_batch_clear(batch);
  }
  CHECK_OK(kyro_batch_put_u64(batch, cells, 1, kyro_string("one"), &error));
  CHECK_OK(kyro_db_write(db, batch, NULL, NULL, &error));
  CHECK_OK(kyro_keyspace_get_u64(cells, 1, value, &error));
  kyro_batch_free(batch);
  kyro_buffer_free(value);
  kyro_keyspace_free(words);
  kyro_keyspace_free(cells);
  kyro_db_free(db);
}

static void handles_outlive_the_database(const char* directory) {
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_U64);
  CHECK_OK(kyro_keyspace_put_u64(cells, 1, kyro_string("one"), NULL, &error));
  kyro_view* view = NULL;
  kyro_view* late = NULL;
  CHECK_OK(kyro_view_new(cells, NULL, &view, &error));
  CHECK_OK(kyro_db_close(db, &error));
  CHECK_CODE(KYRO_CLOSED, kyro_db_sync(db, &error));
  CHECK_CODE(KYRO_CLOSED, kyro_keyspace_put_u64(cells, 1, kyro_string("x"), NULL, &error));
  CHECK_CODE(KYRO_CLOSED, kyro_view_new(cells, NULL, &late, &error));
  CHECK(late == NULL);
  kyro_stats stats = {.struct_size = sizeof(stats)};
  CHECK_OK(kyro_db_stats(db, &stats, &error));
  CHECK(stats.stall == KYRO_STALL_CLOSED);
  kyro_db_free(db);
  CHECK_CODE(KYRO_CLOSED, kyro_keyspace_delete_u64(cells, 1, NULL, &error));
  kyro_keyspace_free(cells);
  kyro_slice value;
  CHECK_OK(kyro_view_get_u64(view, 1, &value, &error));
  CHECK_TEXT("one", value);
  kyro_view_free(view);
}

const test_case store_cases[] = {
    {"values_come_back_after_reopening", values_come_back_after_reopening},
    {"keyspaces_know_what_they_are", keyspaces_know_what_they_are},
    {"a_dropped_keyspace_is_gone", a_dropped_keyspace_is_gone},
    {"a_batch_is_one_commit_over_keyspaces", a_batch_is_one_commit_over_keyspaces},
    {"a_spoiled_batch_applies_nothing", a_spoiled_batch_applies_nothing},
    {"handles_outlive_the_database", handles_outlive_the_database},
    {NULL, NULL}};
