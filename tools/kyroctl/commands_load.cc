// SPDX-License-Identifier: Apache-2.0
//
// load: the rows of a file into a keyspace, in batches that are durable one by one. A row that is
// wrong ends it; the rows before stay loaded, and how many is said.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <istream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "kyro/db.h"
#include "kyroctl/fd_input.h"
#include "kyroctl/open.h"
#include "kyroctl/progress.h"
#include "kyroctl/request.h"
#include "kyroctl/row_source.h"
#include "kyroctl/rows.h"
#include "kyroctl/text.h"
#include "kyroctl/verbs.h"

namespace kyro::kyroctl {
namespace {

// A batch is committed early when it holds this much.
constexpr std::size_t kBatchBytes = std::size_t{16} << 20;

// The rows of one input, and where in it we are.
struct Input {
  std::unique_ptr<RowSource> rows;
  std::uint64_t total_bytes = 0;  // 0: not known
  bool have_row = false;          // `row` is read but not loaded
  Row row;

  void Next() { have_row = rows->Next(&row); }
};

// `status` with its place in the input, and what became of the rows.
Status AtPlace(const Status& status, const Input& input, std::string_view rest) {
  return Status(status.code(),
                fmt::format("{}: {}; {}", input.rows->Place(), status.message(), rest));
}
std::string LoadedBefore(std::uint64_t rows) {
  return fmt::format("{} rows before it are loaded", rows);
}
constexpr std::string_view kNothingLoaded = "nothing is loaded";

// Makes the row's key one of the kind that the keyspace has.
template <class K>
Status SetKind(Row* row) {
  if (row->kind == kKindOf<K>) return Status::Ok();
  if (row->as_typed) {
    auto number = ParseKey<U64>(row->bytes, false);
    if (!number.ok()) return number.status();
    row->number = *number;
    row->kind = KeyKind::kU64;
    return Status::Ok();
  }
  return Status(StatusCode::kInvalidArgument,
                row->kind == KeyKind::kU64
                    ? "the key is a number, but the keyspace has bytes keys: write it in quotes"
                    : "the key is a string, but the keyspace has u64 keys: write a number");
}

template <class K>
typename K::Key KeyOf(const Row& row) {
  if constexpr (kKindOf<K> == KeyKind::kU64) {
    return row.number;
  } else {
    return row.bytes;
  }
}

// Rows in batches, through the log.
template <class K>
class Loader {
 public:
  Loader(Db* db, const Keyspace<K>& keyspace, const Request& request, const Output& output)
      : db_(db),
        keyspace_(keyspace),
        batch_rows_(request.batch),
        task_(output, "loading", Unit::kRows) {}

  std::uint64_t loaded() const noexcept { return loaded_; }

  // Loads input->row and all that follow. kCancelled after ^C.
  Status Run(Input* input) {
    // An input that ^C cut short may look like one that ends in the middle of a row, hence the
    // question before a row is believed.
    for (; input->have_row && !task_.interrupted(); input->Next()) {
      if (Status wrong = SetKind<K>(&input->row); !wrong.ok()) return Stop(wrong, *input);
      batch_.Put(keyspace_, KeyOf<K>(input->row), input->row.value);
      if (batch_.count() < batch_rows_ && batch_.bytes() < kBatchBytes) continue;
      if (Status status = Commit(); !status.ok()) return status;
      task_.Update(input->rows->bytes_read(), input->total_bytes, loaded_);
    }
    if (task_.interrupted()) return Status(StatusCode::kCancelled);
    return Stop(input->rows->status(), *input);
  }

 private:
  // Loads what is complete. `why` is OK at the end of the input.
  Status Stop(const Status& why, const Input& input) {
    if (Status status = Commit(); !status.ok()) return status;
    return why.ok() ? why : AtPlace(why, input, LoadedBefore(loaded_));
  }

  Status Commit() {
    if (batch_.count() == 0) return Status::Ok();
    const Status written = db_->Write(batch_).status();
    if (!written.ok()) {
      return Status(written.code(),
                    fmt::format("{}; {} rows are loaded", written.message(), loaded_),
                    written.file(), written.offset());
    }
    loaded_ += batch_.count();
    batch_.Clear();
    return Status::Ok();
  }

