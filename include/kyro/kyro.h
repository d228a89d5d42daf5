// SPDX-License-Identifier: Apache-2.0
//
// kyro for C99, and for whatever calls C: ordered maps on local disk, durable and crash-safe. The
// same library as kyro/db.h; that header says more about what each operation promises.
//
//   kyro_error error;
//   kyro_db* db = NULL;
//   kyro_keyspace* cells = NULL;
//   if (kyro_db_open("/data/cells", NULL, &db, &error) != KYRO_OK ||
//       kyro_db_open_keyspace(db, kyro_string("default"), KYRO_U64, &cells, &error) != KYRO_OK ||
//       kyro_keyspace_put_u64(cells, 42, kyro_string("answer"), NULL, &error) != KYRO_OK) {
//     fprintf(stderr, "%s: %s\n", kyro_code_name(error.code), error.message);
//   }
//   kyro_keyspace_free(cells);
//   kyro_db_free(db);
//
// Rules that hold for every function:
//
// Errors. What can fail returns a kyro_code and takes, last, a kyro_error* that may be NULL: one of
//   the caller's structs, overwritten by each call that gets it, also on success. It owns nothing,
//   so there is nothing to free or to initialize. A NULL handle, a NULL out parameter that is not
//   said to be optional, and a slice of NULL with a size are KYRO_INVALID_ARGUMENT.
//   KYRO_RESOURCE_EXHAUSTED may come from any call that allocates.
// Handles. A handle that a function stores through a pointer, or returns, belongs to the caller:
//   give it to the kyro_..._free of its type once, when no other thread uses it. On error such a
//   pointer is set to NULL, and NULL may be freed. Handles keep alive what they need: they may be
//   freed in any order, the kyro_db first too.
// Slices. What goes in is copied or done with when the call returns. What comes out is borrowed:
//   each function says from what, and for how long.
// Threads. kyro_db, kyro_keyspace, kyro_keyspace_list, kyro_read_point and kyro_view: any thread
//   may call anything at any time. kyro_batch, kyro_buffer, kyro_iterator, kyro_scan and
//   kyro_bulk_loader: one thread at a time.
// Key kinds. A keyspace has u64 or byte-string keys for ever. A function for the other kind returns
//   KYRO_KEYSPACE_MISMATCH. u64 keys are ordered by number, from 0 to 2^64-1; byte strings of 0 to
//   65,535 bytes as by memcmp. Values have 0 bytes to 64 MiB.
// Growth. Structs that begin with struct_size may get more fields in a later version, at their end.
//   The caller sets it to sizeof the struct and all else that it does not want to zero, which
//   stands for the default: `kyro_options options = {.struct_size = sizeof(options)};`. A larger
//   struct of a newer caller is taken as long as what is unknown in it is zero, else
//   KYRO_UNSUPPORTED.
#ifndef KYRO_KYRO_H_
#define KYRO_KYRO_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Before the declaration of each function that the library exports.
#define KYRO_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

// ---------------------------------------------------------------------------------- Values

// What happened. An int of fixed size, so that codes may be added.
typedef int32_t kyro_code;
enum {
  KYRO_OK = 0,
  KYRO_NOT_FOUND = 1,          // the key, keyspace or file is truly absent; the end of a walk
  KYRO_INVALID_ARGUMENT = 2,   // the call can never succeed as written
  KYRO_KEYSPACE_MISMATCH = 3,  // a keyspace of another key kind, or of another kyro_db
  KYRO_ALREADY_EXISTS = 4,
  KYRO_LOCKED = 5,              // another handle, here or in another process, has the directory
  KYRO_DATA_LOSS = 6,           // bytes on disk are not what was written: see file and offset
  KYRO_NO_SPACE = 7,            // the disk or the quota is full; nothing was applied
  KYRO_IO_ERROR = 8,            // the operating system refused an operation; nothing was applied
  KYRO_RESOURCE_EXHAUSTED = 9,  // memory or descriptors ran out; nothing was applied
  KYRO_UNKNOWN_OUTCOME = 10,    // a sync failed: reopening tells whether the write survived
  KYRO_READ_ONLY = 11,
  KYRO_BUSY = 12,         // not applied; try again
  KYRO_CLOSED = 13,       // closed, dropped, or this process is a fork of the owner
  KYRO_UNSUPPORTED = 14,  // written by a newer kyro, or asked for by a newer caller
  KYRO_ABORTED = 15,
  KYRO_CANCELLED = 16,  // the caller's kyro_progress asked to stop
  KYRO_INTERNAL = 17    // kyro is wrong; please report it
};

