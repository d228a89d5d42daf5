// SPDX-License-Identifier: Apache-2.0
//
// Open: directory, lock, manifest, segments, log; recovery; threads last.
#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "db/core.h"

namespace kyro::db {
namespace {

constexpr std::string_view kLockName = "LOCK";
// Between two looks at readers that are still inside a call.
constexpr std::chrono::microseconds kReclaimPause{50};

Status CheckSize(std::string_view name, std::uint64_t value, std::uint64_t max) {
  if (value >= kSizeMin && value <= max) return Status::Ok();
  return Error(StatusCode::kInvalidArgument, "Options::{} is {}, want {} to {}", name, value,
               kSizeMin, max);
}

Status CheckOptions(const Options& options) {
  constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
  KYRO_RETURN_IF_ERROR(CheckSize("delta_bytes", options.delta_bytes, 64 * kGiB));
  KYRO_RETURN_IF_ERROR(CheckSize("wal_file_bytes", options.wal_file_bytes, 64 * kGiB));
  KYRO_RETURN_IF_ERROR(CheckSize("batch_bytes_max", options.batch_bytes_max, kGiB));
  KYRO_RETURN_IF_ERROR(CheckSize("segment_bytes", options.segment_bytes, 2 * kGiB));
  if (options.sync_interval.count() < 1) {
    return Error(StatusCode::kInvalidArgument, "Options::sync_interval is {} ms, want at least 1",
                 options.sync_interval.count());
  }
  if (options.write_stall_max.count() < 0) {
    return Error(StatusCode::kInvalidArgument, "Options::write_stall_max is negative");
  }
  if (!(options.merge_fraction >= 0.01 && options.merge_fraction <= 1.0)) {
    return Error(StatusCode::kInvalidArgument, "Options::merge_fraction is {}, want 0.01 to 1",
                 options.merge_fraction);
  }
  return Status::Ok();
}

// The files of a database without the manifest that would make them one.
Status CheckNoStrayFiles(const io::Directory& directory) {
  KYRO_ASSIGN_OR_RETURN(const auto entries, directory.List());
  for (const io::DirectoryEntry& entry : entries) {
    if (!ParseFileName(entry.name, nullptr, nullptr)) continue;
    return FileError(StatusCode::kDataLoss, manifest::kManifestName, Status::kNoOffset,
                     "missing, but {} is there", entry.name);
  }
  return Status::Ok();
}

// Counts from 1.
std::uint64_t NextCoreId() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

Core::Core(const io::Env& env, const Options& options)
    : id_(NextCoreId()), env_(env), options_(options), fork_word_(io::ForkWord()) {}

Result<std::shared_ptr<Core>> Core::Open(const std::string& path, const Options& options,
                                         const io::Env& env) {
  KYRO_RETURN_IF_ERROR(CheckOptions(options));
  std::shared_ptr<Core> core(new Core(env, options));
  KYRO_RETURN_IF_ERROR(core->OpenDirectory(path));
  manifest::LoadedManifest loaded;
  KYRO_RETURN_IF_ERROR(core->LoadOrCreateManifest(&loaded));
  core->BuildReaders();
  core->BuildUpkeep(loaded);
  KYRO_RETURN_IF_ERROR(core->Recover());
  if (core->CheckWritable().ok()) KYRO_RETURN_IF_ERROR(core->StartThreads(core->recovered_));
  return core;
}

Status Core::OpenDirectory(const std::string& path) {
  const bool create = options_.create_if_missing && !options_.read_only;
  KYRO_ASSIGN_OR_RETURN(directory_, env_.fs->OpenDirectory(path, create));
  if (!create) {
    // Do not leave a LOCK in a directory that is no database.
    if (auto bytes = directory_->FileBytes(manifest::kManifestName); !bytes.ok()) {
      if (bytes.status().code() == StatusCode::kNotFound) {
        KYRO_RETURN_IF_ERROR(CheckNoStrayFiles(*directory_));
      }
      return std::move(bytes).status();
    }
  }
  KYRO_ASSIGN_OR_RETURN(lock_, directory_->Lock(kLockName, options_.read_only));
  return Status::Ok();
}

Status Core::LoadOrCreateManifest(manifest::LoadedManifest* loaded) {
  Result<manifest::LoadedManifest> found = manifest::LoadManifest(*directory_);
  if (found.ok()) {
    if (options_.error_if_exists) {
      return Status(StatusCode::kAlreadyExists, "the database exists");
    }
    *loaded = *std::move(found);
    return Status::Ok();
  }
  if (found.status().code() != StatusCode::kNotFound) return std::move(found).status();
  KYRO_RETURN_IF_ERROR(CheckNoStrayFiles(*directory_));
  if (options_.read_only || !options_.create_if_missing) return Status::NotFound();

  manifest::Manifest& manifest = loaded->manifest;
  KYRO_ASSIGN_OR_RETURN(manifest.database, env_.random->NewUuid());
  KYRO_ASSIGN_OR_RETURN(const Uuid file, env_.random->NewUuid());
  manifest.generation = 1;
  manifest.clean = true;
  const manifest::Installed installed = manifest::InstallManifest(directory_.get(), manifest, file);
  loaded->mark = installed.mark;
  return installed.status;
}

void Core::BuildReaders() {
  std::function<std::uint64_t()> nanos;
  if (options_.latency_histograms) {
    nanos = [clock = env_.clock] { return clock->MonotonicNanos(); };
  }
  shared_ = std::make_shared<read::Shared>(std::move(nanos), fork_word_);
  const auto wake = [this] {
    if (upkeep_ != nullptr) upkeep_->MaintainSoon();
  };
  reclaimer_ = std::make_shared<read::Reclaimer>(wake, fork_word_);
  states_ = std::make_unique<read::StateHolder>(
      shared_, reclaimer_, [clock = env_.clock] { clock->Sleep(kReclaimPause); });
}

void Core::BuildUpkeep(const manifest::LoadedManifest& loaded) {
  upkeep::InstallContext context;
  context.env = env_;
  context.directory = directory_.get();
  context.access = options_.access;
  context.states = states_.get();
  context.durable = [this] { return KYRO_PLANTED(kRuleWBroken) ? visible() : Durable(); };
  installer_ =
      std::make_unique<upkeep::Installer>(std::move(context), loaded.manifest, loaded.mark);
  upkeep::UpkeepOptions options;
  options.segment_bytes = options_.segment_bytes;
  options.merge_fraction = options_.merge_fraction;
  options.latency_histograms = options_.latency_histograms;
  options.on_event = options_.on_event;
  upkeep_ = std::make_unique<upkeep::Upkeep>(env_, directory_.get(), options, installer_.get(),
                                             states_.get());
}

// ---------------------------------------------------------------------------------- recovery

Status Core::Recover() {
  const manifest::Manifest manifest = installer_->manifest();
  const ManifestMark mark = installer_->mark();
  // Every named file is opened and checked, and the log is read to its end, before anything on
  // disk changes.
  KYRO_RETURN_IF_ERROR(installer_->PublishInitial(nullptr));
  KYRO_ASSIGN_OR_RETURN(recovered_.chain,
                        wal::ScanChain(*directory_, ChainStartOf(manifest, mark)));
  const std::size_t budget = options_.delta_bytes;
  const ReplayOptions in_memory{.budget_bytes = budget, .progress = options_.open_progress};
  const bool clean = recovered_.chain.clean || KYRO_PLANTED(kRecoveredInMemory);
  if (options_.read_only || clean) {
    KYRO_RETURN_IF_ERROR(Replay(*directory_, manifest, mark, in_memory, &recovered_));
  }
  if (!options_.read_only && (!clean || recovered_.active->bytes() > budget)) {
    Status status = RecoverIntoSegments(&recovered_);
    if (status.code() == StatusCode::kNoSpace) {
      // Nothing is lost: serve what is there from memory, and refuse writes.
      MutexLock lock(&refused_mutex_);
      refused_ = status;
      KYRO_RETURN_IF_ERROR(Replay(*directory_, manifest, mark, in_memory, &recovered_));
    } else if (!status.ok()) {
      return status;
    }
  }
  KYRO_RETURN_IF_ERROR(installer_->PublishInitial(recovered_.active));
  if (!options_.read_only && CheckWritable().ok()) {
    KYRO_ASSIGN_OR_RETURN(const std::uint64_t next, NextFreeNumber(*directory_));
    installer_->RaiseNextNumber(next);
    KYRO_RETURN_IF_ERROR(CleanUp(&recovered_));
  }
  if (!clean) Report(Event::Kind::kRecovered, "", recovered_.batch_bytes);
  if (recovered_.chain.torn_bytes != 0) {
    Report(Event::Kind::kTornTail,
           FileName(FileKind::kWal, recovered_.chain.files.back().id.number),
           recovered_.chain.torn_bytes);
  }
  for (const std::string& name : recovered_.unknown_files) {
    Report(Event::Kind::kUnknownFile, name, 0);
  }
  return Status::Ok();
}

// O2: one install is the only commit point; a crash before it leaves the log to be replayed again.
Status Core::RecoverIntoSegments(Recovered* recovered) {
  manifest::Manifest next = installer_->manifest();
  const ManifestMark mark = installer_->mark();
  KYRO_ASSIGN_OR_RETURN(const std::uint64_t number, NextFreeNumber(*directory_));
  installer_->RaiseNextNumber(number);
  manifest::Manifest base = next;
  ReplayOptions replay{.budget_bytes = options_.delta_bytes, .progress = options_.open_progress};
  replay.flush = [&](const delta::Generation& generation) {
    return upkeep_->FlushInto(generation, &next);
  };
  KYRO_RETURN_IF_ERROR(Replay(*directory_, base, mark, replay, recovered));
  if (!recovered->active->empty()) {
    recovered->active->Freeze(recovered->last_sequence);
    KYRO_RETURN_IF_ERROR(upkeep_->FlushInto(*recovered->active, &next));
  }
  // Nothing can fail behind the install.
  KYRO_ASSIGN_OR_RETURN(recovered->active,
                        delta::Generation::Create(options_.delta_bytes, recovered->last_sequence));
  KYRO_RETURN_IF_ERROR(installer_->Install([&](manifest::Manifest* manifest) {
    manifest->keyspaces = next.keyspaces;
    manifest->last_sequence = recovered->last_sequence;
    manifest->floor_sequence = recovered->last_sequence;
    // No log is needed. The newest one is still named: a crash before the old files are deleted
    // leaves them, and what is numbered up to it is known to be spent.
    manifest->wal_floor = FileId{};
    if (!recovered->chain.files.empty()) {
      manifest->wal_newest = recovered->chain.files.back().id;
    }
    manifest->wal_newest_bytes = 0;
    manifest->clean = true;
    return Status::Ok();
  }));
  recovered->batch_bytes = 0;
  return Status::Ok();
}

// A sync after one that failed may say that it is done when nothing was. Orphans may be what the
// manifest before this one named; so before they are deleted this one is installed again, which
// syncs the directory too. Without the space for that, they stay for the next Open.
Status Core::MakeManifestDurable(Leftovers* left) {
  if (left->orphans.empty()) return directory_->Sync();
  Status status = installer_->Install([](manifest::Manifest*) { return Status::Ok(); });
  if (status.code() != StatusCode::kNoSpace || installer_->in_doubt()) return status;
  left->orphans.clear();
  return Status::Ok();
}

// O3. Where nothing was installed since Open the manifest may be one that a power cut takes back,
// and with it everything that is read here.
Status Core::CleanUp(Recovered* recovered) {
  KYRO_ASSIGN_OR_RETURN(Leftovers left,
                        FindLeftovers(*directory_, installer_->manifest(), recovered->chain));
  recovered->unknown_files = std::move(left.unknown);
  if (installer_->installs() == 0 && !KYRO_PLANTED(kManifestTrusted)) {
    KYRO_RETURN_IF_ERROR(MakeManifestDurable(&left));
  }
  recovered->orphans_deleted = left.count();
  return DeleteLeftovers(directory_.get(), left);
}

// ---------------------------------------------------------------------------------- threads

Status Core::NameLogFile(const FileId& file) {
  return installer_->Install([&](manifest::Manifest* manifest) {
    if (!manifest->wal_floor.exists()) manifest->wal_floor = file;
    manifest->wal_newest = file;
    manifest->wal_newest_bytes = 0;
    manifest->clean = false;
    return Status::Ok();
  });
}

Sequence Core::Durable() const noexcept {
  const bool running = running_.load(std::memory_order_acquire);
  const Sequence committed = running ? commit_->durable() : recovered_.last_sequence;
  return std::max(committed, closing_durable_.load(std::memory_order_acquire));
}

Status Core::StartThreads(const Recovered& recovered) {
  KYRO_ASSIGN_OR_RETURN(log_queue_, env_.executor->NewQueue("kyro-log"));
  KYRO_ASSIGN_OR_RETURN(flush_queue_, env_.executor->NewQueue("kyro-flush"));
  KYRO_ASSIGN_OR_RETURN(maintenance_queue_, env_.executor->NewQueue("kyro-upkeep"));

  commit::LogEnd end;
  const bool kept = installer_->manifest().wal_floor.exists() && !recovered.chain.files.empty();
  if (kept) end = {recovered.chain.files.back().id, recovered.chain.files.back().valid_bytes};
  commit::LogHooks log_hooks;
  log_hooks.next_number = [this] { return installer_->NextNumber(); };
  log_hooks.name_file = [this](const FileId& file) { return NameLogFile(file); };
  log_hooks.manifest_mark = [this] { return installer_->mark(); };
  log_ = std::make_unique<commit::Log>(
      env_, directory_.get(),
      commit::LogOptions{installer_->manifest().database, options_.wal_file_bytes,
                         options_.latency_histograms},
      std::move(log_hooks), end);

  commit::CommitHooks hooks;
  hooks.generation_frozen = [this] { upkeep_->FlushSoon(); };
  hooks.help_flush = [this] { return upkeep_->HelpFlush(); };
  hooks.flush_error = [this] { return upkeep_->flush_error(); };
  hooks.stalled = [this](bool stalled) {
    if (stalled) Report(Event::Kind::kStall, "", 0, upkeep_->flush_error());
  };
  commit_ = std::make_unique<commit::CommitQueue>(
      env_,
      commit::CommitOptions{options_.sync_interval, options_.delta_bytes, options_.write_stall_max,
                            options_.latency_histograms},
      std::move(hooks), log_.get(), states_.get(), log_queue_.get(), recovered.last_sequence,
      recovered.batch_bytes);
  upkeep_->Start(flush_queue_.get(), maintenance_queue_.get());
  running_.store(true, std::memory_order_release);
  upkeep_->MaintainSoon();
  return Status::Ok();
}

}  // namespace kyro::db
