// SPDX-License-Identifier: Apache-2.0
//
// The input names one of a few small databases, replaces bytes of its files, cuts them, removes,
// renames and swaps them. The directory is opened read-only and read in every way, and opened for
// writing, written, folded and closed. Tried twice:
//
//   damaged  The bytes are rotten. Every answer is the one that was written or a typed error; of a
//            database that was not closed the answers are those after some commit (G3, G7, G12).
//   forged   Checksums are made right, and the manifest names the files as they are. Nothing reads
//            past a file, every error is typed, and what Verify passes is read the same in every
//            way (G9).
#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "base/coding.h"
#include "base/file_header.h"
#include "db/inspect.h"
#include "fuzz/directory_base.h"
#include "fuzz/fuzz.h"
#include "fuzz/seal.h"
#include "manifest/manifest.h"
#include "segment/format.h"
#include "support/test_env.h"

namespace kyro::fuzz {
namespace {

constexpr std::size_t kChangesMax = 6;
constexpr std::size_t kRowsMax = 2000;
constexpr std::size_t kLookupsMax = 12;

using db::AnySpace;
using db::AnyView;
using db::Rows;

// ---------------------------------------------------------------------------------- the bytes

Files::iterator Pick(Files* files, std::uint8_t which) {
  return std::next(files->begin(), which % files->size());
}

void ReplaceBytes(Input* input, std::string* file) {
  const std::uint8_t how = input->U8();
  if (file->empty()) return;
  // Formats have their heads in front and their feet at the end; records stand on sectors.
  const std::size_t bytes = file->size();
  std::size_t at = input->U16();
  const std::size_t area = bytes > segment::kHeaderAreaBytes ? segment::kHeaderAreaBytes : 0;
  switch (how % 5) {
    case 0:
      at = kFileHeaderBytes + at % 72;
      break;  // what is special to a kind of file
    case 1:
      at = bytes - 1 - at % std::min<std::size_t>(bytes, 256);
      break;
    case 2:
      at = at % (bytes / 512 + 1) * 512 + at / 512 % 80;
      break;
    case 3:
      at = area + at % (bytes - area);
      break;
    default:
      at %= bytes;
      break;
  }
  if (at >= bytes) return;
  const std::string_view with = input->Take(std::size_t{1} << (how / 5 % 4));
  const std::size_t count = std::min(with.size(), bytes - at);
  file->replace(at, count, with.substr(0, count));
}

void Change(Input* input, Files* files) {
  for (std::size_t n = 0; n < kChangesMax && !input->empty() && !files->empty(); ++n) {
    const std::uint8_t how = input->U8();
    const auto file = Pick(files, input->U8());
    switch (how % 16) {
      case 0:
        files->erase(file);
        break;
      case 1:
        file->second.resize(input->Below(file->second.size() + 1));
        break;
      case 2:
        file->second.resize(file->second.size() + input->U8(), static_cast<char>(how));
        break;
      case 3:
        std::swap(file->second, Pick(files, input->U8())->second);
        break;
      case 4: {  // under another number, or as a leftover
        std::string bytes = std::move(file->second);
        std::string name = file->first;
        name[name.size() / 2] = static_cast<char>('0' + input->U8() % 10);
        if (how >= 128) name += ".tmp";
        files->erase(file);
        files->insert_or_assign(std::move(name), std::move(bytes));
        break;
      }
      default:
        ReplaceBytes(input, &file->second);
        break;
    }
  }
}

std::optional<FileKind> KindOf(const std::string& name) {
  FileKind kind;
  std::uint64_t number = 0;
  if (!ParseFileName(name, &kind, &number)) return std::nullopt;
  return kind;
}

// The reference as the file fulfils it; a file that is not there is left as it was.
void Fulfil(Files* files, FileKind kind, FileRef* ref) {
  const auto it = files->find(FileName(kind, ref->id.number));
  if (!ref->id.exists() || it == files->end()) return;
  ref->bytes = it->second.size();
  ref->digest = DigestOfBlockFile(it->second);
}

void FulfilSegment(Files* files, SegmentRef* ref) {
  constexpr std::size_t kEntries = 136, kTombstones = 144, kSequences = 152, kCompanionDigest = 184;
  Fulfil(files, FileKind::kKeys, &ref->keys);
  Fulfil(files, FileKind::kData, &ref->data);
  const auto keys = files->find(FileName(FileKind::kKeys, ref->keys.id.number));
  if (keys != files->end() && keys->second.size() >= segment::kBlockFileBytesMin) {
    const char* const head = keys->second.data();
    ref->entries = LoadLE<std::uint64_t>(head + kEntries);
    ref->tombstones = LoadLE<std::uint64_t>(head + kTombstones);
    ref->min_sequence = LoadLE<std::uint64_t>(head + kSequences);
    ref->max_sequence = LoadLE<std::uint64_t>(head + kSequences + 8);
  }
  const auto model = files->find(FileName(FileKind::kModel, ref->model.id.number));
  if (model != files->end() && model->second.size() >= segment::kBlockFileBytesMin) {
    StoreLE(model->second.data() + kCompanionDigest, ref->keys.digest);  // bound to its keys
    SealBlockFile(&model->second);
  }
  Fulfil(files, FileKind::kModel, &ref->model);
}

void Forge(Files* files) {
  for (auto& [name, bytes] : *files) {
    const auto kind = KindOf(name);
    if (name == manifest::kManifestName) {
      SealManifest(&bytes);
    } else if (kind == FileKind::kWal) {
      SealLog(&bytes);
    } else if (kind) {
      SealBlockFile(&bytes);
    }
  }
  const auto at = files->find(std::string(manifest::kManifestName));
  if (at == files->end()) return;
  auto decoded = manifest::DecodeManifest(at->second, manifest::kManifestName);
  if (!decoded.ok()) return;
  for (manifest::KeyspaceRef& keyspace : decoded->keyspaces) {
    for (RunRef& run : keyspace.runs) {
      for (SegmentRef& ref : run.segments) FulfilSegment(files, &ref);
    }
  }
  const auto header = DecodeFileHeader(at->second, FileKind::kManifest, manifest::kManifestName);
  if (header.ok()) at->second = manifest::EncodeManifest(*decoded, header->file);
}

// ---------------------------------------------------------------------------------- reading

struct World {
  explicit World(const Files& files) {
    env.fs().StopJournal();
    KYRO_REQUIRE(env.fs().OpenDirectory("/db", true).ok(), "no directory");
    for (const auto& [name, bytes] : files) {
      const Status status = env.fs().ReplaceFile("/db/" + name, bytes);
      KYRO_REQUIRE(status.ok(), status.ToString());
    }
  }
  Result<Db> Open(bool read_only, Access access) {
    Options options = DirectoryOptions();
    options.create_if_missing = false;
    options.read_only = read_only;
    options.access = access;
    return db::Door::Open("/db", options, env.env());
  }
  support::TestEnv env;
};

void RequireTypedOrOk(const Status& status) {
  if (!status.ok()) RequireTyped(status);
}

// The rows of the view both ways, as far as there is no error.
Status Walk(const AnyView& view, Rows* rows) {
  const Status scanned = view.Scan({}, {}, rows);
  RequireTypedOrOk(scanned);
  const auto it = view.NewIterator();
  Rows back;
  for (it->SeekToLast(); it->Valid() && back.size() < kRowsMax; it->Prev()) {
    back.emplace_back(it->key(), it->value());
  }
  RequireTypedOrOk(it->status());
  if (!scanned.ok() || !it->status().ok()) return scanned.ok() ? it->status() : scanned;
  std::reverse(back.begin(), back.end());
  if (rows->size() <= kRowsMax && back != *rows)
    return Status(StatusCode::kDataLoss, "two ways, two answers");
  return Status::Ok();
}

// Some keys that were written at some time, and some that never were.
std::vector<std::string> SomeKeys(const BuiltDatabase& built, std::size_t space) {
  std::vector<std::string> keys;
  const db::Map& rows = built.history.rbegin()->second[space];
  const std::size_t step = rows.size() / kLookupsMax + 1;
  std::size_t i = 0;
  for (const auto& [key, value] : rows) {
    if (i++ % step == 0) keys.push_back(key);
  }
  keys.push_back(space == 0 ? db::U64Key(0) : "word 0");  // deleted in some
  keys.push_back(space == 0 ? db::U64Key(~std::uint64_t{0}) : "");
  return keys;
}

void RequireAnswer(const db::Map& want, const std::string& key, bool present,
                   std::string_view value) {
  const auto row = want.find(key);
  KYRO_REQUIRE(present == (row != want.end()), "there or not");
  if (present) KYRO_REQUIRE(value == row->second, "another value");
}

// Every lookup is what `want` says, or fails. Whether none failed.
bool CheckLookups(const AnySpace& space, const AnyView& view, const std::vector<std::string>& keys,
                  const db::Map* want) {
  bool sound = true;
  std::vector<Lookup> lookups;
  RequireTypedOrOk(view.MultiGet(keys, &lookups));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::string value;
    const Status status = space.Get(keys[i], &value);
    const Lookup lookup = view.Get(keys[i]);
    if (!status.ok() && status.code() != StatusCode::kNotFound) RequireTyped(status);
    if (lookup.failed()) RequireTyped(lookup.status());
    sound = sound && !lookup.failed() && !lookups[i].failed() &&
            (status.ok() || status.code() == StatusCode::kNotFound);
    if (want == nullptr) continue;
    if (status.ok() || status.code() == StatusCode::kNotFound) {
      RequireAnswer(*want, keys[i], status.ok(), value);
    }
    if (!lookup.failed()) RequireAnswer(*want, keys[i], lookup.present(), lookup.value());
    if (!lookups[i].failed()) {
      RequireAnswer(*want, keys[i], lookups[i].present(), lookups[i].value());
    }
  }
  return sound;
}

template <class K>
void Explain(const Db& db, std::uint32_t id, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    if constexpr (std::is_same_v<K, U64>) {
      RequireTypedOrOk(db::Door::Explain<K>(db, id, db::U64Of(key)).status());
    } else {
      RequireTypedOrOk(db::Door::Explain<K>(db, id, key).status());
    }
  }
  RequireTypedOrOk(db::Door::VisitRows<K>(db, id, [](const db::RowBatch<K>&) {}));
}