  Db* const db_;
  const Keyspace<K>& keyspace_;
  const std::uint64_t batch_rows_;
  Task task_;
  WriteBatch batch_;
  std::uint64_t loaded_ = 0;
};

// Sorted rows into segments, all of them as one commit or none. kCancelled after ^C.
template <class K>
Status LoadBulk(Keyspace<K>* keyspace, Input* input, const Output& output, std::uint64_t* loaded) {
  auto loader = keyspace->NewBulkLoader();
  if (!loader.ok()) return loader.status();
  Task task(output, "loading", Unit::kRows);
  const auto update = [&] {
    return task.Update(input->rows->bytes_read(), input->total_bytes, loader->count());
  };
  for (; input->have_row && !task.interrupted(); input->Next()) {
    if (Status wrong = SetKind<K>(&input->row); !wrong.ok()) {
      return AtPlace(wrong, *input, kNothingLoaded);
    }
    const Status added = loader->Add(KeyOf<K>(input->row), input->row.value);
    if (added.code() == StatusCode::kInvalidArgument) {
      return AtPlace(added, *input,
                     "sort the rows, or load them without --bulk; nothing is loaded");
    }
    if (!added.ok()) return added;
    if (loader->count() % 1024 == 0) update();
  }
  if (task.interrupted()) return Status(StatusCode::kCancelled);
  if (!input->rows->status().ok()) return AtPlace(input->rows->status(), *input, kNothingLoaded);
  *loaded = loader->count();
  return loader->Finish({.on_progress = [&](auto, auto) { return update(); }}).status();
}

template <class K>
int LoadInto(Db& db, const Request& request, Input* input, Output& output) {
  auto keyspace = db.OpenKeyspace<K>(request.keyspace);
  if (!keyspace.ok()) return output.Fail(keyspace.status());
  std::uint64_t loaded = 0;
  Status status;
  if (request.bulk) {
    status = LoadBulk(&*keyspace, input, output, &loaded);
  } else {
    Loader<K> loader(&db, *keyspace, request, output);
    status = loader.Run(input);
    loaded = loader.loaded();
  }
  if (status.code() == StatusCode::kCancelled) {
    if (request.bulk) return output.Interrupted("nothing is loaded, the keyspace is as it was");
    return output.Interrupted(
        fmt::format("the first {} rows are loaded and stay, what follows them is not", loaded));
  }
  if (!status.ok()) return output.Fail(status);
  if (request.json) {
    Json object;
    object["loaded"] = loaded;
    output.Object(object);
  } else {
    output.Line(fmt::format("loaded {} rows", loaded));
  }
  return kExitOk;
}

// Of the first row. A key as typed is a number if it can be one.
KeyKind KindOfRow(const Row& row) {
  return row.as_typed && ParseU64(row.bytes) ? KeyKind::kU64 : row.kind;
}

RowFormat FormatOf(const Request& request) {
  return request.format.value_or(FormatOfName(request.file));
}

// Whether the format's keys can be of this kind.
Status CheckKeys(const Request& request, std::optional<KeyKind> kind) {
  if (kind != KeyKind::kBytes || FormatOf(request) != RowFormat::kSosd) return Status::Ok();
  return Status(StatusCode::kInvalidArgument,
                "SOSD keys are numbers: load them into a keyspace of u64 keys");
}

// The kind of the keyspace: the existing one's; with --create the one asked for, or else that of
// the first row.
Result<KeyKind> KindOf(const Db& db, const Request& request, const Input& input) {
  const auto info = FindKeyspace(db, request.keyspace);
  if (info.ok()) {
    if (Status wrong = CheckKeys(request, info->kind); !wrong.ok()) return wrong;
    if (!request.keys || *request.keys == info->kind) return info->kind;
    return Status(StatusCode::kKeyspaceMismatch,
                  fmt::format("keyspace \"{}\" has {} keys", Printable(request.keyspace),
                              KeyKindName(info->kind)));
  }
  if (info.status().code() != StatusCode::kNotFound || !request.create) return info.status();
  if (request.keys) return *request.keys;
  return input.have_row ? KindOfRow(input.row) : KeyKind::kU64;
}

int LoadFrom(const Request& request, std::istream& in, std::uint64_t total_bytes, Output& output) {
  Input input{.rows = MakeRowSource(FormatOf(request), &in), .total_bytes = total_bytes};
  // The name and the first row are looked at before anything is opened: a wrong one makes no
  // database.
  if (const Status name = CheckName(request.keyspace); !name.ok()) return output.Fail(name);
  if (const Status keys = CheckKeys(request, request.keys); !keys.ok()) return output.Fail(keys);
  input.Next();
  if (!input.rows->status().ok()) {
    return output.Fail(AtPlace(input.rows->status(), input, LoadedBefore(0)));
  }
  auto db = OpenToWrite(request, request.create);
  if (!db.ok()) return FailToOpen(db.status(), request, output);
  int code = kExitOk;
  const auto kind = KindOf(*db, request, input);
  if (!kind.ok()) {
    code = FailToFind(*db, kind.status(), request, output);
  } else if (*kind == KeyKind::kU64) {
    code = LoadInto<U64>(*db, request, &input, output);
  } else {
    code = LoadInto<Bytes>(*db, request, &input, output);
  }
  code = CloseAnd(*db, code, output);
  return code == kExitOk ? output.Done() : code;
}

// Closes a file when it goes.
class File {
 public:
  explicit File(const std::string& path) noexcept
      : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int descriptor() const noexcept { return descriptor_; }

