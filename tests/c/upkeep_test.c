// SPDX-License-Identifier: Apache-2.0
//
// Options, events, progress, upkeep, bulk loads, checkpoints, statistics.
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

// Counts calls; says stop after `allowed` of them.
typedef struct told {
  uint64_t calls, done, allowed;
} told;

static bool count_call(void* context, uint64_t done, uint64_t total) {
  told* const to = context;
  (void)total;
  ++to->calls;
  to->done = done;
  return to->calls <= to->allowed;
}

static void upkeep_keeps_the_rows(const char* directory) {
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_U64);
  put_rows(cells, 500, 3);
  CHECK_OK(kyro_db_sync(db, &error));
  kyro_stats stats = {.struct_size = sizeof(stats)};
  CHECK_OK(kyro_db_stats(db, &stats, &error));
  CHECK(stats.visible == 500 && stats.durable == 500 && stats.flushed == 0);
  CHECK(stats.commits == 500 && stats.segments == 0 && stats.delta_bytes > 0);
  CHECK(stats.stall == KYRO_STALL_NONE && stats.was_clean == 1);
  told all = {0, 0, UINT64_MAX};
  const kyro_progress progress = {count_call, &all};
  CHECK_OK(kyro_db_fold(db, &progress, &error));
  CHECK_OK(kyro_db_stats(db, &stats, &error));
  CHECK(stats.segments == 1 && stats.flushed == 500 && stats.segment_bytes > 0);
  CHECK_OK(kyro_db_rebuild_index(db, &progress, &error));
  CHECK_OK(kyro_db_warm(db, KYRO_WARM_KEYS_ONLY, &progress, &error));
  const uint64_t keys_bytes = all.done;
  CHECK_OK(kyro_db_warm(db, 0, &progress, &error));
  CHECK(keys_bytes > 0 && keys_bytes < all.done);
  const uint64_t bytes = all.done;
  CHECK_OK(kyro_db_warm(db, KYRO_WARM_HUGE_PAGES, &progress, &error));
  CHECK(all.done > bytes);  // verified, then copied
  CHECK_CODE(KYRO_INVALID_ARGUMENT, kyro_db_warm(db, 4, &progress, &error));
  all.calls = 0;
  CHECK_OK(kyro_db_verify(db, &progress, &error));
  CHECK(all.calls > 0 && all.done > stats.segment_bytes);
  CHECK_OK(kyro_db_resume(db, &error));  // nothing to resume from
  CHECK_OK(kyro_db_background_error(db, &error));
  kyro_view* view = NULL;
  CHECK_OK(kyro_view_new(cells, NULL, &view, &error));
  CHECK_OK(kyro_db_stats(db, &stats, &error));
  CHECK(stats.open_views == 1 && stats.oldest_view == kyro_view_sequence(view));
  kyro_slice value;
  CHECK_OK(kyro_view_get_u64(view, 1497, &value, &error));
  CHECK_TEXT("v1497", value);
  kyro_view_free(view);
  kyro_keyspace_free(cells);
  kyro_db_free(db);
}

// The number behind the first `name` in `text`, a string; or -1.
static long number_after(kyro_slice text, const char* name) {
  const char* const found = text.data == NULL ? NULL : strstr(text.data, name);
  return found == NULL ? -1 : strtol(found + strlen(name), NULL, 10);
}

static void statistics_come_as_text(const char* directory) {
  for (int timed = 1; timed >= 0; --timed) {
    kyro_error error;
    const kyro_options options = {.struct_size = sizeof(options), .no_latency_histograms = !timed};
    kyro_db* db = NULL;
    CHECK_OK(kyro_db_open(directory, &options, &db, &error));
    kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_U64);
    put_rows(cells, 25, 1);
    kyro_buffer* const text = kyro_buffer_new();
    CHECK_OK(kyro_db_stats_json(db, text, &error));
    const kyro_slice json = kyro_buffer_slice(text);
    CHECK(json.size > 2 && json.data[0] == '{' && strlen(json.data) == json.size);
    CHECK(number_after(json, "\"commits\":") == 25);
    const char* const put = strstr(json.data, "\"put_latency\":");
    CHECK(put != NULL && number_after(kyro_string(put), "\"count\":") == (timed ? 25 : 0));
    CHECK_OK(kyro_db_stats_openmetrics(db, text, &error));
    const kyro_slice metrics = kyro_buffer_slice(text);
    CHECK(metrics.size > 6 && strcmp(metrics.data + metrics.size - 6, "# EOF\n") == 0);
    CHECK(number_after(metrics, "\nkyro_commits_total ") == 25);
    CHECK_CODE(KYRO_INVALID_ARGUMENT, kyro_db_stats_json(db, NULL, &error));
    CHECK_CODE(KYRO_INVALID_ARGUMENT, kyro_db_stats_json(NULL, text, &error));
    CHECK_CODE(KYRO_INVALID_ARGUMENT, kyro_db_stats_openmetrics(NULL, text, &error));
    kyro_buffer_free(text);
    kyro_keyspace_free(cells);
    kyro_db_free(db);
  }
}

