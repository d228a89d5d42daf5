// SPDX-License-Identifier: Apache-2.0
//
// A view as an Arrow C stream: https://arrow.apache.org/docs/format/CStreamInterface.html. Any
// library that imports one reads a keyspace's columns in place. No Arrow library is needed here.
#ifndef KYRO_ARROW_H_
#define KYRO_ARROW_H_

#include <cstdint>

#include "kyro/status.h"
#include "kyro/types.h"
#include "kyro/view.h"

// The structs of the Arrow C data and stream interfaces, which every header that defines them puts
// behind these guards.
extern "C" {

#ifndef ARROW_C_DATA_INTERFACE
// The next structs are defined.
#define ARROW_C_DATA_INTERFACE

// A flag: a dictionary's values are in order.
#define ARROW_FLAG_DICTIONARY_ORDERED 1
// A flag: there may be nulls.
#define ARROW_FLAG_NULLABLE 2
// A flag: a map's keys are in order.
#define ARROW_FLAG_MAP_KEYS_SORTED 4

// A type, as the interface defines it.
struct ArrowSchema {
  const char* format;                    // such as "L" or "+s"
  const char* name;                      // of a field
  const char* metadata;                  // null: none
  std::int64_t flags;                    // ARROW_FLAG_...
  std::int64_t n_children;               // of a nested type
  struct ArrowSchema** children;         // so many
  struct ArrowSchema* dictionary;        // null: none
  void (*release)(struct ArrowSchema*);  // null once it was called
  void* private_data;                    // the producer's
};

// Rows, as the interface defines them.
struct ArrowArray {
  std::int64_t length;                  // rows
  std::int64_t null_count;              // of these
  std::int64_t offset;                  // of the first row in the buffers
  std::int64_t n_buffers;               // as the type demands
  std::int64_t n_children;              // of a nested type
  const void** buffers;                 // so many as n_buffers
  struct ArrowArray** children;         // so many as n_children
  struct ArrowArray* dictionary;        // null: none
  void (*release)(struct ArrowArray*);  // null once it was called
  void* private_data;                   // the producer's
};

#endif  // ARROW_C_DATA_INTERFACE

#ifndef ARROW_C_STREAM_INTERFACE
// The next struct is defined.
#define ARROW_C_STREAM_INTERFACE

// A stream of rows of one type, as the interface defines it. Its functions return 0 or an errno.
struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);  // the type
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);     // released: the end
  const char* (*get_last_error)(struct ArrowArrayStream*);               // null: none
  void (*release)(struct ArrowArrayStream*);                             // null once it was called
  void* private_data;                                                    // the producer's
};

#endif  // ARROW_C_STREAM_INTERFACE

}  // extern "C"

namespace kyro {

// Makes `out` a stream of all rows of the view, ascending, as structs of two columns without nulls:
// `key`, uint64 or binary, and `value`. After a Fold, with nothing written since, the columns are
// those of the segments, in place, one batch for each; `value` is fixed-size binary then, if all
// values are of one width, which is not 0. Otherwise rows are copied, `value` is binary, and a
// batch is about 65536 rows or 16 MiB. (They are copied too where a segment has more than 2^31 - 1
// bytes of keys or values, which binary columns cannot address.)
//
// The stream and each array that it gave pin the view's memory and files until they are released,
// also after Db::Close. One thread at a time for the stream; arrays may be read and released
// anywhere. get_next reads and verifies a whole segment before it hands it out: damage is EIO, want
// of memory ENOMEM, and get_last_error says more; after an error there are no more rows.
//
// The caller releases the stream, if OK. kInvalidArgument if `out` is null; kResourceExhausted
// without memory.
[[gnu::visibility("default")]] Status ExportArrow(const View<U64>& view, ::ArrowArrayStream* out);
// The same for byte-string keys.
[[gnu::visibility("default")]] Status ExportArrow(const View<Bytes>& view, ::ArrowArrayStream* out);

}  // namespace kyro

#endif  // KYRO_ARROW_H_