class Reading {
 public:
  // `want`: what each keyspace holds, if the bytes are not forged.
  Reading(const BuiltDatabase& built, Db* db, const Contents* want)
      : built_(built), db_(*db), want_(want) {}

  void Run() {
    const auto list = db_.ListKeyspaces();
    RequireTypedOrOk(list.status());
    if (!list.ok()) return;
    for (const KeyspaceInfo& info : *list) {
      for (std::size_t space = 0; space < kSpaces; ++space) {
        if (info.name == kSpaceNames[space] && info.kind == kSpaceKinds[space]) Check(space, info);
      }
    }
    RequireTypedOrOk(db::Door::Inspect(db_).status());
    const Status verified = db_.Verify();
    RequireTypedOrOk(verified);
    if (verified.ok()) KYRO_REQUIRE(sound_, "verified, but not read the same in every way");
  }

 private:
  void Check(std::size_t space, const KeyspaceInfo& info) {
    const auto opened = db::OpenSpace(&db_, info.name, info.kind);
    if (!opened.ok()) return RequireTyped(opened.status());
    const auto view = (*opened)->view();
    if (!view.ok()) return RequireTyped(view.status());
    Rows rows;
    const Status walked = Walk(**view, &rows);
    sound_ = sound_ && walked.ok();
    const std::vector<std::string> keys = SomeKeys(built_, space);
    const db::Map found(rows.begin(), rows.end());
    const db::Map* want = want_ != nullptr ? &(*want_)[space] : nullptr;
    if (want != nullptr) {
      KYRO_REQUIRE(!walked.ok() || found == *want, "a scan shows another keyspace");
      KYRO_REQUIRE(walked.message() != "two ways, two answers", walked.message());
    }
    sound_ = CheckLookups(**opened, **view, keys, want) && sound_;
    // Of forged bytes the scan is as good as the lookups, where Verify passes.
    if (want == nullptr && walked.ok() && db_.Verify().ok()) {
      CheckLookups(**opened, **view, keys, &found);
    }
    info.kind == KeyKind::kU64 ? Explain<U64>(db_, info.id, keys)
                               : Explain<Bytes>(db_, info.id, keys);
  }

