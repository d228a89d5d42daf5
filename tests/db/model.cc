// SPDX-License-Identifier: Apache-2.0
#include "db/model.h"

#include <algorithm>

#include "base/status_util.h"

namespace kyro::db {

const std::vector<SpaceSpec>& FourSpaces() {
  static const std::vector<SpaceSpec> spaces = {{"default", KeyKind::kU64},
                                                {"words", KeyKind::kBytes},
                                                {"cells", KeyKind::kU64},
                                                {"paths", KeyKind::kBytes}};
  return spaces;
}

void Apply(const Batch& batch, State* state) {
  for (const Op& op : batch) {
    Map& map = (*state)[op.space];
    if (op.put) {
      map[op.key] = op.value;
    } else {
      map.erase(op.key);
    }
  }
}

std::string Shown(const std::string& bytes) {
  std::string shown;
  for (const unsigned char byte : bytes.substr(0, 24)) {
    if (byte >= 0x20 && byte < 0x7f) {
      shown += static_cast<char>(byte);
    } else {
      constexpr char kDigits[] = "0123456789abcdef";
      shown += std::string("\\x") + kDigits[byte >> 4] + kDigits[byte & 15];
    }
  }
  return "\"" + shown + (bytes.size() > 24 ? "\"... of " + std::to_string(bytes.size()) : "\"");
}

namespace {

std::string RowText(const Map& map, Map::const_iterator at) {
  return at == map.end() ? "the end" : Shown(at->first) + " = " + Shown(at->second);
}

}  // namespace

std::string Difference(const Map& found, const Map& want) {
  const auto [a, b] = std::mismatch(found.begin(), found.end(), want.begin(), want.end());
  if (a == found.end() && b == want.end()) return "";
  return "found " + RowText(found, a) + ", want " + RowText(want, b) + " (" +
         std::to_string(found.size()) + " rows, want " + std::to_string(want.size()) + ")";
}

std::string Difference(const State& found, const State& want) {
  for (std::size_t i = 0; i < want.size(); ++i) {
    const std::string difference = Difference(found[i], want[i]);
    if (!difference.empty()) return FourSpaces()[i].name + ": " + difference;
  }
  return "";
}

Result<State> ReadAll(Db* db) {
  State state(FourSpaces().size());
  KYRO_ASSIGN_OR_RETURN(const auto list, db->ListKeyspaces());
  KYRO_ASSIGN_OR_RETURN(const ReadPoint point, db->read_point());
  for (std::size_t i = 0; i < state.size(); ++i) {
    const SpaceSpec& spec = FourSpaces()[i];
    const bool there = std::any_of(
        list.begin(), list.end(), [&](const KeyspaceInfo& info) { return info.name == spec.name; });
    if (!there) continue;
    KYRO_ASSIGN_OR_RETURN(const auto space, OpenSpace(db, spec.name, spec.kind));
    KYRO_ASSIGN_OR_RETURN(const auto view, space->view(point));
    Rows rows;
    KYRO_RETURN_IF_ERROR(view->Scan({}, {}, &rows));
    for (auto& [key, value] : rows) state[i].emplace_hint(state[i].end(), key, std::move(value));
    if (state[i].size() != rows.size()) {
      return Error(StatusCode::kInternal, "{}: a scan returned a key twice", spec.name);
    }
  }
  return state;
}

Status OpenDb::OpenSpaces() {
  for (const SpaceSpec& spec : FourSpaces()) {
    KYRO_ASSIGN_OR_RETURN(auto space, OpenSpace(&db, spec.name, spec.kind));
    spaces.push_back(std::move(space));
  }
  return Status::Ok();
}

Result<Sequence> OpenDb::Write(const Batch& batch, const WriteOptions& options) {
  WriteBatch write;
  for (const Op& op : batch) {
    if (op.put) {
      spaces[op.space]->BatchPut(&write, op.key, op.value);
    } else {
      spaces[op.space]->BatchDelete(&write, op.key);
    }
  }
  return db.Write(write, options);
}

Result<std::unique_ptr<OpenDb>> OpenFour(const Options& options, const io::Env& env) {
  KYRO_ASSIGN_OR_RETURN(Db db, Door::Open("/db", options, env));
  auto open = std::make_unique<OpenDb>(std::move(db));
  KYRO_RETURN_IF_ERROR(open->OpenSpaces());
  return open;
}

Options TinyOptions() {
  Options options;
  options.delta_bytes = 8 << 10;
  options.wal_file_bytes = 8 << 10;
  options.batch_bytes_max = 64 << 10;
  options.segment_bytes = 4 << 10;
  return options;
}

}  // namespace kyro::db
