// SPDX-License-Identifier: Apache-2.0
//
// load: rows of NDJSON into a keyspace, in batches that are durable one by one. A line that is
// wrong ends it; the lines before stay loaded, and how many is said.
#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include "kyro/db.h"
#include "kyroctl/line_reader.h"
#include "kyroctl/open.h"
#include "kyroctl/request.h"
#include "kyroctl/rows.h"
#include "kyroctl/text.h"
#include "kyroctl/verbs.h"

namespace kyro::kyroctl {
namespace {

// A batch is committed early when it holds this much.
constexpr std::size_t kBatchBytes = std::size_t{16} << 20;
// The longest row there can be: every byte of key and value as a \u escape.
constexpr std::size_t kLineBytesMax = 6 * (kKeyBytesMax + kValueBytesMax) + 1024;

// The rows of one input, and where in it we are.
struct Input {
  LineReader lines;
  std::uint64_t total_bytes = 0;  // 0: not known
  bool have_row = false;          // `row` is read but not loaded
  Row row;
  Status status;  // why there is no further row; OK at the end

  bool Next() {
    std::string_view line;
    have_row = status.ok() && lines.Next(&line);
    if (have_row) status = ParseRow(line, &row);
    if (status.ok()) status = lines.status();
    have_row = have_row && status.ok();
    return have_row;
  }
};

// `status` with its line, and what became of the lines before.
Status AtLine(const Status& status, std::uint64_t line, std::uint64_t loaded) {
  return Status(status.code(), fmt::format("line {}: {}; {} rows before it are loaded", line,
                                           status.message(), loaded));
}

Status KindMismatch(const Row& row) {
  return Status(StatusCode::kInvalidArgument,
                row.kind == KeyKind::kU64
                    ? "the key is a number, but the keyspace has bytes keys: write it in quotes"
                    : "the key is a string, but the keyspace has u64 keys: write a number");
}

template <class K>
class Loader {
 public:
  Loader(Db* db, const Keyspace<K>& keyspace, const Request& request, const Output& output)
      : db_(db), keyspace_(keyspace), batch_rows_(request.batch), bar_(output, "loading", "rows") {}

  std::uint64_t loaded() const noexcept { return loaded_; }

  // Loads input->row and all that follow.
  Status Run(Input* input) {
    for (; input->have_row; input->Next()) {
      if (input->row.kind != kKindOf<K>) {
        input->status = KindMismatch(input->row);
        break;
      }
      Add(input->row);
      if (batch_.count() < batch_rows_ && batch_.bytes() < kBatchBytes) continue;
      if (Status status = Commit(); !status.ok()) return status;
      bar_.Update(input->lines.bytes_read(), input->total_bytes, loaded_);
    }
    if (Status status = Commit(); !status.ok()) return status;
    if (input->status.ok()) return Status::Ok();
    return AtLine(input->status, input->lines.number(), loaded_);
  }

 private:
  void Add(const Row& row) {
    if constexpr (kKindOf<K> == KeyKind::kU64) {
      batch_.Put(keyspace_, row.number, row.value);
    } else {
      batch_.Put(keyspace_, row.bytes, row.value);
    }
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
  ProgressBar bar_;
  WriteBatch batch_;
  std::uint64_t loaded_ = 0;
};

template <class K>
int LoadInto(Db& db, const Request& request, Input* input, Output& output) {
  const auto keyspace = db.OpenKeyspace<K>(request.keyspace);
  if (!keyspace.ok()) return output.Fail(keyspace.status());
  std::uint64_t loaded = 0;
  Status status;
  {
    Loader<K> loader(&db, *keyspace, request, output);
    status = loader.Run(input);
    loaded = loader.loaded();
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

// The kind of the keyspace: the existing one's; with --create the one asked for, or else that of
// the first row.
Result<KeyKind> KindOf(const Db& db, const Request& request, const Input& input) {
  const auto info = FindKeyspace(db, request.keyspace);
  if (info.ok()) {
    if (!request.keys || *request.keys == info->kind) return info->kind;
    return Status(StatusCode::kKeyspaceMismatch,
                  fmt::format("keyspace \"{}\" has {} keys", Printable(request.keyspace),
                              KeyKindName(info->kind)));
  }
  if (info.status().code() != StatusCode::kNotFound || !request.create) return info.status();
  if (request.keys) return *request.keys;
  return input.have_row ? input.row.kind : KeyKind::kU64;
}

int LoadFrom(const Request& request, std::istream& in, std::uint64_t total_bytes, Output& output) {
  Input input{.lines = LineReader(&in, kLineBytesMax), .total_bytes = total_bytes};
  // The name and the first row are looked at before anything is opened: a wrong one makes no
  // database.
  if (const Status name = CheckName(request.keyspace); !name.ok()) return output.Fail(name);
  input.Next();
  if (!input.status.ok()) return output.Fail(AtLine(input.status, input.lines.number(), 0));
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

int Load(const Request& request, Output& output) {
  if (request.file == "-") return LoadFrom(request, output.streams().in, 0, output);
  errno = 0;
  std::ifstream file(request.file, std::ios::binary);
  std::error_code error;
  const bool directory = std::filesystem::is_directory(request.file, error);
  if (!file.is_open() || directory) {
    const int cause = directory ? EISDIR : errno;
    return output.Fail(
        Status(StatusCode::kIoError, fmt::format("{} cannot be opened: {}", Printable(request.file),
                                                 std::generic_category().message(cause))));
  }
  const auto bytes = std::filesystem::file_size(request.file, error);
  return LoadFrom(request, file, error ? 0 : bytes, output);
}

}  // namespace

Verb LoadVerb() {
  return {
      .name = "load",
      .summary = "Write the rows of a file of NDJSON",
      .description =
          "Rows are committed durably in batches, in the order of the file; the "
          "last one of a key wins. A line that is wrong ends the load; the lines "
          "before it stay.",
      .group = Group::kWriting,
      .arguments = {DbArgument(),
                    {.name = "FILE",
                     .about = "Lines {\"key\":42,\"value\":\"text\"}; - is stdin",
                     .field = &Request::file,
                     .completes = Completes::kFile}},
      .options = {NumberOption("--batch", &Request::batch, 1, 1000000,
                               "Rows per commit; unless given: 1000"),
                  FlagOption("--create", &Request::create, "Make the database and the keyspace"),
                  KeysOption("With --create; unless given: as the first row")},
      .examples = {{"kyroctl load copy rows.ndjson --create", "Make a database of a file's rows"}},
      .run = &Load};
}

}  // namespace kyro::kyroctl