static void progress_may_end_a_call(const char* directory) {
  kyro_error error;
  // No merge in the background leaves nothing to fold.
  const kyro_options options = {.struct_size = sizeof(options), .merge_fraction = 1};
  kyro_db* db = NULL;
  CHECK_OK(kyro_db_open(path_in(directory, "db"), &options, &db, &error));
  kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_U64);
  put_rows(cells, 1000, 1);
  CHECK_OK(kyro_db_fold(db, NULL, &error));
  put_rows(cells, 10, 1);  // more to fold
  told none = {0, 0, 0};
  const kyro_progress progress = {count_call, &none};
  CHECK_CODE(KYRO_CANCELLED, kyro_db_fold(db, &progress, &error));
  CHECK_CODE(KYRO_CANCELLED, kyro_db_rebuild_index(db, &progress, &error));
  CHECK_CODE(KYRO_CANCELLED, kyro_db_warm(db, 0, &progress, &error));
  CHECK_CODE(KYRO_CANCELLED, kyro_db_verify(db, &progress, &error));
  CHECK_CODE(KYRO_CANCELLED,
             kyro_db_checkpoint(db, path_in(directory, "copy"), &progress, NULL, &error));
  CHECK(none.calls >= 5 && access(path_in(directory, "copy"), F_OK) != 0);
  kyro_keyspace_free(cells);
  kyro_db_free(db);
}

static void a_bulk_load_appears_at_once(const char* directory) {
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_U64);
  kyro_buffer* const value = kyro_buffer_new();
  kyro_bulk_loader* loader = NULL;
  kyro_bulk_loader* second = NULL;
  CHECK_OK(kyro_bulk_loader_new(cells, &loader, &error));
  CHECK_CODE(KYRO_BUSY, kyro_bulk_loader_new(cells, &second, &error));
  CHECK(second == NULL);
  for (uint64_t key = 0; key < 100; ++key) {
    CHECK_OK(kyro_bulk_loader_add_u64(loader, key, kyro_string("row"), &error));
  }
  CHECK_CODE(KYRO_INVALID_ARGUMENT,
             kyro_bulk_loader_add_u64(loader, 99, kyro_string("again"), &error));
  CHECK_CODE(KYRO_KEYSPACE_MISMATCH,
             kyro_bulk_loader_add_bytes(loader, kyro_string("k"), kyro_string("v"), &error));
  CHECK(kyro_bulk_loader_count(loader) == 100);
  CHECK_CODE(KYRO_BUSY, kyro_keyspace_put_u64(cells, 1, kyro_string("x"), NULL, &error));
  CHECK_CODE(KYRO_NOT_FOUND, kyro_keyspace_get_u64(cells, 99, value, &error));
  told all = {0, 0, UINT64_MAX};
  const kyro_progress progress = {count_call, &all};
  uint64_t sequence = 0;
  CHECK_OK(kyro_bulk_loader_finish(loader, &progress, &sequence, &error));
  CHECK(sequence == 1);
  kyro_bulk_loader_free(loader);
  CHECK_OK(kyro_keyspace_get_u64(cells, 99, value, &error));
  CHECK_TEXT("row", kyro_buffer_slice(value));
  kyro_buffer_free(value);
  kyro_keyspace_free(cells);
  kyro_db_free(db);
}

static void an_unfinished_bulk_load_is_discarded(const char* directory) {
  kyro_error error;
  kyro_db* const db = open_db(directory);
  kyro_keyspace* const words = open_keyspace(db, "words", KYRO_BYTES);
  kyro_buffer* const value = kyro_buffer_new();
  const kyro_slice k = kyro_string("k");
  for (int finished = 0; finished < 2; ++finished) {
    kyro_bulk_loader* loader = NULL;
    CHECK_OK(kyro_bulk_loader_new(words, &loader, &error));
    CHECK_OK(kyro_bulk_loader_add_bytes(loader, k, kyro_string("v"), &error));
    if (finished) CHECK_OK(kyro_bulk_loader_finish(loader, NULL, NULL, &error));
    kyro_bulk_loader_free(loader);
    CHECK_CODE(finished ? KYRO_OK : KYRO_NOT_FOUND,
               kyro_keyspace_get_bytes(words, k, value, &error));
    CHECK_OK(kyro_keyspace_put_bytes(words, kyro_string("other"), k, NULL, &error));
  }
  kyro_buffer_free(value);
  kyro_keyspace_free(words);
  kyro_db_free(db);
}