// No particular place in the file.
#define KYRO_NO_OFFSET UINT64_MAX

// Why a call failed. Its layout is fixed for ever.
typedef struct kyro_error {
  kyro_code code;     // what the call returned
  uint32_t reserved;  // 0
  uint64_t offset;    // bytes from the start of `file`, or KYRO_NO_OFFSET
  char file[112];     // relative to the database directory; "" if no file is to blame
  char message[384];  // one line; "" for KYRO_OK and KYRO_NOT_FOUND. Cut short it ends in "..."
} kyro_error;

// Bytes that someone else owns. `data` may be NULL if `size` is 0.
typedef struct kyro_slice {
  const char* data;  // not NUL-terminated unless that is said
  size_t size;       // bytes
} kyro_slice;

// A slice of `size` bytes at `data`.
static inline kyro_slice kyro_slice_of(const void* data, size_t size) {
  kyro_slice slice;
  slice.data = (const char*)data;
  slice.size = size;
  return slice;
}
// A NUL-terminated string without its NUL.
static inline kyro_slice kyro_string(const char* text) {
  return kyro_slice_of(text, text == NULL ? 0 : strlen(text));
}

typedef struct kyro_db kyro_db;                        // an open database directory
typedef struct kyro_keyspace kyro_keyspace;            // one named map in it
typedef struct kyro_keyspace_list kyro_keyspace_list;  // what maps there are
typedef struct kyro_batch kyro_batch;                  // operations that are applied together
typedef struct kyro_read_point kyro_read_point;    // one sequence for views of several keyspaces
typedef struct kyro_view kyro_view;                // a keyspace at one sequence
typedef struct kyro_iterator kyro_iterator;        // a walk in both directions
typedef struct kyro_scan kyro_scan;                // the rows of a range, ascending
typedef struct kyro_bulk_loader kyro_bulk_loader;  // sorted rows straight into segments
typedef struct kyro_buffer kyro_buffer;            // bytes that a call hands over

// The name of a code, as in kyroctl's JSON: "kDataLoss". Lives for ever. Any thread.
KYRO_API const char* kyro_code_name(kyro_code code);
// The library's version, "0.1.0". Lives for ever. Any thread.
KYRO_API const char* kyro_version(void);

// An empty buffer; NULL if there is no memory. Its memory is reused by each call that fills it.
KYRO_API kyro_buffer* kyro_buffer_new(void);
// Ends the handle. NULL is ignored.
KYRO_API void kyro_buffer_free(kyro_buffer* buffer);
// What it holds, until it is filled again or freed. A NUL follows the last byte, not counted.
KYRO_API kyro_slice kyro_buffer_slice(const kyro_buffer* buffer);

// ---------------------------------------------------------------------------------- Options

enum { KYRO_U64 = 1, KYRO_BYTES = 2 };  // key kinds

// When a write returns and becomes visible. See docs/guarantees.md.
enum {
  KYRO_DURABILITY_DEFAULT = 0,  // in kyro_options KYRO_DURABILITY_SYNC; for a write, what those say
  KYRO_DURABILITY_SYNC = 1,     // after its fdatasync: survives kill -9 and power loss
  KYRO_DURABILITY_INTERVAL = 2,  // after its write: survives kill -9; synced every sync_interval_ms
  KYRO_DURABILITY_OS = 3         // after its write: the operating system decides when to sync
};

enum {
  KYRO_OPEN_OR_CREATE = 0,
  KYRO_OPEN_EXISTING = 1,  // KYRO_NOT_FOUND if there is none
  KYRO_CREATE_NEW = 2,     // KYRO_ALREADY_EXISTS if there is one
  KYRO_OPEN_READ_ONLY = 3  // shared lock; writes and deletes nothing, replays the log in memory
};

// How segments are brought into memory.
enum {
  KYRO_ACCESS_MAP = 0,  // mmap; a failing disk under an evicted page raises SIGBUS
  KYRO_ACCESS_COPY = 1  // a verified read into anonymous memory: never SIGBUS
};

// Progress of a call that may take longer than a second, and the way to end it early. Where a
// function takes a pointer to one it may be NULL. Its layout is fixed for ever.
typedef struct kyro_progress {
  // Called from the working thread every now and then, without locks. Returning false ends the call
  // with KYRO_CANCELLED. `total` is 0 where it is not known. Must return: no longjmp, no exception.
  // NULL: not called.
  bool (*on_progress)(void* context, uint64_t done, uint64_t total);
  void* context;  // the first argument of on_progress
} kyro_progress;

