// SPDX-License-Identifier: Apache-2.0
//
// What the C99 test program is made of: cases with a directory each, and checks that count
// failures.
#ifndef KYRO_TESTS_C_CHECK_H_
#define KYRO_TESTS_C_CHECK_H_

#include <kyro/kyro.h>
#include <stdbool.h>
#include <stddef.h>

extern int check_failures;

// Each returns whether it held, and reports and counts it if not.
bool check_true(const char* file, int line, const char* text, bool holds);
bool check_code(const char* file, int line, const char* text, kyro_code want, kyro_code found,
                const kyro_error* error);
bool check_slice(const char* file, int line, const char* want, kyro_slice found);

#define CHECK(condition) check_true(__FILE__, __LINE__, #condition, (condition))
// `call` gets `&error`, declared where this is used. The code and the error must agree.
#define CHECK_CODE(want, call) check_code(__FILE__, __LINE__, #call, (want), (call), &error)
#define CHECK_OK(call) CHECK_CODE(KYRO_OK, call)
#define CHECK_TEXT(want, slice) check_slice(__FILE__, __LINE__, (want), (slice))

// A database of the defaults at `path`, and a keyspace in it.
kyro_db* open_db(const char* path);
kyro_keyspace* open_keyspace(kyro_db* db, const char* name, int32_t kind);
// The rows 0, step, 2 * step, ... with "v<key>" as values.
void put_rows(kyro_keyspace* keyspace, uint64_t count, uint64_t step);
// `directory/name`, in a static buffer that the next call overwrites.
const char* path_in(const char* directory, const char* name);

// The cases of one file: each gets an empty directory.
typedef struct test_case {
  const char* name;
  void (*run)(const char* directory);
} test_case;
extern const test_case store_cases[];
extern const test_case read_cases[];
extern const test_case upkeep_cases[];
extern const test_case refusal_cases[];

// The program itself, started again as `PROGRAM crash PATH`, to end without closing.
extern const char* program_path;
int crash_with_rows(const char* path);

#endif  // KYRO_TESTS_C_CHECK_H_
