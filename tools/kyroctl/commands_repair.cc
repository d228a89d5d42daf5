// SPDX-License-Identifier: Apache-2.0
//
// repair: what is intact of a damaged database, as a new one, and a list of the rest.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "db/inspect.h"
#include "kyroctl/listing.h"
#include "kyroctl/open.h"
#include "kyroctl/progress.h"
#include "kyroctl/request.h"
#include "kyroctl/rows.h"
#include "kyroctl/text.h"
#include "kyroctl/verbs.h"

namespace kyro::kyroctl {
namespace {

using db::RepairBound;
using db::RepairLoss;
using db::RepairReport;

constexpr std::size_t kKeyColumns = 30;
constexpr std::size_t kDirectoryColumns = 8;  // at least

std::string KeyText(KeyKind kind, const std::string& encoded) {
  if (kind == KeyKind::kU64) return fmt::format("{}", DecodeU64Key(encoded).value_or(0));
  return fmt::format("\"{}\"", Shortened(encoded, kKeyColumns));
}

void SetBound(Json* object, const std::string& name, KeyKind kind, const RepairBound& bound) {
  if (!bound.key) return;
  if (kind == KeyKind::kU64) {
    (*object)[name] = DecodeU64Key(*bound.key).value_or(0);
  } else {
    SetBytes(object, name, *bound.key);
  }
  (*object)[name + "_inclusive"] = bound.inclusive;
}

Json JsonOf(const RepairLoss& loss) {
  Json object{{"what", loss.what}, {"file", loss.file}, {"offset", loss.offset}};
  if (loss.bytes != 0) object["bytes"] = loss.bytes;
  if (!loss.keyspace.empty()) {
    SetBytes(&object, "keyspace", loss.keyspace);
    SetBound(&object, "first_key", loss.kind, loss.first);
    SetBound(&object, "last_key", loss.kind, loss.last);
  }
  if (loss.first_sequence != 0) object["first_sequence"] = loss.first_sequence;
  if (loss.last_sequence != 0) object["last_sequence"] = loss.last_sequence;
  if (loss.rows != 0) object["rows"] = loss.rows;
  object["withheld"] = loss.withheld;
  object["stale"] = loss.stale;
  return object;
}

Json JsonOf(const Request& request, const RepairReport& report) {
  Json object{{"ok", report.losses.empty()}};
  SetBytes(&object, "repaired", *request.out);
  object["manifest"] = report.manifest;
  object["sequence"] = report.sequence;
  object["keyspaces"] = Json::array();
  for (const db::RepairedSpace& space : report.spaces) {
    Json one = Json::object();
    SetBytes(&one, "name", space.name);
    one["keys"] = space.kind == KeyKind::kU64 ? "u64" : "bytes";
    one["rows"] = space.rows;
    object["keyspaces"].push_back(std::move(one));
  }
  object["damages"] = Json::array();
  for (const db::RepairDamage& damage : report.damages) {
    Json one{{"file", damage.file}, {"what", damage.what}};
    if (damage.offset != Status::kNoOffset) one["offset"] = damage.offset;
    object["damages"].push_back(std::move(one));
  }
  object["losses"] = Json::array();
  for (const RepairLoss& loss : report.losses) object["losses"].push_back(JsonOf(loss));
  return object;
}

// "keyspace "cells", keys from 4 to 9, 3 rows, sequences 1 to 12".
std::string Extent(const RepairLoss& loss) {
  std::string text;
  const auto add = [&](const std::string& part) {
    if (!text.empty()) text += ", ";
    text += part;
  };
  if (!loss.keyspace.empty()) {
    add(fmt::format("keyspace \"{}\"", Shortened(loss.keyspace, kKeyColumns)));
    std::string keys = loss.first.key || loss.last.key ? "keys" : "any key";
    if (loss.first.key) {
      keys += loss.first.inclusive ? " from " : " behind ";
      keys += KeyText(loss.kind, *loss.first.key);
    }
    if (loss.last.key) {
      keys += loss.last.inclusive ? " to " : " before ";
      keys += KeyText(loss.kind, *loss.last.key);
    }
    add(keys);
  }
  if (loss.rows != 0) add(Counted(loss.rows, "row"));
  if (loss.first_sequence != 0 && loss.last_sequence != 0) {
    add(fmt::format("sequences {} to {}", loss.first_sequence, loss.last_sequence));
  } else if (loss.first_sequence != 0) {
    add(fmt::format("sequences from {}", loss.first_sequence));
  }
  if (loss.withheld != 0) add(Counted(loss.withheld, "older row") + " left out");
  if (loss.stale != 0) add(Counted(loss.stale, "row") + " that may be stale");
  return text;
}

void Say(const Request& request, const RepairReport& report, Output& output) {
  std::uint64_t rows = 0;
  for (const db::RepairedSpace& space : report.spaces) rows += space.rows;
  const std::string_view verdict =
      report.losses.empty() ? "all is salvaged" : "not all is salvaged";
  const std::string did = fmt::format(": {} in {}, up to sequence {}, into ", Counted(rows, "row"),
                                      Counted(report.spaces.size(), "keyspace"), report.sequence);
  const std::size_t taken = std::min(verdict.size() + did.size(), kColumns - kDirectoryColumns);
  output.Line(
      output.Coloured(report.losses.empty() ? Output::Colour::kGreen : Output::Colour::kYellow,
                      verdict) +
      did + Shortened(*request.out, kColumns - taken));
  const auto line = [&](std::string_view label, const std::string& text) {
    std::string out;
    AppendField(&out, 0, label, text);
    output.Write(out);
  };
  for (const db::RepairDamage& damage : report.damages) {
    // Most messages begin with the file's name.
    const bool named = damage.what.find(damage.file) != std::string::npos;
    line("damaged", Printable(named ? damage.what : damage.file + ": " + damage.what));
  }
  for (const RepairLoss& loss : report.losses) {
    line("lost", Printable(fmt::format("{} at offset {}: {}", loss.file, loss.offset, loss.what)));
    if (const std::string extent = Extent(loss); !extent.empty()) line("", extent);
  }
}

int Repair(const Request& request, Output& output) {
  if (!request.out) {
    return output.Fail(Status(StatusCode::kInvalidArgument, "give the new directory: --out NEW"));
  }
  const auto report = [&] {
    Task task(output, "salvaging", Unit::kRows);
    return db::Repair(request.db, *request.out, {.all = request.all, .progress = task.AsProgress()},
                      io::SystemEnv());
  }();
  if (!report.ok()) {
    const Status& status = report.status();
    if (status.code() == StatusCode::kCancelled) {
      return output.Interrupted(
          fmt::format("{0} is not made; {0}.tmp can be deleted", Printable(*request.out)));
    }
    if (status.code() == StatusCode::kAlreadyExists) {
      return output.No(status.code(),
                       fmt::format("{}; give a directory that is not there", status.message()));
    }
    return FailToOpen(status, request, output);
  }
  if (request.json) {
    output.Object(JsonOf(request, *report));
  } else {
    Say(request, *report, output);
  }
  const int code = output.Done();
  return code != kExitOk || report->losses.empty() ? code : kExitDamage;
}

}  // namespace

Verb RepairVerb() {
  Option out = TextOption("--out", "NEW", &Request::out, "Directory to make; must not exist");
  out.completes = Completes::kDirectory;
  return {.name = "repair",
          .summary = "Salvage a damaged database into a new one",
          .description =
              "Whatever is provably intact of DB, which is only read, becomes the database "
              "NEW; whatever is not is listed: file, offset, keyspace, keys, sequences. A key "
              "that no line lists is right. Where a newer value may be lost, the older "
              "one is left out too; commits behind one that is lost are left out. With "
              "--all these are given out, and listed as stale. The exit code is 3 if anything "
              "is listed as lost.",
          .group = Group::kUpkeep,
          .arguments = {DbArgument()},
          .options = {std::move(out), FlagOption("--all", &Request::all,
                                                 "Give out older values and later commits too")},
          .examples = {{"kyroctl repair cells --out rescued", "Salvage a database"}},
          .exits = {{kExitNo, "no: NEW exists already"},
                    {kExitInterrupted, "interrupted: NEW is not made"}},
          .run = &Repair};
}

}  // namespace kyro::kyroctl