// Kinds of kyro_event.
enum {
  KYRO_EVENT_FLUSH = 0,            // a generation became segments
  KYRO_EVENT_MERGE = 1,            // runs were merged
  KYRO_EVENT_RETRAIN = 2,          // a model was trained anew
  KYRO_EVENT_RECOVERED = 3,        // open replayed a log that was not closed in order
  KYRO_EVENT_TORN_TAIL = 4,        // open cut a torn record off the log: `bytes` that were not zero
  KYRO_EVENT_UNKNOWN_FILE = 5,     // open left a file alone that kyro did not make
  KYRO_EVENT_STALL = 6,            // writers are being slowed or stopped; `error` says why
  KYRO_EVENT_BACKGROUND_ERROR = 7  // `error` says what failed; kyro goes on or is read-only now
};

// Something worth knowing happened in the background. Lives, with all it points to, during the
// callback. More kinds, and more fields at the end, may come.
typedef struct kyro_event {
  size_t struct_size;       // of the library
  int32_t kind;             // KYRO_EVENT_...
  uint32_t reserved;        // 0
  const char* file;         // the file concerned, or ""
  uint64_t bytes;           // written to files, or replayed by open; else as the kind says
  const kyro_error* error;  // its code is KYRO_OK if nothing failed
} kyro_event;

// How a database is opened. Zero is the default of every field. Values out of range:
// KYRO_INVALID_ARGUMENT.
typedef struct kyro_options {
  size_t struct_size;         // sizeof(kyro_options)
  int32_t open_mode;          // KYRO_OPEN_OR_CREATE
  int32_t durability;         // KYRO_DURABILITY_SYNC
  int32_t access;             // KYRO_ACCESS_MAP
  uint32_t sync_interval_ms;  // 100; at least 1
  // How long a write may wait for room before KYRO_BUSY, in milliseconds: 10,000; -1: not at all.
  int64_t write_stall_max_ms;
  uint64_t delta_bytes;      // 64 MiB; memory of the active generation; 4 KiB to 64 GiB
  uint64_t wal_file_bytes;   // 64 MiB; what log files grow to; 4 KiB to 64 GiB
  uint64_t batch_bytes_max;  // 256 MiB; the largest batch, encoded; 4 KiB to 1 GiB
  uint64_t segment_bytes;    // 2 GiB; the largest segment, in bytes of values; 4 KiB to 2 GiB
  double merge_fraction;     // 0.25; newer runs of this part of an older one join it; 0.01 to 1
  // While open replays a log that was not closed in order: bytes of batches done. Cancelling leaves
  // the database as it was.
  kyro_progress open_progress;
  // Called without locks, from background threads and from open, with event_context. Must return,
  // and must not call into this kyro_db. NULL: not called. event_context lives until kyro_db_close
  // or kyro_db_free has returned.
  void (*on_event)(void* event_context, const kyro_event* event);
  void* event_context;  // the first argument of on_event
  // 1: statistics do not say how long things took, which saves 1 to 2 % of a lookup
  // (docs/metrics.md).
  int32_t no_latency_histograms;
  uint32_t reserved;  // 0
} kyro_options;

// Where a function takes a pointer to one it may be NULL: the defaults.
typedef struct kyro_write_options {
  size_t struct_size;  // sizeof(kyro_write_options)
  int32_t durability;  // KYRO_DURABILITY_DEFAULT: what kyro_options says
  uint32_t reserved;   // 0
} kyro_write_options;

// ---------------------------------------------------------------------------------- Databases

// Opens, recovers, and locks the directory: one writer, or many read-only handles. What was
// recovered is durable when this returns. `options` may be NULL. KYRO_LOCKED, KYRO_DATA_LOSS (file
// and offset), KYRO_NOT_FOUND, KYRO_ALREADY_EXISTS, KYRO_INVALID_ARGUMENT, KYRO_UNSUPPORTED,
// KYRO_NO_SPACE, KYRO_IO_ERROR, KYRO_CANCELLED.
KYRO_API kyro_code kyro_db_open(const char* path, const kyro_options* options, kyro_db** db,
                                kyro_error* error);
// Ends writes and background work, makes everything durable, releases the lock. Returns the first
// error met, or the last background error; closed it is in any case. The handle stays, to be freed:
// later calls on it and on keyspaces return KYRO_CLOSED, views stay readable.
KYRO_API kyro_code kyro_db_close(kyro_db* db, kyro_error* error);
// Closes it if that was not done, drops the error, and ends the handle. NULL is ignored.
KYRO_API void kyro_db_free(kyro_db* db);