  const BuiltDatabase& built_;
  Db& db_;
  const Contents* const want_;
  bool sound_ = true;
};

// The state after the newest commit that was found.
const Contents* Known(const BuiltDatabase& built, const Db& db) {
  const Sequence visible = db.stats().visible;
  const auto state = built.history.find(visible);
  KYRO_REQUIRE(state != built.history.end(), "sequence " + std::to_string(visible));
  const bool newest = visible == built.history.rbegin()->first;
  KYRO_REQUIRE(newest || !built.clean, "a closed database went back");
  return &state->second;
}

void CheckReadOnly(const BuiltDatabase& built, const Files& files, Access access, bool forged) {
  World world(files);
  auto db = world.Open(/*read_only=*/true, access);
  if (!db.ok()) {
    KYRO_REQUIRE(files != built.files, db.status().ToString());
    return RequireTyped(db.status());
  }
  Reading(built, &*db, forged ? nullptr : Known(built, *db)).Run();
  const Stats stats = db->stats();
  KYRO_REQUIRE(forged || stats.model_fallbacks == 0, "a fallback hides a model's error");
  RequireTypedOrOk(db->Close());
}

// Recovers, writes, merges what it is given, and leaves something that can be opened again.
void CheckWriting(const BuiltDatabase& built, const Files& files, Access access, bool forged) {
  World world(files);
  auto db = world.Open(/*read_only=*/false, access);
  if (!db.ok()) return RequireTyped(db.status());
  std::optional<Contents> want;
  if (!forged) want = *Known(built, *db);
  bool wrote = true;
  for (std::size_t space = 0; space < kSpaces; ++space) {
    auto opened = db::OpenSpace(&*db, kSpaceNames[space], kSpaceKinds[space]);
    if (!opened.ok()) {
      KYRO_REQUIRE(forged && opened.status().code() == StatusCode::kKeyspaceMismatch,
                   opened.status().ToString());
      wrote = false;
      continue;
    }
    const std::string key = space == 0 ? db::U64Key(42) : "new";
    const Status status = (*opened)->Put(key, "value", {});
    KYRO_REQUIRE(status.ok(), status.ToString());
    if (want) (*want)[space][key] = "value";
  }
  RequireTypedOrOk(db->Fold());
  RequireTypedOrOk(db->RebuildIndex());
  Reading(built, &*db, want ? &*want : nullptr).Run();
  RequireTypedOrOk(db->Close());
  auto again = world.Open(/*read_only=*/true, access);
  if (!again.ok()) {
    KYRO_REQUIRE(forged || !wrote, again.status().ToString());
    return RequireTyped(again.status());
  }
  Reading(built, &*again, want ? &*want : nullptr).Run();
}

}  // namespace
}  // namespace kyro::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kyro::fuzz;  // NOLINT
  Input input(data, size);
  const std::uint8_t how = input.U8();
  const auto& all = Databases();
  const BuiltDatabase& built = all[how % all.size()];
  const kyro::Access access = (how & 64) != 0 ? kyro::Access::kCopy : kyro::Access::kMap;
  const bool writing = (how & 128) != 0;
  Files files = built.files;
  Change(&input, &files);
  const auto check = writing ? &CheckWriting : &CheckReadOnly;
  check(built, files, access, /*forged=*/false);
  if (files == built.files) return 0;
  Forge(&files);
  check(built, files, access, /*forged=*/true);
  return 0;
}
