// SPDX-License-Identifier: Apache-2.0
//
// diff: two databases side by side, row by row in the order of the keys. Both walks go on together,
// so that its memory does not grow with them.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "kyro/db.h"
#include "kyroctl/listing.h"
#include "kyroctl/open.h"
#include "kyroctl/progress.h"
#include "kyroctl/request.h"
#include "kyroctl/rows.h"
#include "kyroctl/text.h"
#include "kyroctl/verbs.h"

namespace kyro::kyroctl {
namespace {

struct Tally {
  std::uint64_t only_in_first = 0;
  std::uint64_t only_in_second = 0;
  std::uint64_t differing = 0;
  std::uint64_t same = 0;
  std::uint64_t keyspaces = 0;  // that only one has, or that have keys of two kinds

  bool equal() const noexcept {
    return only_in_first + only_in_second + differing + keyspaces == 0;
  }
  std::uint64_t rows() const noexcept { return only_in_first + only_in_second + differing + same; }
};

// Prints differences and counts them. One keyspace after the other.
class Differences {
 public:
  Differences(const Request& request, std::uint64_t rows_ahead, Output* output)
      : request_(request),
        output_(*output),
        task_(*output, "comparing", Unit::kRows, output->streams().out_is_terminal),
        rows_ahead_(rows_ahead) {}

  const Tally& tally() const noexcept { return tally_; }
  bool interrupted() const noexcept { return task_.interrupted(); }

  void Begin(std::string_view keyspace) {
    keyspace_ = keyspace;
    named_ = false;
  }

  // Something about the keyspace that is not about a row.
  void OfKeyspace(std::string_view text) {
    ++tally_.keyspaces;
    if (request_.json) {
      Json object;
      SetBytes(&object, "keyspace", keyspace_);
      object["difference"] = text;
      output_.Object(object);
    } else {
      Name();
      output_.Line(fmt::format("! {}", text));
    }
  }

  // A row; null: the database does not have it. At least one does. False: end here.
  template <class Key>
  bool OfRow(Key key, const std::string_view* first, const std::string_view* second) {
    if (first != nullptr && second != nullptr && *first == *second) {
      ++tally_.same;
    } else {
      ++*(second == nullptr  ? &tally_.only_in_first
          : first == nullptr ? &tally_.only_in_second
                             : &tally_.differing);
      if (printed_ < request_.limit) Print(key, first, second);
    }
    if (!output_.writable()) return false;
    const std::uint64_t rows = tally_.rows();
    return rows % 1024 != 0 || task_.Update(rows, rows_ahead_, rows);
  }

 private:
  void Name() {
    if (!std::exchange(named_, true)) {
      output_.Line(fmt::format("KEYSPACE \"{}\"", Shortened(keyspace_, kColumns - 11)));
    }
  }

  template <class Key>
  void Print(Key key, const std::string_view* first, const std::string_view* second) {
    ++printed_;
    if (request_.json) {
      Json object;
      SetBytes(&object, "keyspace", keyspace_);
      SetKey(&object, "key", key);
      first != nullptr ? SetBytes(&object, "first", *first) : void(object["first"] = Json());
      second != nullptr ? SetBytes(&object, "second", *second) : void(object["second"] = Json());
      return output_.Object(object);
    }
    Name();
    if (first != nullptr) Side("- ", Output::Colour::kRed, key, *first);
    if (second != nullptr) Side("+ ", Output::Colour::kGreen, key, *second);
  }

  template <class Key>
  void Side(std::string_view sign, Output::Colour colour, Key key, std::string_view value) {
    std::string text;
    if constexpr (std::is_same_v<Key, std::uint64_t>) {
      text = fmt::format("{}", key);
    } else {
      text = key;
    }
    const std::string line = RowLine(sign, text, value, kColumns);
    output_.Line(output_.Coloured(colour, line));
  }