// A handle on the keyspace, which is made if it is not there (durable when KYRO_OK). `name` has 1
// to 255 bytes; programs with one keyspace call it "default", as kyroctl does. `kind` is KYRO_U64
// or KYRO_BYTES. KYRO_KEYSPACE_MISMATCH if it has the other kind; KYRO_NOT_FOUND if it is absent
// and the database read-only.
KYRO_API kyro_code kyro_db_open_keyspace(kyro_db* db, kyro_slice name, int32_t kind,
                                         kyro_keyspace** keyspace, kyro_error* error);
// Removes the keyspace and everything in it, durably, along with whatever was acknowledged before.
// KYRO_NOT_FOUND if there is none; KYRO_BUSY during a bulk load of it. Views taken before stay
// readable and keep its files; its handles return KYRO_CLOSED.
KYRO_API kyro_code kyro_db_drop_keyspace(kyro_db* db, kyro_slice name, kyro_error* error);
// The keyspaces of this moment, ascending by id.
KYRO_API kyro_code kyro_db_list_keyspaces(const kyro_db* db, kyro_keyspace_list** list,
                                          kyro_error* error);

// Applies the batch as one commit and stores its sequence, if `sequence` is not NULL. An empty
// batch takes none: the newest visible sequence is stored. The batch stays as it is.
KYRO_API kyro_code kyro_db_write(kyro_db* db, const kyro_batch* batch,
                                 const kyro_write_options* options, uint64_t* sequence,
                                 kyro_error* error);
// One sequence, the newest, for views of several keyspaces. It pins memory and files like a view.
KYRO_API kyro_code kyro_db_read_point(const kyro_db* db, kyro_read_point** read_point,
                                      kyro_error* error);

// Everything acknowledged so far is durable when KYRO_OK.
KYRO_API kyro_code kyro_db_sync(kyro_db* db, kyro_error* error);
// Flushes the deltas and merges each keyspace into one run without tombstones.
KYRO_API kyro_code kyro_db_fold(kyro_db* db, const kyro_progress* progress, kyro_error* error);
// Trains every model anew; data untouched.
KYRO_API kyro_code kyro_db_rebuild_index(kyro_db* db, const kyro_progress* progress,
                                         kyro_error* error);
enum {
  KYRO_WARM_KEYS_ONLY = 1,  // keys, filters and models, no values
  KYRO_WARM_HUGE_PAGES = 2  // copied into memory, in huge pages where the system has them
};
// Brings every segment into memory and verifies it, so that no later lookup waits for a disk or a
// checksum. `flags` is 0 or a sum of KYRO_WARM_*. Progress counts bytes. The first damage is
// returned as KYRO_DATA_LOSS, after the rest was brought in. With KYRO_WARM_HUGE_PAGES reads go to
// copies in memory of the process from then on: as much memory as the files take, and
// KYRO_RESOURCE_EXHAUSTED without it; views taken before, and segments made later, stay mapped.
KYRO_API kyro_code kyro_db_warm(kyro_db* db, uint32_t flags, const kyro_progress* progress,
                                kyro_error* error);
// Reads every byte of every file: checksums, order, counts, the model's bound for every key.
// Repairs nothing. The first damage is returned as KYRO_DATA_LOSS with file and offset. Progress
// counts bytes.
KYRO_API kyro_code kyro_db_verify(const kyro_db* db, const kyro_progress* progress,
                                  kyro_error* error);
// Makes `destination`, which must not exist, a database of its own that holds exactly the commits
// up to the sequence stored (`sequence` may be NULL): everything acknowledged before the call.
// Files are shared by hard links where that is possible. Writes go on meanwhile. Durable when
// KYRO_OK. Progress counts bytes. KYRO_ALREADY_EXISTS; KYRO_INVALID_ARGUMENT without a parent
// directory.
KYRO_API kyro_code kyro_db_checkpoint(kyro_db* db, const char* destination,
                                      const kyro_progress* progress, uint64_t* sequence,
                                      kyro_error* error);
// Goes on after an I/O error made the database read-only. Everything visible is made durable;
// writes whose outcome was unknown are not applied, for ever. KYRO_OK at once if there is nothing
// to resume from. May be tried again; KYRO_READ_ONLY when only reopening helps.
KYRO_API kyro_code kyro_db_resume(kyro_db* db, kyro_error* error);

// ---------------------------------------------------------------------------------- Statistics

