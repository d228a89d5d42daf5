// SPDX-License-Identifier: Apache-2.0
//
// Read points, views, lookups of many keys, iterators and scans.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static kyro_view* new_view(const kyro_keyspace* keyspace) {
  kyro_error error;
  kyro_view* view = NULL;
  CHECK_OK(kyro_view_new(keyspace, NULL, &view, &error));
  return view;
}

// String `i` of a column.
static kyro_slice in_column(const kyro_column* column, size_t i) {
  kyro_slice string = {column->data + i * column->width, column->width};
  if (column->offsets != NULL) {
    string.data = column->data + column->offsets[i];
    string.size = column->offsets[i + 1] - column->offsets[i];
  }
  return string;
}

static void a_view_reads_one_sequence(const char* directory) {
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_U64);
  kyro_keyspace* const words = open_keyspace(db, "words", KYRO_BYTES);
  CHECK_OK(kyro_keyspace_put_u64(cells, 1, kyro_string("old"), NULL, &error));
  CHECK_OK(kyro_keyspace_put_bytes(words, kyro_string("k"), kyro_string("old"), NULL, &error));
  kyro_read_point* point = NULL;
  CHECK_OK(kyro_db_read_point(db, &point, &error));
  CHECK(kyro_read_point_sequence(point) == 2);
  CHECK_OK(kyro_keyspace_put_u64(cells, 1, kyro_string("new"), NULL, &error));
  CHECK_OK(kyro_keyspace_delete_bytes(words, kyro_string("k"), NULL, &error));

  kyro_view* old_cells = NULL;
  kyro_view* old_words = NULL;
  CHECK_OK(kyro_view_new(cells, point, &old_cells, &error));
  CHECK_OK(kyro_view_new(words, point, &old_words, &error));
  kyro_read_point_free(point);
  kyro_view* const new_cells = new_view(cells);
  kyro_view* const new_words = new_view(words);
  CHECK(kyro_view_sequence(old_cells) == 2 && kyro_view_sequence(new_words) == 4);
  kyro_slice value;
  CHECK_OK(kyro_view_get_u64(old_cells, 1, &value, &error));
  CHECK_TEXT("old", value);
  CHECK_OK(kyro_view_get_u64(new_cells, 1, &value, &error));
  CHECK_TEXT("new", value);
  CHECK_OK(kyro_view_get_bytes(old_words, kyro_string("k"), &value, &error));
  CHECK_TEXT("old", value);
  CHECK_CODE(KYRO_NOT_FOUND, kyro_view_get_bytes(new_words, kyro_string("k"), &value, &error));
  CHECK(value.data == NULL && value.size == 0);
  kyro_view_free(new_words);
  kyro_view_free(new_cells);
  kyro_view_free(old_words);
  kyro_view_free(old_cells);
  kyro_keyspace_free(words);
  kyro_keyspace_free(cells);
  kyro_db_free(db);
}

// More keys than one call of the C++ API gets, hits and misses.
static void multiget_answers_each_u64_key_in_its_place(const char* directory) {
  enum { kCount = 1000 };
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_U64);
  put_rows(cells, kCount / 2, 2);
  kyro_view* const view = new_view(cells);
  uint64_t* const keys = malloc(kCount * sizeof(*keys));
  kyro_lookup* const lookups = malloc(kCount * sizeof(*lookups));
  for (uint64_t i = 0; i < kCount; ++i) keys[i] = kCount - 1 - i;
  CHECK_OK(kyro_view_multiget_u64(view, keys, kCount, lookups, &error));
  for (uint64_t i = 0; i < kCount; ++i) {
    char want[32] = "";
    if (keys[i] % 2 == 0) snprintf(want, sizeof(want), "v%" PRIu64, keys[i]);
    CHECK(lookups[i].code == (keys[i] % 2 == 0 ? KYRO_OK : KYRO_NOT_FOUND));
    CHECK_TEXT(want, lookups[i].value);
  }
  CHECK_OK(kyro_view_multiget_u64(view, NULL, 0, NULL, &error));
  free(lookups);
  free(keys);
  kyro_view_free(view);
  kyro_keyspace_free(cells);
  kyro_db_free(db);
}

