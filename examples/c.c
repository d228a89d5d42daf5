// SPDX-License-Identifier: Apache-2.0
//
// c [DIRECTORY]: kyro from C99. Two keyspaces, users by number and numbers by name, written
// together in one batch, read together at one sequence, walked in order.
#define _XOPEN_SOURCE 700
#include <ftw.h>
#include <inttypes.h>
#include <kyro/kyro.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct book {
  kyro_db* db;
  kyro_keyspace* users;  // number -> name
  kyro_keyspace* names;  // name -> number, as 8 bytes
} book;

// Every function here returns a kyro_code and leaves the reason in the error that it is given, as
// kyro's own do. So the first that fails ends the work, and main says why.
static kyro_code open_book(const char* path, book* to, kyro_error* error) {
  const kyro_options options = {.struct_size = sizeof(options), .open_mode = KYRO_CREATE_NEW};
  kyro_code code = kyro_db_open(path, &options, &to->db, error);
  if (code != KYRO_OK) return code;
  code = kyro_db_open_keyspace(to->db, kyro_string("users"), KYRO_U64, &to->users, error);
  if (code != KYRO_OK) return code;
  return kyro_db_open_keyspace(to->db, kyro_string("names"), KYRO_BYTES, &to->names, error);
}

// Handles may be freed in any order, and NULL may be freed: what was not opened needs no care.
static void free_book(book* of) {
  kyro_keyspace_free(of->names);
  kyro_keyspace_free(of->users);
  kyro_db_free(of->db);
}

// Both rows or none, whatever happens. An operation that is refused spoils the batch, so it is
// enough to look at what kyro_db_write returns.
static kyro_code add_user(const book* to, uint64_t number, const char* name, kyro_error* error) {
  kyro_batch* const batch = kyro_batch_new();
  kyro_batch_put_u64(batch, to->users, number, kyro_string(name), NULL);
  kyro_batch_put_bytes(batch, to->names, kyro_string(name), kyro_slice_of(&number, sizeof(number)),
                       NULL);
  const kyro_code code = kyro_db_write(to->db, batch, NULL, NULL, error);
  kyro_batch_free(batch);
  return code;
}

// Prints all names, and the user that each leads to. The value of a lookup lives until its view is
// freed, the row of an iterator until its next move: nothing is copied.
static kyro_code print_names(const kyro_view* users, const kyro_view* names, kyro_error* error) {
  kyro_iterator* walk = NULL;
  kyro_code code = kyro_iterator_new(names, &walk, error);
  if (code != KYRO_OK) return code;
  for (code = kyro_iterator_seek_to_first(walk, error); code == KYRO_OK;
       code = kyro_iterator_next(walk, error)) {
    kyro_slice name, bytes, user;
    uint64_t number = 0;
    code = kyro_iterator_get_bytes(walk, &name, &bytes, error);
    if (code != KYRO_OK) break;
    memcpy(&number, bytes.data, sizeof(number));
    code = kyro_view_get_u64(users, number, &user, error);
    if (code != KYRO_OK) break;
    printf("%.*s is user %" PRIu64 ", %.*s\n", (int)name.size, name.data, number, (int)user.size,
           user.data);
  }
  kyro_iterator_free(walk);
  return code == KYRO_NOT_FOUND ? KYRO_OK : code;  // the end of the walk
}

// Views of one read point belong together, whatever is written meanwhile.
static kyro_code print_book(const book* of, kyro_error* error) {
  kyro_read_point* point = NULL;
  kyro_view* users = NULL;
  kyro_view* names = NULL;
  kyro_code code = kyro_db_read_point(of->db, &point, error);
  if (code == KYRO_OK) code = kyro_view_new(of->users, point, &users, error);
  if (code == KYRO_OK) code = kyro_view_new(of->names, point, &names, error);
  if (code == KYRO_OK) code = print_names(users, names, error);
  kyro_view_free(names);
  kyro_view_free(users);
  kyro_read_point_free(point);
  return code;
}

// Absence is an answer; everything else that is not KYRO_OK is an error.
static kyro_code print_user(const book* of, uint64_t number, kyro_error* error) {
  kyro_buffer* const name = kyro_buffer_new();
  kyro_code code = kyro_keyspace_get_u64(of->users, number, name, error);
  if (code == KYRO_OK) {
    printf("user %" PRIu64 ": %s\n", number, kyro_buffer_slice(name).data);
  } else if (code == KYRO_NOT_FOUND) {
    printf("user %" PRIu64 ": nobody\n", number);
    code = KYRO_OK;
  }
  kyro_buffer_free(name);
  return code;
}

static kyro_code run(const char* path, book* of, kyro_error* error) {
  kyro_code code = open_book(path, of, error);
  if (code == KYRO_OK) code = add_user(of, 7, "grace", error);
  if (code == KYRO_OK) code = add_user(of, 2, "ada", error);
  if (code == KYRO_OK) code = add_user(of, UINT64_MAX, "root", error);
  if (code == KYRO_OK) code = print_book(of, error);
  if (code == KYRO_OK) code = print_user(of, 7, error);
  if (code == KYRO_OK) code = print_user(of, 8, error);
  if (code != KYRO_OK) return code;
  // One directory, one writer.
  kyro_db* second = NULL;
  if (kyro_db_open(path, NULL, &second, error) == KYRO_LOCKED) printf("opened twice: kLocked\n");
  kyro_db_free(second);
  // Tells of errors of background work that no call has returned; kyro_db_free would drop them.
  return kyro_db_close(of->db, error);
}

static int work_in(const char* path) {
  book of = {NULL, NULL, NULL};
  kyro_error error;
  const kyro_code code = run(path, &of, &error);
  if (code != KYRO_OK) fprintf(stderr, "%s: %s\n", kyro_code_name(code), error.message);
  free_book(&of);
  return code == KYRO_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int remove_entry(const char* path, const struct stat* info, int flag, struct FTW* place) {
  (void)info, (void)flag, (void)place;
  return remove(path);
}

int main(int argc, char** argv) {
  if (argc > 1) return work_in(argv[1]);
  char temporary[] = "/tmp/kyro-XXXXXX";
  if (mkdtemp(temporary) == NULL) return perror(temporary), EXIT_FAILURE;
  const int exit_code = work_in(temporary);
  nftw(temporary, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
  return exit_code;
}