// Why writers are slowed or refused.
enum {
  KYRO_STALL_NONE = 0,
  KYRO_STALL_FLUSH_BEHIND = 1,   // frozen generations wait for their flush
  KYRO_STALL_FLUSH_FAILING = 2,  // flushes fail; kyro_db_background_error says why
  KYRO_STALL_LOG_FAILED = 3,     // a sync of the log failed: read-only until resumed or reopened
  KYRO_STALL_READ_ONLY = 4,      // opened read-only
  KYRO_STALL_CLOSED = 5
};

// The numbers that a program may decide by. Counters count from open.
typedef struct kyro_stats {
  size_t struct_size;           // sizeof(kyro_stats), set by the caller
  uint64_t visible;             // sequence of the newest commit that readers see
  uint64_t durable;             // everything up to this sequence has been synced
  uint64_t flushed;             // everything up to this sequence is in segments
  uint64_t commits;             // batches acknowledged
  uint64_t commits_refused;     // batches that got an error
  uint64_t stalls;              // writes that had to wait for room
  uint64_t stall_micros;        // for how long in all
  uint64_t delta_bytes;         // memory of active and frozen deltas
  uint64_t frozen_generations;  // that wait for their flush
  uint64_t segments;            // in all keyspaces
  uint64_t segment_bytes;       // their files
  uint64_t log_files;           // now on disk
  uint64_t upkeep_failures;     // flushes, merges or retrains that failed and were discarded
  uint64_t models_damaged;      // ignored at open, to be retrained
  uint64_t blocks_bad;          // checksums that failed
  uint64_t torn_bytes;          // non-zero bytes that open cut off the log as a torn record
  uint64_t open_views;          // that pin memory and files
  uint64_t oldest_view;         // its sequence; 0: none
  uint64_t pinned_files;        // kept only because views need them
  uint64_t pinned_bytes;        // of these files
  int32_t stall;                // KYRO_STALL_NONE, or why writers are slowed or refused
  int32_t was_clean;            // 1: the last owner closed in order
} kyro_stats;

// Fills `stats`, whose struct_size the caller has set; fields that this library does not know
// become 0. Works on a closed database too.
KYRO_API kyro_code kyro_db_stats(const kyro_db* db, kyro_stats* stats, kyro_error* error);
// Everything that is counted and timed, as one JSON object on one line, in `text`; on error that is
// left as it was. Names and meanings are those of kyro::Stats in kyro/stats.h.
KYRO_API kyro_code kyro_db_stats_json(const kyro_db* db, kyro_buffer* text, kyro_error* error);
// The same as OpenMetrics 1.0 text, ready to be served to Prometheus. See docs/metrics.md.
KYRO_API kyro_code kyro_db_stats_openmetrics(const kyro_db* db, kyro_buffer* text,
                                             kyro_error* error);
// Stores and returns the last error of background work; KYRO_OK if there was none.
KYRO_API kyro_code kyro_db_background_error(const kyro_db* db, kyro_error* error);

// ---------------------------------------------------------------------------------- Keyspaces

// What a keyspace is.
typedef struct kyro_keyspace_info {
  kyro_slice name;  // NUL-terminated as well
  uint32_t id;      // never used again by another keyspace
  int32_t kind;     // KYRO_U64 or KYRO_BYTES
} kyro_keyspace_info;

// How many keyspaces the list has; 0 for NULL. They are those of the moment it was made.
KYRO_API size_t kyro_keyspace_list_size(const kyro_keyspace_list* list);
// The keyspace at `index`, ascending by id. The name lives as long as the list.
// KYRO_INVALID_ARGUMENT past the end.
KYRO_API kyro_code kyro_keyspace_list_get(const kyro_keyspace_list* list, size_t index,
                                          kyro_keyspace_info* info, kyro_error* error);
// Ends the handle. NULL is ignored.
KYRO_API void kyro_keyspace_list_free(kyro_keyspace_list* list);

// What the handle is of. The name lives as long as the handle.
KYRO_API kyro_code kyro_keyspace_get_info(const kyro_keyspace* keyspace, kyro_keyspace_info* info,
                                          kyro_error* error);
// Ends the handle. NULL is ignored.
KYRO_API void kyro_keyspace_free(kyro_keyspace* keyspace);

// Durable as the options say, and visible to every later read, when KYRO_OK. Errors other than
// KYRO_UNKNOWN_OUTCOME: not applied, now or later. `options` may be NULL. KYRO_BUSY during a bulk
// load of the keyspace.
KYRO_API kyro_code kyro_keyspace_put_u64(kyro_keyspace* keyspace, uint64_t key, kyro_slice value,
                                         const kyro_write_options* options, kyro_error* error);