static void multiget_answers_each_word_in_its_place(const char* directory) {
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const words = open_keyspace(db, "words", KYRO_BYTES);
  CHECK_OK(kyro_keyspace_put_bytes(words, kyro_string("one"), kyro_string("1"), NULL, &error));
  CHECK_OK(kyro_keyspace_put_bytes(words, kyro_string("empty"), kyro_string(""), NULL, &error));
  kyro_view* const view = new_view(words);
  const kyro_slice keys[] = {kyro_string("two"), kyro_string("one"), kyro_string("empty")};
  kyro_lookup lookups[3];
  CHECK_OK(kyro_view_multiget_bytes(view, keys, 3, lookups, &error));
  CHECK(lookups[0].code == KYRO_NOT_FOUND);
  CHECK(lookups[1].code == KYRO_OK && lookups[2].code == KYRO_OK);
  CHECK_TEXT("", lookups[0].value);
  CHECK_TEXT("1", lookups[1].value);
  CHECK_TEXT("", lookups[2].value);
  kyro_view_free(view);
  kyro_keyspace_free(words);
  kyro_db_free(db);
}

static void expect_row(const kyro_iterator* iterator, uint64_t want) {
  kyro_error error;
  uint64_t key = 0;
  kyro_slice value = {NULL, 0};
  char text[32];
  snprintf(text, sizeof(text), "v%" PRIu64, want);
  CHECK(kyro_iterator_valid(iterator));
  CHECK_OK(kyro_iterator_get_u64(iterator, &key, &value, &error));
  CHECK(key == want);
  CHECK_TEXT(text, value);
}

static void an_iterator_walks_both_ways(const char* directory) {
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_U64);
  put_rows(cells, 10, 10);
  kyro_view* const view = new_view(cells);
  kyro_iterator* i = NULL;
  CHECK_OK(kyro_iterator_new(view, &i, &error));
  kyro_view_free(view);
  CHECK(!kyro_iterator_valid(i));
  CHECK_CODE(KYRO_NOT_FOUND, kyro_iterator_get_u64(i, NULL, NULL, &error));
  CHECK_CODE(KYRO_NOT_FOUND, kyro_iterator_next(i, &error));
  uint64_t rows = 0;
  kyro_code code = kyro_iterator_seek_to_first(i, &error);
  for (; code == KYRO_OK; code = kyro_iterator_next(i, &error)) expect_row(i, 10 * rows++);
  CHECK(code == KYRO_NOT_FOUND && rows == 10);
  for (code = kyro_iterator_seek_to_last(i, &error); code == KYRO_OK;
       code = kyro_iterator_prev(i, &error)) {
    expect_row(i, 10 * --rows);
  }
  CHECK(code == KYRO_NOT_FOUND && rows == 0 && !kyro_iterator_valid(i));
  CHECK_OK(kyro_iterator_seek_u64(i, 31, &error));
  expect_row(i, 40);
  CHECK_OK(kyro_iterator_seek_u64(i, 40, &error));
  expect_row(i, 40);
  CHECK_OK(kyro_iterator_seek_for_prev_u64(i, 39, &error));
  expect_row(i, 30);
  CHECK_OK(kyro_iterator_prev(i, &error));
  expect_row(i, 20);
  CHECK_OK(kyro_iterator_get_u64(i, NULL, NULL, &error));
  CHECK_CODE(KYRO_NOT_FOUND, kyro_iterator_seek_u64(i, 91, &error));
  CHECK_OK(kyro_iterator_seek_for_prev_u64(i, 91, &error));
  expect_row(i, 90);
  kyro_iterator_free(i);
  kyro_keyspace_free(cells);
  kyro_db_free(db);
}

