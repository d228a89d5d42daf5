// SPDX-License-Identifier: Apache-2.0
//
// How a Program calls, judges what came of it, mends and compares. Its steps are in
// program_steps.cc.
#include "proofs/fault/program.h"

#include <algorithm>
#include <utility>

#include "base/status_util.h"

namespace kyro::proofs {
namespace {

bool IsNumber(std::size_t space) {
  return db::FourSpaces()[space].kind == KeyKind::kU64;
}

// What a fault may make a call return.
bool IsTypedFault(StatusCode code) {
  switch (code) {
    case StatusCode::kIoError:
    case StatusCode::kNoSpace:
    case StatusCode::kResourceExhausted:
    case StatusCode::kUnknownOutcome:
    case StatusCode::kReadOnly:
    case StatusCode::kBusy:
      return true;
    default:
      return false;
  }
}

// A log that cannot be read is damage, whatever the reason; nothing is decided without it.
bool IsUnreadable(const Status& status) {
  return status.code() == StatusCode::kDataLoss && status.file().ends_with(".wal") &&
         status.message().find("cannot be read") != std::string_view::npos;
}

// What was in doubt before a Resume that succeeds is decided after it, as what was read meanwhile.
bool ResumeSettles(StallReason stall) {
  return stall == StallReason::kLogFailed || stall == StallReason::kReadOnly;
}

}  // namespace

Program::Program(World* world, Scale scale, std::uint64_t choose,
                 std::function<void(const std::string&)> wrong)
    : world_(world),
      scale_(scale),
      choose_(choose),
      wrong_(std::move(wrong)),
      options_(db::TinyOptions()) {
  options_.delta_bytes = options_.wal_file_bytes = options_.segment_bytes = 4096;
  options_.write_stall_max = std::chrono::milliseconds(5);
}

Program::~Program() {
  Drop();
}

std::size_t Program::step_count() {
  return Steps().size();
}
std::string_view Program::step_name(std::size_t step) {
  return Steps()[step].name;
}

void Program::Step(std::size_t step) {
  step_ = step;
  Note(step_name(step));
  (this->*Steps()[step].run)();
  Compare();
}

void Program::Wrong(const std::string& what) {
  wrong_("in step " + std::to_string(step_) + " (" + std::string(step_name(step_)) + "): " + what);
}

void Program::Note(std::string_view text) {
  for (const char byte : text) {
    digest_ = (digest_ ^ static_cast<unsigned char>(byte)) * 1099511628211u;
  }
}

bool Program::Judge(std::string_view call, const Status& status) {
  Note(StatusCodeName(status.code()));
  if (status.ok()) return true;
  ++errors_;
  if (status.code() == StatusCode::kUnknownOutcome) ++unknown_;
  const std::string text = std::string(call) + ": " + status.ToString();
  if (options_.read_only && status.code() == StatusCode::kNotFound && world_->Troubled()) {
    return false;  // nothing was made yet
  }
  if (!world_->Troubled()) {
    Wrong("an error without a fault: " + text);
  } else if (!IsTypedFault(status.code()) && !IsUnreadable(status)) {
    Wrong("an error that no fault explains: " + text);
  } else if (world_->NamesFiles() && status.code() != StatusCode::kBusy &&
             (status.message().empty() ||
              (status.code() != StatusCode::kReadOnly && status.file().empty()))) {
    Wrong("an error that names no file: " + text);
  }
  return false;
}

// ---------------------------------------------------------------------------------- opening

Status Program::Open() {
  const std::string path = world_->path("db");
  const io::Env env = world_->env();
  const bool clean = std::exchange(clean_, false);
  Result<Db> db = Call([&] { return db::Door::Open(path, options_, env); });
  if (!Judge("Open", db.status())) return std::move(db).status();
  db_.emplace(*std::move(db));
  // Where memory runs out, what stats() says may lack something.
  if (clean && world_->NamesFiles() && !GetStats().was_clean) Wrong("not clean after a Close");
  Do([&] { closed_.reset(); });
  adopted_ = sync_failed_ = false;
  KYRO_RETURN_IF_ERROR(OpenSpaces());
  return Adopt();
}

Status Program::Adopt() {
  if (adopted_) return Status::Ok();
  db::State found;
  const Status read = ReadAll(&found);
  if (!read.ok() && !world_->ReadsMayFail()) Wrong("a read fails: " + read.ToString());
  if (!Judge("read", read)) return read;
  adopted_ = true;
  const std::string wrong = oracle_.Reopened(found, Writing());
  if (!wrong.empty()) Wrong("after opening: " + wrong);
  return Status::Ok();
}

Status Program::OpenSpaces() {
  Status first;
  for (std::size_t i = 0; i < db::FourSpaces().size(); ++i) {
    const std::string& name = db::FourSpaces()[i].name;
    if (IsNumber(i) && !numbers_[i / 2].has_value()) {
      auto space = Call([&] { return db_->OpenKeyspace<U64>(name); });
      if (Judge("OpenKeyspace", space.status())) numbers_[i / 2] = *std::move(space);
      if (first.ok()) first = std::move(space).status();
    } else if (!IsNumber(i) && !words_[i / 2].has_value()) {
      auto space = Call([&] { return db_->OpenKeyspace<Bytes>(name); });
      if (Judge("OpenKeyspace", space.status())) words_[i / 2] = *std::move(space);
      if (first.ok()) first = std::move(space).status();
    }
  }
  return first;
}

bool Program::Ready() {
  if (!db_.has_value()) return Open().ok();
  return OpenSpaces().ok() && Adopt().ok();
}

// Not read-only, be it as asked for or for want of space.
bool Program::Writing() {
  return !options_.read_only && GetStats().stall != StallReason::kReadOnly;
}

Stats Program::GetStats() {
  Stats stats;
  Do([&] { stats = db_->stats(); });
  return stats;
}

void Program::Drop() {
  Do([&] {
    for (auto& space : numbers_) space.reset();
    for (auto& space : words_) space.reset();
    db_.reset();
    closed_.reset();
  });
}

void Program::CheckCrash(const io::Env& env, bool power_cut, const std::string& what) {
  Result<Db> db = db::Door::Open("/db", options_, env);
  if (!db.ok()) return Wrong(what + ": Open: " + db.status().ToString());
  const Result<db::State> found = db::ReadAll(&*db);
  if (!found.ok()) return Wrong(what + ": a read fails: " + found.status().ToString());
  if (const std::string wrong = oracle_.Left(*found, power_cut); !wrong.empty()) {
    return Wrong(what + ": " + wrong);
  }
  if (const Status verified = db->Verify(); !verified.ok()) {
    return Wrong(what + ": Verify: " + verified.ToString());
  }
  if (!db->stats().unknown_files.empty()) {
    Wrong(what + ": left " + db->stats().unknown_files[0]);
  }
  CheckCopy(env, what);
}

void Program::CheckCopy(const io::Env& env, const std::string& what) {
  if (!copied_.has_value()) return;
  Options options = options_;
  options.create_if_missing = false;
  Result<Db> db = db::Door::Open("/copy", options, env);
  if (!db.ok() && db.status().code() == StatusCode::kNotFound && !copy_made_) return;
  if (!db.ok()) return Wrong(what + ": the checkpoint: Open: " + db.status().ToString());
  const Result<db::State> found = db::ReadAll(&*db);
  if (!found.ok()) return Wrong(what + ": the checkpoint: " + found.status().ToString());
  if (const std::string wrong = db::Difference(*found, *copied_); !wrong.empty()) {
    Wrong(what + ": the checkpoint: " + wrong);
  }
}

void Program::Close() {
  if (!db_.has_value()) return;
  const bool writing = Writing();
  const Status background = GetStats().background_error;
  const Status closed = Call([&] { return db_->Close(); });
  // Close tells the last error in the background too, of however long ago: that is no failure of
  // it.
  const bool told =
      !world_->Troubled() && !background.ok() && closed.ToString() == background.ToString();
  const bool good = told || Judge("Close", closed);
  if (good && writing) oracle_.Synced();
  clean_ = good && writing;
  // Closed it is in any case: the handle lives on beside the next one.
  closed_ = std::move(db_);
  db_.reset();
  for (auto& space : numbers_) space.reset();
  for (auto& space : words_) space.reset();
}

// What a program does that finds its database read-only, or just after an unknown outcome.
Status Program::Mend() {
  const StallReason stall = GetStats().stall;
  const bool log_failed = stall == StallReason::kLogFailed;
  if (!log_failed && stall != StallReason::kReadOnly && !oracle_.in_doubt()) return Status::Ok();
  if (choose_ % 2 == 0 || stall == StallReason::kReadOnly) {
    const Status resumed = Call([&] { return db_->Resume(); });
    if (Judge("Resume", resumed)) {
      sync_failed_ = false;
      if (ResumeSettles(stall)) oracle_.Resumed();
      if (!oracle_.in_doubt()) return Status::Ok();
    } else if (resumed.code() != StatusCode::kReadOnly) {
      return resumed;
    }
  }
  Close();
  return Open();
}

void Program::CheckNotFailed() {
  if (!db_.has_value() || oracle_.in_doubt() || sync_failed_) return;
  if (GetStats().stall == StallReason::kLogFailed) Wrong("the log is failed, and nothing in doubt");
}

void Program::Heal(bool may_open_again) {
  Note("heal");
  (void)world_->executor().Advance(std::chrono::seconds(1));
  if (!Ready()) return Wrong("cannot be opened without faults");
  const StallReason stall = GetStats().stall;
  const Status resumed = Call([&] { return db_->Resume(); });
  if (resumed.ok() && ResumeSettles(stall)) oracle_.Resumed();
  if (!resumed.ok()) {
    // Only after a failed sync of the directory does nothing but opening again help.
    if (resumed.code() != StatusCode::kReadOnly || !may_open_again) {
      return Wrong("cannot be resumed: " + resumed.ToString());
    }
    Close();
    if (!Open().ok()) return Wrong("cannot be opened again");
  }
  const std::uint64_t before = errors_;
  for (const Op& op : Rows(7000, 1, 30)) Write({op});
  Write(Rows(7001, 1, 30));
  (void)Judge("Flush", Call([&] { return db::Door::Flush(*db_); }));
  (void)Judge("upkeep", Call([&] { return db::Door::WaitForUpkeep(*db_); }));
  (void)Judge("Verify", Call([&] { return db_->Verify(); }));
  (void)Judge("Fold", Call([&] { return db_->Fold(); }));
  if (errors_ != before) return Wrong("calls fail without faults");
  Compare();
  const Stats stats = GetStats();
  if (stats.model_fallbacks != 0 || stats.blocks_bad != 0) Wrong("fallbacks or bad blocks");
  if (stats.unread_errors != 0) Wrong("errors that nobody read");
}

// ---------------------------------------------------------------------------------- writing

Status Program::WriteOnce(const db::Batch& batch, const WriteOptions& options) {
  const auto number = [&](const Op& op) -> Keyspace<U64>& { return *numbers_[op.space / 2]; };
  const auto word = [&](const Op& op) -> Keyspace<Bytes>& { return *words_[op.space / 2]; };
  if (batch.size() == 1) {
    const Op& op = batch[0];
    return Call([&] {
      if (IsNumber(op.space)) {
        const std::uint64_t key = db::U64Of(op.key);
        return op.put ? number(op).Put(key, op.value, options) : number(op).Delete(key, options);
      }
      return op.put ? word(op).Put(op.key, op.value, options) : word(op).Delete(op.key, options);
    });
  }
  return Call([&]() -> Status {
    WriteBatch write;
    for (const Op& op : batch) {
      if (IsNumber(op.space)) {
        const std::uint64_t key = db::U64Of(op.key);
        op.put ? write.Put(number(op), key, op.value) : write.Delete(number(op), key);
      } else {
        op.put ? write.Put(word(op), op.key, op.value) : write.Delete(word(op), op.key);
      }
    }
    return db_->Write(write, options).status();
  });
}

void Program::Write(const db::Batch& batch, std::optional<Durability> durability) {
  if (!Ready()) return;
  WriteOptions options;
  options.durability = durability;
  const bool durable = durability.value_or(options_.durability) == Durability::kSync;
  const Status status = WriteOnce(batch, options);
  if (Judge("Write", status)) return oracle_.Commit(batch, durable);
  if (status.code() == StatusCode::kUnknownOutcome) oracle_.Doubt(batch);
  if (db_.has_value()) (void)Mend();
}

// ---------------------------------------------------------------------------------- reading

std::string KeyText(std::uint64_t key) {
  return db::U64Key(key);
}
std::string KeyText(std::string_view key) {
  return std::string(key);
}

template <class K>
Status Program::ReadSpace(Keyspace<K>* space, const ReadPoint& point, db::Map* rows) {
  auto view = Call([&] { return space->view(point); });
  KYRO_RETURN_IF_ERROR(view.status());
  auto it = Call([&]() -> Result<Iterator<K>> { return view->NewIterator(); });
  Do([&] { it->SeekToFirst(); });
  while (it->Valid()) {
    rows->emplace_hint(rows->end(), KeyText(it->key()), std::string(it->value()));
    Do([&] { it->Next(); });
  }
  Status status = it->status();
  Do([&] { view = Status(StatusCode::kAborted), it = Status(StatusCode::kAborted); });
  return status;
}

Status Program::ReadAll(db::State* found) {
  found->assign(db::FourSpaces().size(), {});
  auto point = Call([&] { return db_->read_point(); });
  KYRO_RETURN_IF_ERROR(point.status());
  for (std::size_t i = 0; i < found->size(); ++i) {
    db::Map* const rows = &(*found)[i];
    if (IsNumber(i) && numbers_[i / 2].has_value()) {
      KYRO_RETURN_IF_ERROR(ReadSpace(&*numbers_[i / 2], *point, rows));
    } else if (!IsNumber(i) && words_[i / 2].has_value()) {
      KYRO_RETURN_IF_ERROR(ReadSpace(&*words_[i / 2], *point, rows));
    }
  }
  return Status::Ok();
}

void Program::Compare() {
  if (!db_.has_value() || !adopted_) return;
  db::State found;
  const Status status = ReadAll(&found);
  if (!status.ok() && world_->ReadsMayFail()) {
    (void)Judge("read", status);
    return;
  }
  if (!status.ok()) return Wrong("a read fails: " + status.ToString());
  for (const db::Map& rows : found) {
    for (const auto& [key, value] : rows) Note(key), Note(value);
  }
  if (const std::string wrong = db::Difference(found, oracle_.now()); !wrong.empty()) Wrong(wrong);
}

}  // namespace kyro::proofs