// The same for byte-string keys.
KYRO_API kyro_code kyro_keyspace_put_bytes(kyro_keyspace* keyspace, kyro_slice key,
                                           kyro_slice value, const kyro_write_options* options,
                                           kyro_error* error);
// The same. KYRO_OK also if the key is absent.
KYRO_API kyro_code kyro_keyspace_delete_u64(kyro_keyspace* keyspace, uint64_t key,
                                            const kyro_write_options* options, kyro_error* error);
// The same for byte-string keys.
KYRO_API kyro_code kyro_keyspace_delete_bytes(kyro_keyspace* keyspace, kyro_slice key,
                                              const kyro_write_options* options, kyro_error* error);
// Copies the newest value into `value`. KYRO_NOT_FOUND if the key is absent. On error `value` is
// left as it was. O(log n).
KYRO_API kyro_code kyro_keyspace_get_u64(const kyro_keyspace* keyspace, uint64_t key,
                                         kyro_buffer* value, kyro_error* error);
// The same for byte-string keys.
KYRO_API kyro_code kyro_keyspace_get_bytes(const kyro_keyspace* keyspace, kyro_slice key,
                                           kyro_buffer* value, kyro_error* error);

// ---------------------------------------------------------------------------------- Batches

// An empty batch; NULL if there is no memory.
KYRO_API kyro_batch* kyro_batch_new(void);
// Ends the handle. NULL is ignored.
KYRO_API void kyro_batch_free(kyro_batch* batch);

// Adds an operation on any keyspace of one kyro_db. Of two on one key the later wins. An operation
// that is refused spoils the batch: this call and kyro_db_write return the error, and nothing of
// the batch is applied until kyro_batch_clear. So it is enough to look at what kyro_db_write
// returns.
KYRO_API kyro_code kyro_batch_put_u64(kyro_batch* batch, const kyro_keyspace* keyspace,
                                      uint64_t key, kyro_slice value, kyro_error* error);
// The same for byte-string keys.
KYRO_API kyro_code kyro_batch_put_bytes(kyro_batch* batch, const kyro_keyspace* keyspace,
                                        kyro_slice key, kyro_slice value, kyro_error* error);
// Adds a deletion, in the same way. No error if the key turns out to be absent.
KYRO_API kyro_code kyro_batch_delete_u64(kyro_batch* batch, const kyro_keyspace* keyspace,
                                         uint64_t key, kyro_error* error);
// The same for byte-string keys.
KYRO_API kyro_code kyro_batch_delete_bytes(kyro_batch* batch, const kyro_keyspace* keyspace,
                                           kyro_slice key, kyro_error* error);
// Empties it and forgets an error; its memory is reused.
KYRO_API void kyro_batch_clear(kyro_batch* batch);
// Operations in it; 0 for NULL.
KYRO_API uint32_t kyro_batch_count(const kyro_batch* batch);
// Encoded bytes, which kyro_options::batch_bytes_max limits; 0 for NULL.
KYRO_API size_t kyro_batch_bytes(const kyro_batch* batch);

// ---------------------------------------------------------------------------------- Views

// The sequence that it stands for; 0 for NULL.
KYRO_API uint64_t kyro_read_point_sequence(const kyro_read_point* read_point);
// Ends the handle. NULL is ignored.
KYRO_API void kyro_read_point_free(kyro_read_point* read_point);

// The keyspace at one sequence, for as long as the view lives: that of `read_point`, or the newest
// if that is NULL. It pins the memory and files it needs: do not keep one for ever. It stays
// readable after kyro_db_close. KYRO_KEYSPACE_MISMATCH if the read point is of another kyro_db.
KYRO_API kyro_code kyro_view_new(const kyro_keyspace* keyspace, const kyro_read_point* read_point,
                                 kyro_view** view, kyro_error* error);
// Ends the handle. NULL is ignored.
KYRO_API void kyro_view_free(kyro_view* view);
// 0 for NULL.
KYRO_API uint64_t kyro_view_sequence(const kyro_view* view);

// The value, in place: it lives until the view is freed. KYRO_NOT_FOUND if the key is absent. On
// error
// `*value` becomes empty. No lock, no allocation, no copy; O(log n).
KYRO_API kyro_code kyro_view_get_u64(const kyro_view* view, uint64_t key, kyro_slice* value,
                                     kyro_error* error);