static void a_checkpoint_opens_on_its_own(const char* directory) {
  kyro_error error;
  kyro_db* const db = open_db(path_in(directory, "db"));
  kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_U64);
  put_rows(cells, 10, 1);
  uint64_t sequence = 0;
  CHECK_OK(kyro_db_checkpoint(db, path_in(directory, "copy"), NULL, &sequence, &error));
  CHECK(sequence == 10);
  CHECK_CODE(KYRO_ALREADY_EXISTS,
             kyro_db_checkpoint(db, path_in(directory, "copy"), NULL, NULL, &error));
  CHECK_OK(kyro_keyspace_delete_u64(cells, 3, NULL, &error));
  kyro_keyspace_free(cells);
  kyro_db_free(db);

  const kyro_options read_only = {.struct_size = sizeof(read_only),
                                  .open_mode = KYRO_OPEN_READ_ONLY};
  kyro_db* copy = NULL;
  CHECK_OK(kyro_db_open(path_in(directory, "copy"), &read_only, &copy, &error));
  kyro_keyspace* const copied = open_keyspace(copy, "cells", KYRO_U64);
  kyro_buffer* const value = kyro_buffer_new();
  CHECK_OK(kyro_keyspace_get_u64(copied, 3, value, &error));
  CHECK_TEXT("v3", kyro_buffer_slice(value));
  CHECK_CODE(KYRO_READ_ONLY, kyro_keyspace_delete_u64(copied, 3, NULL, &error));
  kyro_buffer_free(value);
  kyro_keyspace_free(copied);
  kyro_db_free(copy);
}

// Events come from several threads.
typedef struct seen {
  pthread_mutex_t mutex;
  int kinds[16];
  bool well_formed;
} seen;

static void note_event(void* context, const kyro_event* event) {
  seen* const to = context;
  pthread_mutex_lock(&to->mutex);
  if (event->kind >= 0 && event->kind < 16) ++to->kinds[event->kind];
  to->well_formed = to->well_formed && event->struct_size == sizeof(kyro_event) &&
                    event->file != NULL && event->error != NULL && event->error->code == KYRO_OK;
  pthread_mutex_unlock(&to->mutex);
}

int crash_with_rows(const char* path) {
  kyro_db* const db = open_db(path);
  kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_BYTES);
  static char value[100000];
  const kyro_write_options lazily = {.struct_size = sizeof(lazily),
                                     .durability = KYRO_DURABILITY_OS};
  kyro_error error;
  for (char key = 'a'; key < 'k'; ++key) {
    CHECK_OK(kyro_keyspace_put_bytes(cells, kyro_slice_of(&key, 1),
                                     kyro_slice_of(value, sizeof(value)), &lazily, &error));
  }
  _exit(check_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void crash(const char* path) {
  const pid_t child = fork();
  if (child == 0) {
    execl(program_path, program_path, "crash", path, (char*)NULL);
    _exit(127);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void recovery_tells_its_progress_and_events(const char* directory) {
  kyro_error error;
  kyro_db* db = NULL;
  crash(directory);
  told none = {0, 0, 0};
  seen events = {PTHREAD_MUTEX_INITIALIZER, {0}, true};
  kyro_options options = {.struct_size = sizeof(options),
                          .open_mode = KYRO_OPEN_EXISTING,
                          .open_progress = {count_call, &none},
                          .on_event = note_event,
                          .event_context = &events};
  CHECK_CODE(KYRO_CANCELLED, kyro_db_open(directory, &options, &db, &error));
  CHECK(db == NULL && none.calls == 1 && events.kinds[KYRO_EVENT_RECOVERED] == 0);
  none.allowed = UINT64_MAX;
  CHECK_OK(kyro_db_open(directory, &options, &db, &error));
  kyro_keyspace* const cells = open_keyspace(db, "cells", KYRO_BYTES);
  kyro_buffer* const value = kyro_buffer_new();
  CHECK_OK(kyro_keyspace_get_bytes(cells, kyro_string("j"), value, &error));
  CHECK(kyro_buffer_slice(value).size == 100000);
  kyro_stats stats = {.struct_size = sizeof(stats)};
  CHECK_OK(kyro_db_stats(db, &stats, &error));
  CHECK(stats.was_clean == 0 && stats.visible == 10 && stats.durable == 10);
  CHECK_OK(kyro_keyspace_put_bytes(cells, kyro_string("z"), kyro_string(""), NULL, &error));
  CHECK_OK(kyro_db_fold(db, NULL, &error));
  kyro_buffer_free(value);
  kyro_keyspace_free(cells);
  CHECK_OK(kyro_db_close(db, &error));
  kyro_db_free(db);
  CHECK(none.calls > 1 && events.well_formed);
  CHECK(events.kinds[KYRO_EVENT_RECOVERED] == 1 && events.kinds[KYRO_EVENT_FLUSH] > 0);
}

const test_case upkeep_cases[] = {
    {"upkeep_keeps_the_rows", upkeep_keeps_the_rows},
    {"statistics_come_as_text", statistics_come_as_text},
    {"progress_may_end_a_call", progress_may_end_a_call},
    {"a_bulk_load_appears_at_once", a_bulk_load_appears_at_once},
    {"an_unfinished_bulk_load_is_discarded", an_unfinished_bulk_load_is_discarded},
    {"a_checkpoint_opens_on_its_own", a_checkpoint_opens_on_its_own},
    {"recovery_tells_its_progress_and_events", recovery_tells_its_progress_and_events},
    {NULL, NULL}};