 private:
  const int descriptor_;
};

int Load(const Request& request, Output& output) {
  if (request.file == "-") return LoadFrom(request, output.streams().in, 0, output);
  const File file(request.file);
  int cause = file.descriptor() < 0 ? errno : 0;
  struct stat facts = {};
  if (cause == 0 && fstat(file.descriptor(), &facts) != 0) cause = errno;
  if (cause == 0 && S_ISDIR(facts.st_mode)) cause = EISDIR;
  if (cause != 0) {
    return output.Fail(
        Status(StatusCode::kIoError, fmt::format("{} cannot be opened: {}", Printable(request.file),
                                                 std::generic_category().message(cause))));
  }
  FdInput input(file.descriptor());
  std::istream in(&input);
  const std::uint64_t bytes =
      S_ISREG(facts.st_mode) ? static_cast<std::uint64_t>(facts.st_size) : 0;
  return LoadFrom(request, in, bytes, output);
}

Option FormatOption() {
  Option option;
  option.name = "--format";
  option.value = "FORMAT";
  option.about = "Of FILE; unless given: as its name ends, .csv or .sosd, or else ndjson";
  option.choices = {"ndjson", "csv", "sosd"};
  option.set = [](Request* request, const std::string& text) {
    request->format = text == "csv"    ? RowFormat::kCsv
                      : text == "sosd" ? RowFormat::kSosd
                                       : RowFormat::kNdjson;
    return Status::Ok();
  };
  return option;
}

}  // namespace

Verb LoadVerb() {
  return {
      .name = "load",
      .summary = "Write the rows of a file: NDJSON, CSV or SOSD keys",
      .description =
          "NDJSON: a line {\"key\":42,\"value\":\"text\"} for each row. CSV (RFC 4180): a header "
          "key,value, then a record for each row. SOSD: a count and that many u64 keys, 8 bytes "
          "little-endian each; a key's value is its position in the file, likewise. Rows are "
          "committed durably in batches, in the order of the file; the last one of a key wins. A "
          "row that is wrong ends the load; the rows before it stay. With --bulk the rows must be "
          "sorted by strictly ascending keys; they bypass the log and become one commit.",
      .group = Group::kWriting,
      .arguments = {DbArgument(),
                    {.name = "FILE",
                     .about = "File of rows; - is standard input",
                     .field = &Request::file,
                     .completes = Completes::kFile}},
      .options = {NumberOption("--batch", &Request::batch, 1, 1000000,
                               "Rows per commit; unless given: 1000"),
                  FlagOption("--create", &Request::create, "Make the database and the keyspace"),
                  FlagOption("--bulk", &Request::bulk,
                             "The keys ascend: write segments at once, all rows or none"),
                  FormatOption(), KeysOption("With --create; unless given: as the first row")},
      .examples = {{"kyroctl load copy rows.ndjson --create", "Make a database of a file's rows"},
                   {"kyroctl load cells rows.csv", "Write the rows of a CSV file"},
                   {"kyroctl dump cells | kyroctl load new - --create --bulk",
                    "Copy a keyspace, which a dump sorts, the fast way"},
                   {"kyroctl load copy books_uint64 --format sosd --create",
                    "Make a database of a benchmark's keys"}},
      .exits = {{kExitInterrupted, "interrupted: the rows that it tells are loaded"}},
      .run = &Load};
}

}  // namespace kyro::kyroctl