static void walk_words(const kyro_view* view, const char* const* sorted, int count) {
  kyro_error error;
  kyro_iterator* i = NULL;
  CHECK_OK(kyro_iterator_new(view, &i, &error));
  kyro_slice key, value;
  int at = 0;
  kyro_code code = kyro_iterator_seek_to_first(i, &error);
  for (; code == KYRO_OK && at < count; code = kyro_iterator_next(i, &error)) {
    CHECK_OK(kyro_iterator_get_bytes(i, &key, &value, &error));
    CHECK_TEXT(sorted[at++], key);
    CHECK_TEXT("value", value);
  }
  CHECK(code == KYRO_NOT_FOUND && at == count);
  CHECK_OK(kyro_iterator_seek_bytes(i, kyro_string("aa"), &error));
  CHECK_OK(kyro_iterator_get_bytes(i, &key, NULL, &error));
  CHECK_TEXT("ab", key);
  CHECK_OK(kyro_iterator_seek_for_prev_bytes(i, kyro_string("aa"), &error));
  CHECK_OK(kyro_iterator_get_bytes(i, &key, NULL, &error));
  CHECK_TEXT("a", key);
  kyro_iterator_free(i);
}

static void walks_over_byte_strings_go_by_memcmp(const char* directory) {
  const char* const sorted[] = {"", "a", "ab", "b", "\xff"};
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const words = open_keyspace(db, "words", KYRO_BYTES);
  for (int i = 4; i >= 0; --i) {
    CHECK_OK(
        kyro_keyspace_put_bytes(words, kyro_string(sorted[i]), kyro_string("value"), NULL, &error));
  }
  kyro_view* const view = new_view(words);
  walk_words(view, sorted, 5);
  char bound[] = "b";
  const kyro_slice lo = kyro_string("a");
  const kyro_slice hi = kyro_string(bound);
  kyro_scan* scan = NULL;
  kyro_slice key, value;
  CHECK_OK(kyro_scan_new_bytes(view, &lo, &hi, &scan, &error));
  bound[0] = 'z';  // the scan has its own
  CHECK_OK(kyro_scan_next_bytes(scan, &key, &value, &error));
  CHECK_TEXT("a", key);
  CHECK_TEXT("value", value);
  CHECK_OK(kyro_scan_next_bytes(scan, &key, NULL, &error));
  CHECK_TEXT("ab", key);
  CHECK_CODE(KYRO_NOT_FOUND, kyro_scan_next_bytes(scan, &key, &value, &error));
  kyro_columns_bytes batch;
  CHECK_CODE(KYRO_INVALID_ARGUMENT, kyro_scan_next_batch_bytes(scan, &batch, &error));
  CHECK(batch.rows == 0);
  kyro_scan_free(scan);
  // As columns, whatever their number: the same two words.
  bound[0] = 'b';
  CHECK_OK(kyro_scan_new_bytes(view, &lo, &hi, &scan, &error));
  size_t rows = 0;
  kyro_code code;
  while ((code = kyro_scan_next_batch_bytes(scan, &batch, &error)) == KYRO_OK) {
    for (size_t i = 0; i < batch.rows; ++i, ++rows) {
      CHECK_TEXT(rows == 0 ? "a" : "ab", in_column(&batch.keys, i));
      CHECK_TEXT("value", in_column(&batch.values, i));
    }
  }
  CHECK(code == KYRO_NOT_FOUND && rows == 2);
  kyro_scan_free(scan);
  kyro_view_free(view);
  kyro_keyspace_free(words);
  kyro_db_free(db);
}

