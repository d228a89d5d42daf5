// SPDX-License-Identifier: Apache-2.0
//
// Runs every case of the C API's tests in a directory of its own. `main CASE` runs one.
#define _XOPEN_SOURCE 700
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

int check_failures = 0;
const char* program_path = NULL;

bool check_true(const char* file, int line, const char* text, bool holds) {
  if (holds) return true;
  printf("%s:%d: not true: %s\n", file, line, text);
  ++check_failures;
  return false;
}

bool check_code(const char* file, int line, const char* text, kyro_code want, kyro_code found,
                const kyro_error* error) {
  if (found == want && error->code == found) return true;
  printf("%s:%d: %s\n  returned %s, want %s; error: %s: %s\n", file, line, text,
         kyro_code_name(found), kyro_code_name(want), kyro_code_name(error->code), error->message);
  ++check_failures;
  return false;
}

bool check_slice(const char* file, int line, const char* want, kyro_slice found) {
  const size_t size = strlen(want);
  if (found.size == size && (size == 0 || memcmp(found.data, want, size) == 0)) return true;
  printf("%s:%d: found %zu bytes, want \"%s\"\n", file, line, found.size, want);
  ++check_failures;
  return false;
}

kyro_db* open_db(const char* path) {
  kyro_db* db = NULL;
  kyro_error error;
  CHECK_OK(kyro_db_open(path, NULL, &db, &error));
  return db;
}

kyro_keyspace* open_keyspace(kyro_db* db, const char* name, int32_t kind) {
  kyro_keyspace* keyspace = NULL;
  kyro_error error;
  CHECK_OK(kyro_db_open_keyspace(db, kyro_string(name), kind, &keyspace, &error));
  return keyspace;
}

void put_rows(kyro_keyspace* keyspace, uint64_t count, uint64_t step) {
  const kyro_write_options lazily = {.struct_size = sizeof(lazily),
                                     .durability = KYRO_DURABILITY_OS};
  kyro_error error;
  for (uint64_t i = 0; i < count; ++i) {
    char value[32];
    snprintf(value, sizeof(value), "v%" PRIu64, i * step);
    if (!CHECK_OK(kyro_keyspace_put_u64(keyspace, i * step, kyro_string(value), &lazily, &error))) {
      return;
    }
  }
}

const char* path_in(const char* directory, const char* name) {
  static char path[8192];
  snprintf(path, sizeof(path), "%s/%s", directory, name);
  return path;
}

static int remove_entry(const char* path, const struct stat* info, int flag, struct FTW* place) {
  (void)info, (void)flag, (void)place;
  return remove(path);
}

static int run_cases(const test_case* cases, const char* only) {
  int ran = 0;
  for (; cases->name != NULL; ++cases) {
    if (only != NULL && strcmp(only, cases->name) != 0) continue;
    const char* const parent = getenv("TMPDIR");
    char directory[4096];
    snprintf(directory, sizeof(directory), "%s/kyro-c-XXXXXX", parent == NULL ? "/tmp" : parent);
    if (!CHECK(mkdtemp(directory) != NULL)) return ran;
    const int before = check_failures;
    cases->run(directory);
    printf("%s %s\n", check_failures == before ? "ok    " : "FAILED", cases->name);
    fflush(stdout);
    nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    ++ran;
  }
  return ran;
}

int main(int argc, char** argv) {
  program_path = argv[0];
  if (argc == 3 && strcmp(argv[1], "crash") == 0) return crash_with_rows(argv[2]);
  const char* const only = argc > 1 ? argv[1] : NULL;
  const int ran = run_cases(store_cases, only) + run_cases(read_cases, only) +
                  run_cases(upkeep_cases, only) + run_cases(refusal_cases, only);
  printf("%d cases, %d checks failed\n", ran, check_failures);
  return ran > 0 && check_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