// The same for byte-string keys.
KYRO_API kyro_code kyro_view_get_bytes(const kyro_view* view, kyro_slice key, kyro_slice* value,
                                       kyro_error* error);

// One answer of many.
typedef struct kyro_lookup {
  kyro_slice value;   // in place, until the view is freed; empty unless `code` is KYRO_OK
  kyro_code code;     // KYRO_OK, KYRO_NOT_FOUND, or what went wrong
  uint32_t reserved;  // 0
} kyro_lookup;

// Looks up `count` keys, faster than one by one; the answer to keys[i] is stored in lookups[i].
// KYRO_OK if every key was found or is truly absent; else the first answer's error.
KYRO_API kyro_code kyro_view_multiget_u64(const kyro_view* view, const uint64_t* keys, size_t count,
                                          kyro_lookup* lookups, kyro_error* error);
// The same for byte-string keys.
KYRO_API kyro_code kyro_view_multiget_bytes(const kyro_view* view, const kyro_slice* keys,
                                            size_t count, kyro_lookup* lookups, kyro_error* error);

// ---------------------------------------------------------------------------------- Walks

// A walk over a view, in both directions; at first on no row. It holds its own pin: the view may be
// freed first.
KYRO_API kyro_code kyro_iterator_new(const kyro_view* view, kyro_iterator** iterator,
                                     kyro_error* error);
// Ends the handle. NULL is ignored.
KYRO_API void kyro_iterator_free(kyro_iterator* iterator);

// To the first row. Every move returns KYRO_OK if it ends on a row, KYRO_NOT_FOUND if there is
// none, else what went wrong, and then the iterator is on no row:
//
//   for (code = kyro_iterator_seek_to_first(i, &error); code == KYRO_OK;
//        code = kyro_iterator_next(i, &error)) ...
//   if (code != KYRO_NOT_FOUND) ...
KYRO_API kyro_code kyro_iterator_seek_to_first(kyro_iterator* iterator, kyro_error* error);
// To the last row.
KYRO_API kyro_code kyro_iterator_seek_to_last(kyro_iterator* iterator, kyro_error* error);
// To the first row whose key is >= `key`.
KYRO_API kyro_code kyro_iterator_seek_u64(kyro_iterator* iterator, uint64_t key, kyro_error* error);
// The same for byte-string keys.
KYRO_API kyro_code kyro_iterator_seek_bytes(kyro_iterator* iterator, kyro_slice key,
                                            kyro_error* error);
// To the last row whose key is <= `key`.
KYRO_API kyro_code kyro_iterator_seek_for_prev_u64(kyro_iterator* iterator, uint64_t key,
                                                   kyro_error* error);
// The same for byte-string keys.
KYRO_API kyro_code kyro_iterator_seek_for_prev_bytes(kyro_iterator* iterator, kyro_slice key,
                                                     kyro_error* error);
// From a row to its neighbour. From no row: KYRO_NOT_FOUND, or the error that led there.
KYRO_API kyro_code kyro_iterator_next(kyro_iterator* iterator, kyro_error* error);
// The same, to the row before.
KYRO_API kyro_code kyro_iterator_prev(kyro_iterator* iterator, kyro_error* error);
// Whether it is on a row. False for NULL.
KYRO_API bool kyro_iterator_valid(const kyro_iterator* iterator);
// The row it is on; `key` and `value` may be NULL. What is stored lives until the next move.
// KYRO_NOT_FOUND on no row.
KYRO_API kyro_code kyro_iterator_get_u64(const kyro_iterator* iterator, uint64_t* key,
                                         kyro_slice* value, kyro_error* error);
// The same for byte-string keys.
KYRO_API kyro_code kyro_iterator_get_bytes(const kyro_iterator* iterator, kyro_slice* key,
                                           kyro_slice* value, kyro_error* error);

// The rows of a view with lo <= key < hi, ascending; a bound that is NULL does not bound. It holds
// its own pin: the view may be freed first.
KYRO_API kyro_code kyro_scan_new_u64(const kyro_view* view, const uint64_t* lo, const uint64_t* hi,
                                     kyro_scan** scan, kyro_error* error);
// The same for byte-string keys.
KYRO_API kyro_code kyro_scan_new_bytes(const kyro_view* view, const kyro_slice* lo,
                                       const kyro_slice* hi, kyro_scan** scan, kyro_error* error);
// Ends the handle. NULL is ignored.
KYRO_API void kyro_scan_free(kyro_scan* scan);
// Stores the next row; `key` and `value` may be NULL. What is stored lives until the next call on
// the scan. KYRO_NOT_FOUND after the last row; any other code is an error, and the walk is over.
KYRO_API kyro_code kyro_scan_next_u64(kyro_scan* scan, uint64_t* key, kyro_slice* value,
                                      kyro_error* error);
