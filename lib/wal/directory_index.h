// SPDX-License-Identifier: Apache-2.0
//
// The log files that a directory holds, beside those that are named: what each one's first record
// says about the file before it.
#ifndef KYRO_WAL_DIRECTORY_INDEX_H_
#define KYRO_WAL_DIRECTORY_INDEX_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/file_ref.h"
#include "io/file_system.h"
#include "kyro/status.h"
#include "wal/reader.h"

namespace kyro::wal {

// A log file as seen through its header page and its first record.
struct IndexedFile {
  std::string name;
  FileId id;                          // the number by its name
  Uuid database;                      // who made it
  std::optional<RecordHeader> first;  // if a valid record stands first
  std::optional<Link> link;           // if that is a link
  Status damage;                      // of the header page: id and database are then unknown
};

// By number.
using DirectoryIndex = std::map<std::uint64_t, IndexedFile>;

// Every regular file with a log's name and a number above `above`.
Result<DirectoryIndex> IndexDirectory(const io::Directory& directory, std::uint64_t above);

// The file with the highest number whose link names `predecessor`, and which was made by
// `database` or by the predecessor's maker. (The higher of two is right: a writer whose link
// failed to be written tries again in a new file.)
const IndexedFile* FindLinkTo(const DirectoryIndex& index, const FileId& predecessor,
                              const Uuid& predecessor_maker, const Uuid& database);

// For a file whose header page is damaged: whether it may be a log of this database that holds
// records. It may be, if it is not all zeros behind the header page and either its magic, its
// maker or its first record still says so.
Result<bool> MayHoldRecordsOf(const io::Directory& directory, const IndexedFile& file,
                              const Uuid& database);

}  // namespace kyro::wal

#endif  // KYRO_WAL_DIRECTORY_INDEX_H_