  const Request& request_;
  Output& output_;
  Task task_;
  const std::uint64_t rows_ahead_;
  std::string keyspace_;
  bool named_ = false;
  std::uint64_t printed_ = 0;
  Tally tally_;
};

// Both walks; one that is absent has no rows.
template <class K>
Status Merge(Iterator<K>* first, Iterator<K>* second, Differences* differences) {
  const auto valid = [](const Iterator<K>* it) { return it != nullptr && it->Valid(); };
  bool more = true;
  while (more && (valid(first) || valid(second))) {
    const bool take_first = valid(first) && (!valid(second) || !(second->key() < first->key()));
    const bool take_second = valid(second) && (!valid(first) || !(first->key() < second->key()));
    std::string_view values[2];
    if (take_first) values[0] = first->value();
    if (take_second) values[1] = second->value();
    more =
        differences->OfRow(take_first ? first->key() : second->key(),
                           take_first ? &values[0] : nullptr, take_second ? &values[1] : nullptr);
    if (take_first) first->Next();
    if (take_second) second->Next();
  }
  for (const Iterator<K>* it : {first, second}) {
    if (it != nullptr && !it->status().ok()) return it->status();
  }
  return more ? Status::Ok() : Status(StatusCode::kCancelled);
}

// A walk over a keyspace from its first row.
template <class K>
Result<Iterator<K>> WalkOver(Db& db, const std::string& name) {
  auto keyspace = db.OpenKeyspace<K>(name);
  if (!keyspace.ok()) return keyspace.status();
  const auto view = keyspace->view();
  if (!view.ok()) return view.status();
  Iterator<K> it = view->NewIterator();
  it.SeekToFirst();
  return it;
}

template <class K>
Status Compare(Db* first, Db* second, const std::string& name, Differences* differences) {
  std::optional<Iterator<K>> its[2];
  Db* const dbs[] = {first, second};
  for (int i = 0; i < 2; ++i) {
    if (dbs[i] == nullptr) continue;
    auto it = WalkOver<K>(*dbs[i], name);
    if (!it.ok()) return it.status();
    its[i].emplace(*std::move(it));
  }
  return Merge<K>(its[0] ? &*its[0] : nullptr, its[1] ? &*its[1] : nullptr, differences);
}

Status CompareAs(KeyKind kind, Db* first, Db* second, const std::string& name,
                 Differences* differences) {
  return kind == KeyKind::kU64 ? Compare<U64>(first, second, name, differences)
                               : Compare<Bytes>(first, second, name, differences);
}

using Kinds = std::map<std::string, std::pair<std::optional<KeyKind>, std::optional<KeyKind>>>;

// The keyspaces that are to be compared, and their kinds here and there.
Result<Kinds> KindsOf(const Db& first, const Db& second, const Request& request) {
  Kinds kinds;
  for (const auto& [db, kind] : {std::pair(&first, &Kinds::mapped_type::first),
                                 std::pair(&second, &Kinds::mapped_type::second)}) {
    const auto infos = db->ListKeyspaces();
    if (!infos.ok()) return infos.status();
    for (const KeyspaceInfo& info : *infos) {
      if (!request.keyspace_given || *request.keyspace_given == info.name) {
        kinds[info.name].*kind = info.kind;
      }
    }
  }
  return kinds;
}

Status CompareAll(const Kinds& all, Db* first, Db* second, Differences* differences) {
  for (const auto& [name, kinds] : all) {
    differences->Begin(name);
    if (kinds.first == kinds.second) {
      Status status = CompareAs(*kinds.first, first, second, name, differences);
      if (!status.ok()) return status;
      continue;
    }
    if (!kinds.second) {
      differences->OfKeyspace("the second database lacks this keyspace");
    } else if (!kinds.first) {
      differences->OfKeyspace("the first database lacks this keyspace");
    } else {
      differences->OfKeyspace(fmt::format("the first has {} keys here, the second {} keys",
                                          KeyKindName(*kinds.first), KeyKindName(*kinds.second)));
    }
    if (kinds.first) {
      Status status = CompareAs(*kinds.first, first, nullptr, name, differences);
      if (!status.ok()) return status;
    }
    if (kinds.second) {
      Status status = CompareAs(*kinds.second, nullptr, second, name, differences);
      if (!status.ok()) return status;
    }
  }
  return Status::Ok();
}

void SayTally(const Request& request, const Tally& tally, Output& output) {
  if (request.json) {
    output.Object(Json{{"equal", tally.equal()},
                       {"only_in_first", tally.only_in_first},
                       {"only_in_second", tally.only_in_second},
                       {"differing", tally.differing},
                       {"same", tally.same}});
  } else if (tally.equal()) {
    output.Line(fmt::format("equal: {}", Counted(tally.same, "row")));
  } else {
    std::string text;
    AppendWrapped(&text, {}, 0,
                  fmt::format("{} only in the first, {} only in the second, {} with other values, "
                              "{} the same",
                              Counted(tally.only_in_first, "row"), Count(tally.only_in_second),
                              Count(tally.differing), Count(tally.same)));
    output.Write(text);
  }
}

std::uint64_t EntriesOf(const Db& db) {
  std::uint64_t entries = 0;
  for (const KeyspaceStats& keyspace : db.stats().keyspaces) {
    entries += keyspace.entries + keyspace.delta_keys;
  }
  return entries;
}

int DiffOpened(Db* first, Db* second, const Request& request, Output& output) {
  const auto kinds = KindsOf(*first, *second, request);
  if (!kinds.ok()) return output.Fail(kinds.status());
  if (kinds->empty() && request.keyspace_given) {
    return FailToFind(*first, Status::NotFound(), request, output);
  }
  Tally tally;
  Status status;
  {
    // How many rows there are to come is not known if it is one keyspace of several.
    const std::uint64_t ahead =
        request.keyspace_given ? 0 : std::max(EntriesOf(*first), EntriesOf(*second));
    Differences differences(request, ahead, &output);
    status = CompareAll(*kinds, first, second, &differences);
    tally = differences.tally();
  }
  if (!output.writable()) return output.Done();
  if (status.code() == StatusCode::kCancelled) {
    return output.Interrupted(
        fmt::format("{} rows are compared, the others are not", tally.rows()));
  }
  if (!status.ok()) return output.Fail(status);
  SayTally(request, tally, output);
  const int code = output.Done();
  return code == kExitOk && !tally.equal() ? kExitNo : code;
}

int Diff(const Request& request, Output& output) {
  Request other = request;
  other.db = request.second_db;
  auto first = OpenToRead(request);
  if (!first.ok()) return FailToOpen(first.status(), request, output);
  auto second = OpenToRead(other);
  if (!second.ok()) return FailToOpen(second.status(), other, output);
  return DiffOpened(&*first, &*second, request, output);
}

}  // namespace

Verb DiffVerb() {
  Argument first = DbArgument(), second = DbArgument();
  first.name = "DB1";
  second.name = "DB2";
  second.field = &Request::second_db;
  return {.name = "diff",
          .summary = "Compare the rows of two databases",
          .description =
              "A line - KEY VALUE for each row of the first that the second lacks or has another "
              "value for, a line + KEY VALUE for the second's; then how many there are. Compares "
              "all keyspaces unless --keyspace names one. Changes no file.",
          .group = Group::kReading,
          .arguments = {first, second},
          .options = {NumberOption("--limit", &Request::limit, 0, ~std::uint64_t{0},
                                   "Print at most N differences; all are counted")},
          .examples = {{"kyroctl diff cells backup", "Compare with an older copy"}},
          .exits = {{kExitNo, "no: they differ"},
                    {kExitInterrupted, "interrupted: not all rows are compared"}},
          .run = &Diff};
}

}  // namespace kyro::kyroctl