// Sum and count of the keys of a scan, by batches.
static uint64_t batch_sum(const kyro_view* view, const uint64_t* lo, const uint64_t* hi,
                          uint64_t* rows) {
  kyro_error error;
  kyro_scan* scan = NULL;
  CHECK_OK(kyro_scan_new_u64(view, lo, hi, &scan, &error));
  uint64_t sum = 0;
  kyro_columns_u64 batch;
  kyro_code code;
  *rows = 0;
  while ((code = kyro_scan_next_batch_u64(scan, &batch, &error)) == KYRO_OK) {
    CHECK(batch.rows > 0);
    for (size_t i = 0; i < batch.rows; ++i) {
      const kyro_slice value = in_column(&batch.values, i);
      CHECK(value.size >= 2 && value.data[0] == 'v');
      sum += batch.keys[i];
    }
    *rows += batch.rows;
  }
  CHECK(code == KYRO_NOT_FOUND && batch.rows == 0);
  kyro_scan_free(scan);
  return sum;
}

// Sum and count of the keys of a scan.
static uint64_t scan_sum(const kyro_view* view, const uint64_t* lo, const uint64_t* hi,
                         uint64_t* rows) {
  kyro_error error;
  kyro_scan* scan = NULL;
  CHECK_OK(kyro_scan_new_u64(view, lo, hi, &scan, &error));
  uint64_t sum = 0, key = 0, last = 0;
  kyro_slice value;
  kyro_code code;
  *rows = 0;
  while ((code = kyro_scan_next_u64(scan, &key, &value, &error)) == KYRO_OK) {
    CHECK(*rows == 0 || key > last);
    CHECK(value.size >= 2 && value.data[0] == 'v');
    last = key;
    sum += key;
    ++*rows;
  }
  CHECK(code == KYRO_NOT_FOUND);
  CHECK_CODE(KYRO_NOT_FOUND, kyro_scan_next_u64(scan, NULL, NULL, &error));  // and stays there
  kyro_scan_free(scan);
  // The same number if nobody wants to see them.
  CHECK_OK(kyro_scan_new_u64(view, lo, hi, &scan, &error));
  uint64_t unseen = 0;
  while (kyro_scan_next_u64(scan, NULL, NULL, &error) == KYRO_OK) ++unseen;
  CHECK(unseen == *rows);
  kyro_scan_free(scan);
  uint64_t in_batches = 0;
  CHECK(batch_sum(view, lo, hi, &in_batches) == sum && in_batches == *rows);
  return sum;
}

static void a_scan_keeps_to_its_bounds(const char* directory) {
  const uint64_t lo = 20, hi = 40, beyond = 1000;
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_U64);
  put_rows(cells, 10, 10);
  for (int folded = 0; folded < 2; ++folded) {
    kyro_view* const view = new_view(cells);
    uint64_t rows = 0;
    CHECK(scan_sum(view, NULL, NULL, &rows) == 450 && rows == 10);
    CHECK(scan_sum(view, &lo, &hi, &rows) == 50 && rows == 2);
    CHECK(scan_sum(view, &hi, NULL, &rows) == 390 && rows == 6);
    CHECK(scan_sum(view, NULL, &lo, &rows) == 10 && rows == 2);
    CHECK(scan_sum(view, &hi, &lo, &rows) == 0 && rows == 0);
    CHECK(scan_sum(view, &beyond, NULL, &rows) == 0 && rows == 0);
    kyro_view_free(view);
    CHECK_OK(kyro_db_fold(db, NULL, &error));
  }
  kyro_keyspace_free(cells);
  kyro_db_free(db);
}

const test_case read_cases[] = {
    {"a_view_reads_one_sequence", a_view_reads_one_sequence},
    {"multiget_answers_each_u64_key_in_its_place", multiget_answers_each_u64_key_in_its_place},
    {"multiget_answers_each_word_in_its_place", multiget_answers_each_word_in_its_place},
    {"an_iterator_walks_both_ways", an_iterator_walks_both_ways},
    {"walks_over_byte_strings_go_by_memcmp", walks_over_byte_strings_go_by_memcmp},
    {"a_scan_keeps_to_its_bounds", a_scan_keeps_to_its_bounds},
    {NULL, NULL}};