// The same for byte-string keys; the key too lives until the next call on the scan.
KYRO_API kyro_code kyro_scan_next_bytes(kyro_scan* scan, kyro_slice* key, kyro_slice* value,
                                        kyro_error* error);

// Byte strings side by side, in place: string i begins at data + offsets[i] and ends at
// data + offsets[i + 1], or, if offsets is NULL, lies at data + i * width and is `width` bytes
// long.
typedef struct kyro_column {
  const char* data;         // where positions count from
  const uint32_t* offsets;  // one more than there are strings, ascending; NULL: one width
  size_t width;             // of each string, if offsets is NULL
} kyro_column;
// Rows side by side: row i is keys[i] and string i of `values`.
typedef struct kyro_columns_u64 {
  size_t rows;           // how many
  const uint64_t* keys;  // ascending
  kyro_column values;    // of each row
} kyro_columns_u64;
// The same for byte-string keys: row i is string i of both.
typedef struct kyro_columns_bytes {
  size_t rows;         // how many
  kyro_column keys;    // ascending
  kyro_column values;  // of each row
} kyro_columns_bytes;

// Stores the next rows, at least one and at most some thousands, as columns, mostly without a copy.
// They live until the next call on the scan. KYRO_NOT_FOUND, and no rows, behind the last one; any
// other code is an error, and the walk is over. Rows may follow batches but not the reverse: after
// kyro_scan_next_u64 or _bytes this is KYRO_INVALID_ARGUMENT.
KYRO_API kyro_code kyro_scan_next_batch_u64(kyro_scan* scan, kyro_columns_u64* batch,
                                            kyro_error* error);
// The same for byte-string keys.
KYRO_API kyro_code kyro_scan_next_batch_bytes(kyro_scan* scan, kyro_columns_bytes* batch,
                                              kyro_error* error);

struct ArrowArrayStream;
// Makes `stream`, a struct as the Arrow C stream interface defines it, a stream of all rows of the
// view; kyro::ExportArrow in kyro/arrow.h says of which type, and what it pins. The caller releases
// the stream, if KYRO_OK.
KYRO_API kyro_code kyro_view_export_arrow(const kyro_view* view, struct ArrowArrayStream* stream,
                                          kyro_error* error);

// ---------------------------------------------------------------------------------- Bulk loads

// Loads sorted rows straight into segments: no log, no delta, one commit at the end. From here
// until it is finished or freed the keyspace takes no other writes (KYRO_BUSY); reads go on and see
// nothing of the load until it is finished. Rows replace those of equal keys. Memory is bounded,
// whatever the number of rows. Waits until the keyspace's rows in memory are in segments. KYRO_BUSY
// if another load of the keyspace is under way.
KYRO_API kyro_code kyro_bulk_loader_new(kyro_keyspace* keyspace, kyro_bulk_loader** loader,
                                        kyro_error* error);
// Ends the handle; discards the rows unless the load was finished. NULL is ignored.
KYRO_API void kyro_bulk_loader_free(kyro_bulk_loader* loader);
// Keys ascend strictly. KYRO_INVALID_ARGUMENT if this one does not, or if key or value are too
// large: it was not added, and the load may go on. After any other error, but for
// KYRO_KEYSPACE_MISMATCH, the load is lost; it may be that of a row that was taken before.
KYRO_API kyro_code kyro_bulk_loader_add_u64(kyro_bulk_loader* loader, uint64_t key,
                                            kyro_slice value, kyro_error* error);
// The same for byte-string keys.
KYRO_API kyro_code kyro_bulk_loader_add_bytes(kyro_bulk_loader* loader, kyro_slice key,
                                              kyro_slice value, kyro_error* error);
// Makes all rows durable, then visible, at once, as one commit, and stores its sequence, if
// `sequence` is not NULL. Without rows nothing is committed. Progress counts rows, of an unknown
// total. Every error but KYRO_UNKNOWN_OUTCOME: nothing of the load is there, now or later. To be
// called once.
KYRO_API kyro_code kyro_bulk_loader_finish(kyro_bulk_loader* loader, const kyro_progress* progress,
                                           uint64_t* sequence, kyro_error* error);
// Rows added; 0 for NULL.
KYRO_API uint64_t kyro_bulk_loader_count(const kyro_bulk_loader* loader);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // KYRO_KYRO_H_
