// SPDX-License-Identifier: Apache-2.0
//
// The loader that is killed, and the search for what it lost.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "shoreline/job.h"
#include "shoreline/record.h"

namespace kyro::shoreline {
namespace {

Status SystemError(std::string_view what) {
  return Status(StatusCode::kIoError,
                fmt::format("{}: {}", what, std::generic_category().message(errno)));
}

Status Broken(std::string message) {
  return Status(StatusCode::kInternal, message);
}

// The child. Tells the number of each batch that is acknowledged, and never ends by itself.
[[noreturn]] void LoadUntilKilled(const Settings& settings, const Keys& keys, std::size_t first,
                                  int pipe) {
  // Whoever stops the job stops its loader too.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto give_up = [](const Status& status) {
    fmt::print(stderr, "shoreline: the loader cannot go on: {}\n", status.ToString());
    std::fflush(stderr);
    _exit(1);
  };
  auto db = Db::Open(settings.db, JobOptions());
  if (!db.ok()) give_up(db.status());
  const auto keyspace = db->OpenKeyspace<U64>(kKeyspace);
  if (!keyspace.ok()) give_up(keyspace.status());
  for (std::uint64_t batch = first; batch < keys.batches(settings); ++batch) {
    const Status written = WriteRows(*db, *keyspace, keys.Batch(settings, batch));
    if (!written.ok()) give_up(written);
    if (write(pipe, &batch, sizeof(batch)) != sizeof(batch)) {
      give_up(SystemError("the pipe to the parent"));
    }
  }
  while (true) pause();
}

// Reads the numbers of acknowledged batches, `*next` being the one to come, until it is `stop` or
// the pipe is closed.
Status ReadAcknowledgements(int pipe, std::size_t stop, std::size_t* next) {
  while (*next < stop) {
    std::uint64_t batch = 0;
    const ssize_t got = ::read(pipe, &batch, sizeof(batch));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("the pipe from the loader");
    if (got == 0) break;
    // Writes of 8 bytes to a pipe are whole.
    if (got != sizeof(batch) || batch != *next) {
      return Broken(fmt::format("the loader acknowledged batch {}, not {}", batch, *next));
    }
    ++*next;
  }
  return Status::Ok();
}

Status KillAndReap(pid_t child) {
  int how = 0;
  if (kill(child, SIGKILL) != 0) return SystemError("kill");
  while (waitpid(child, &how, 0) < 0) {
    if (errno != EINTR) return SystemError("waitpid");
  }
  if (WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL) return Status::Ok();
  return Broken("the loader ended before it was killed");
}

// Whether every row of the batch is there (1), none is (0), or something is wrong.
Result<int> PresenceOf(const View<U64>& view, std::span<const std::uint64_t> keys,
                       std::size_t batch) {
  std::size_t present = 0;
  for (const std::uint64_t key : keys) {
    const Lookup found = view.Get(key);
    if (found.failed()) return found.status();
    if (found.absent()) continue;
    ++present;
    if (!IsRecordOf(key, found.value())) {
      return Broken(fmt::format("key {} of batch {} has a value that was not written", key, batch));
    }
  }
  if (present == 0) return 0;
  if (present == keys.size()) return 1;
  return Broken(
      fmt::format("batch {} is torn: {} of {} rows are there", batch, present, keys.size()));
}

// A child that was started and what it said, tidied up whatever happens.
struct Pipe {
  int ends[2] = {-1, -1};
  ~Pipe() {
    for (const int end : ends) {
      if (end >= 0) close(end);
    }
  }
};

}  // namespace

Status LoadAndKill(const Settings& settings, const Keys& keys, std::size_t first,
                   std::size_t kill_after, std::size_t* acknowledged) {
  *acknowledged = first;
  Pipe pipe;
  if (pipe2(pipe.ends, O_CLOEXEC) != 0) return SystemError("pipe");
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) return SystemError("fork");
  if (child == 0) LoadUntilKilled(settings, keys, first, pipe.ends[1]);
  close(pipe.ends[1]);
  pipe.ends[1] = -1;
  Status status;
  {
    Ticker ticker("loading");
    while (status.ok() && *acknowledged < kill_after) {
      const std::size_t before = *acknowledged;
      status = ReadAcknowledgements(pipe.ends[0], std::min(before + 16, kill_after), acknowledged);
      if (status.ok() && *acknowledged == before) break;  // it gave up
      ticker.Show(*acknowledged, keys.batches(settings));
    }
  }
  const Status killed = KillAndReap(child);
  if (!status.ok()) return status;
  if (!killed.ok()) return killed;
  // What it acknowledged before it died is in the pipe still.
  return ReadAcknowledgements(pipe.ends[0], keys.batches(settings), acknowledged);
}

Status CheckSurvivors(const Settings& settings, const Keys& keys, std::size_t acknowledged,
                      std::size_t* present, double* open_seconds) {
  const Stopwatch opening;
  auto db = Db::Open(settings.db, JobOptions());
  if (!db.ok()) return db.status();
  const auto keyspace = db->OpenKeyspace<U64>(kKeyspace);
  if (!keyspace.ok()) return keyspace.status();
  *open_seconds = opening.seconds();
  const auto view = keyspace->view();
  if (!view.ok()) return view.status();
  Ticker ticker("checking what survived");
  *present = 0;
  for (std::size_t batch = 0; batch < keys.batches(settings); ++batch) {
    const auto there = PresenceOf(*view, keys.Batch(settings, batch), batch);
    if (!there.ok()) return there.status();
    if (*there == 0 && batch < acknowledged) {
      return Broken(fmt::format("batch {} was acknowledged and is lost", batch));
    }
    if (*there == 1 && batch > acknowledged) {
      return Broken(
          fmt::format("batch {} is there, but only {} had been begun", batch, acknowledged + 1));
    }
    if (*there == 1) *present = batch + 1;
    ticker.Show(batch, keys.batches(settings));
  }
  return db->Close();
}

}  // namespace kyro::shoreline
