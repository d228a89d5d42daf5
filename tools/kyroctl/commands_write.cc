// SPDX-License-Identifier: Apache-2.0
//
// create, put, delete. Each opens the database for itself alone, and is durable when it exits 0.
#include <fmt/format.h>

#include <istream>
#include <iterator>
#include <string>
#include <utility>

#include "kyro/db.h"
#include "kyroctl/open.h"
#include "kyroctl/request.h"
#include "kyroctl/rows.h"
#include "kyroctl/text.h"
#include "kyroctl/verbs.h"

namespace kyro::kyroctl {
namespace {

// Whether the keyspace is there, without changing a file. An absent database is a "no".
Result<bool> Exists(const Request& request) {
  const auto db = OpenToRead(request);
  if (!db.ok()) {
    if (db.status().code() == StatusCode::kNotFound) return false;
    return db.status();
  }
  const auto info = FindKeyspace(*db, request.keyspace);
  if (info.ok()) return true;
  if (info.status().code() == StatusCode::kNotFound) return false;
  return info.status();
}

template <class K>
Status MakeKeyspace(Db& db, const Request& request) {
  return db.OpenKeyspace<K>(request.keyspace).status();
}

// The value argument, or standard input if it is "-".
Result<std::string> ReadValue(const Request& request, std::istream& in) {
  if (request.value != "-") return request.value;
  std::string value;
  char chunk[1 << 16];
  while (value.size() <= kValueBytesMax && in.good()) {
    in.read(chunk, sizeof(chunk));
    value.append(chunk, static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad()) return Status(StatusCode::kIoError, "standard input cannot be read");
  return value;
}

int Acknowledge(const Request& request, Result<Sequence> sequence, Json object, Output& output) {
  if (!sequence.ok()) return output.Fail(sequence.status());
  if (request.json) {
    object["sequence"] = *sequence;
    output.Object(object);
  }
  return kExitOk;
}

template <class K>
int PutIn(Db& db, const Keyspace<K>& keyspace, const Request& request, Output& output) {
  const auto key = ParseKey<K>(request.key, request.hex);
  if (!key.ok()) return output.Fail(key.status());
  const auto value = ReadValue(request, output.streams().in);
  if (!value.ok()) return output.Fail(value.status());
  if (value->size() > kValueBytesMax) {
    return output.Fail(Status(
        StatusCode::kInvalidArgument,
        fmt::format("the value is too long; at most {} bytes are possible", kValueBytesMax)));
  }
  WriteBatch batch;
  batch.Put(keyspace, *key, *value);
  Json object;
  SetKey(&object, "key", *key);
  return Acknowledge(request, db.Write(batch), std::move(object), output);
}

template <class K>
int DeleteIn(Db& db, const Keyspace<K>& keyspace, const Request& request, Output& output) {
  const auto key = ParseKey<K>(request.key, request.hex);
  if (!key.ok()) return output.Fail(key.status());
  const auto old = keyspace.Get(*key);
  if (!old.ok() && old.status().code() == StatusCode::kNotFound) {
    return output.No(StatusCode::kNotFound, fmt::format("key {} is absent", KeyForPeople(*key)));
  }
  if (!old.ok()) return output.Fail(old.status());
  WriteBatch batch;
  batch.Delete(keyspace, *key);
  Json object;
  SetKey(&object, "key", *key);
  return Acknowledge(request, db.Write(batch), std::move(object), output);
}

// Opens for writing, lets `work` answer, closes, and only then says "done".
template <class Work>
int Writing(const Request& request, Output& output, bool create, Work&& work) {
  auto db = OpenToWrite(request, create);
  if (!db.ok()) return FailToOpen(db.status(), request, output);
  const int code = CloseAnd(*db, work(*db), output);
  return code == kExitOk ? output.Done() : code;
}

int Create(const Request& request, Output& output) {
  if (const Status name = CheckName(request.keyspace); !name.ok()) return output.Fail(name);
  const auto exists = Exists(request);
  if (!exists.ok()) return output.Fail(exists.status());
  if (*exists) {
    return output.No(StatusCode::kAlreadyExists,
                     fmt::format("keyspace \"{}\" exists already in {}",
                                 Printable(request.keyspace), Printable(request.db)));
  }
  const KeyKind kind = request.keys.value_or(KeyKind::kU64);
  return Writing(request, output, true, [&](Db& db) {
    const Status made =
        kind == KeyKind::kU64 ? MakeKeyspace<U64>(db, request) : MakeKeyspace<Bytes>(db, request);
    if (!made.ok()) return output.Fail(made);
    if (request.json) {
      Json object;
      SetBytes(&object, "db", request.db);
      SetBytes(&object, "keyspace", request.keyspace);
      object["keys"] = KeyKindName(kind);
      output.Object(object);
    } else {
      output.Line(fmt::format("created keyspace \"{}\" with {} keys in {}",
                              Printable(request.keyspace), KeyKindName(kind),
                              Printable(request.db)));
    }
    return kExitOk;
  });
}

int Put(const Request& request, Output& output) {
  return Writing(request, output, false, [&](Db& db) {
    return VisitKeyspace(db, request, output, [&](const auto& keyspace) {
      return PutIn(db, keyspace, request, output);
    });
  });
}

int Delete(const Request& request, Output& output) {
  return Writing(request, output, false, [&](Db& db) {
    return VisitKeyspace(db, request, output, [&](const auto& keyspace) {
      return DeleteIn(db, keyspace, request, output);
    });
  });
}

}  // namespace

Verb CreateVerb() {
  return {.name = "create",
          .summary = "Make a database, or a further keyspace in one",
          .description =
              "The keyspace is called default unless --keyspace names it. It has one "
              "kind of keys for ever. One that exists is left as it is.",
          .group = Group::kWriting,
          .arguments = {DbArgument()},
          .options = {KeysOption("Kind of the keys; unless given: u64")},
          .examples = {{"kyroctl create new", "Make a database for keys that are numbers"},
                       {"kyroctl create cells --keyspace words --keys bytes",
                        "Add a keyspace for keys that are text"}},
          .exits = {{kExitNo, "no: the keyspace exists already"}},
          .run = &Create};
}

Verb PutVerb() {
  return {.name = "put",
          .summary = "Write one row",
          .description =
              "The row is durable when the command exits. A value - is read from "
              "standard input, any bytes.",
          .group = Group::kWriting,
          .arguments = {DbArgument(),
                        KeyArgument(),
                        {.name = "VALUE",
                         .about = "Value as typed; - reads standard input",
                         .field = &Request::value}},
          .options = {HexOption()},
          .examples = {{"kyroctl put cells 42 answer", "Write a row"},
                       {"kyroctl put cells 43 - < rows.csv", "Write a file as a value"}},
          .run = &Put};
}

Verb DeleteVerb() {
  return {.name = "delete",
          .summary = "Delete one row",
          .description = "The deletion is durable when the command exits.",
          .group = Group::kWriting,
          .arguments = {DbArgument(), KeyArgument()},
          .options = {HexOption()},
          .examples = {{"kyroctl delete cells 42", "Delete a row"}},
          .exits = {{kExitNo, "no: the key is absent"}},
          .run = &Delete};
}

}  // namespace kyro::kyroctl
