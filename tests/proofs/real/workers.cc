// SPDX-License-Identifier: Apache-2.0
#include "proofs/real/workers.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <vector>

#include "support/exit_child.h"

namespace kyro::proofs {
namespace {

constexpr std::string_view kPrefix = "kyro-proof-";

[[noreturn]] void Fatal(const char* what) {
  std::perror(what);
  std::exit(2);
}

void RemoveTree(const std::filesystem::path& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

// The process that a scratch directory's name tells of, or 0.
pid_t OwnerOf(std::string_view name) {
  if (!name.starts_with(kPrefix)) return 0;
  name.remove_prefix(kPrefix.size());
  pid_t owner = 0;
  const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), owner);
  return error == std::errc() && rest != name.data() + name.size() && *rest == '-' ? owner : 0;
}

sigset_t EndingSignals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGINT);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGHUP);
  return set;
}

struct Worker {
  pid_t pid;
  int pipe;
  std::string unread;
  bool done = false;
};

// One message: "C <n> <figure>", "V <what>", "S <line>" or "D".
void Take(std::string_view line, Worker* worker, Tally* tally) {
  const char kind = line.empty() ? '?' : line[0];
  const std::string rest(line.size() > 2 ? line.substr(2) : "");
  if (kind == 'V') return tally->Violation(rest);
  if (kind == 'S') return tally->Say(rest);
  if (kind == 'D') return static_cast<void>(worker->done = true);
  const std::size_t space = rest.find(' ');
  tally->Count(rest.substr(space + 1), std::strtoull(rest.c_str(), nullptr, 10));
}

// Takes what is in the pipe; false at its end.
bool Read(Worker* worker, Tally* tally) {
  char chunk[4096];
  const ssize_t got = ::read(worker->pipe, chunk, sizeof(chunk));
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) return false;
  worker->unread.append(chunk, static_cast<std::size_t>(got));
  for (std::size_t end; (end = worker->unread.find('\n')) != std::string::npos;) {
    Take(std::string_view(worker->unread).substr(0, end), worker, tally);
    worker->unread.erase(0, end + 1);
  }
  return true;
}

void Reap(const Worker& worker, Tally* tally) {
  int status = 0;
  while (::waitpid(worker.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && worker.done) return;
  tally->Violation(WIFSIGNALED(status)
                       ? "a worker was ended by signal " + std::to_string(WTERMSIG(status))
                       : "a worker ended with status " + std::to_string(WEXITSTATUS(status)));
}

// Reads all pipes to their ends. On an ending signal nothing of this run stays.
void Listen(std::vector<Worker>* workers, int signals, Tally* tally,
            const std::vector<const Scratch*>& scratch) {
  for (;;) {
    std::vector<pollfd> polls = {{signals, POLLIN, 0}};
    for (const Worker& worker : *workers) {
      if (worker.pipe >= 0) polls.push_back({worker.pipe, POLLIN, 0});
    }
    if (polls.size() == 1) return;
    if (::poll(polls.data(), polls.size(), -1) < 0 && errno != EINTR) Fatal("poll");
    if ((polls[0].revents & POLLIN) != 0) {
      for (const Worker& worker : *workers) ::kill(worker.pid, SIGKILL);
      for (const Worker& worker : *workers) ::waitpid(worker.pid, nullptr, 0);
      for (const Scratch* directory : scratch) RemoveTree(directory->path());
      std::fprintf(stderr, "interrupted\n");
      ::_exit(130);
    }
    for (const pollfd& ready : polls) {
      for (Worker& worker : *workers) {
        if (worker.pipe != ready.fd || ready.revents == 0 || Read(&worker, tally)) continue;
        ::close(worker.pipe);
        worker.pipe = -1;
      }
    }
  }
}

}  // namespace

std::string DiskBase() {
  return std::filesystem::temp_directory_path();
}

std::string MemoryBase() {
  constexpr const char* kMemory = "/dev/shm";
  constexpr std::uint64_t kRoomBytes = std::uint64_t{256} << 20;
  std::error_code error;
  const auto space = std::filesystem::space(kMemory, error);
  const bool usable = !error && space.available >= kRoomBytes && ::access(kMemory, W_OK) == 0;
  return usable ? kMemory : DiskBase();
}

Scratch::Scratch(const std::string& base) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(base, error)) {
    const pid_t owner = OwnerOf(entry.path().filename().string());
    if (owner != 0 && ::kill(owner, 0) != 0 && errno == ESRCH) RemoveTree(entry.path());
  }
  path_ = base + "/" + std::string(kPrefix) + std::to_string(::getpid()) + "-XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) Fatal(path_.c_str());
}

Scratch::~Scratch() {
  RemoveTree(path_);
}

void Reporter::Count(std::string_view figure, std::uint64_t more) {
  Send("C " + std::to_string(more) + " " + std::string(figure));
}

void Reporter::Violation(std::string_view what) {
  ++violations_;
  Send("V " + std::string(what));
}

void Reporter::Say(std::string_view line) {
  Send("S " + std::string(line));
}

// One write of at most PIPE_BUF bytes.
void Reporter::Send(std::string_view text) {
  std::string line(text.substr(0, 2000));
  for (char& c : line) c = c == '\n' ? ' ' : c;
  line += '\n';
  while (::write(pipe_, line.data(), line.size()) < 0 && errno == EINTR) {
  }
}

int ForkChild(const std::function<int()>& body) {
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) Fatal("fork");
  if (child > 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(3);  // the parent died before the line above
  const sigset_t set = EndingSignals();   // ^C in a terminal reaches everyone: the program decides
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  support::ExitChild(body());
}

void RunWorkers(std::uint64_t count, Tally* tally, const std::vector<const Scratch*>& scratch,
                const std::function<void(std::uint64_t, Reporter&)>& work) {
  const sigset_t set = EndingSignals();
  sigset_t before;
  ::sigprocmask(SIG_BLOCK, &set, &before);
  const int signals = ::signalfd(-1, &set, SFD_CLOEXEC);
  if (signals < 0) Fatal("signalfd");
  std::vector<Worker> workers;
  for (std::uint64_t i = 0; i < count; ++i) {
    int ends[2];
    if (::pipe(ends) != 0) Fatal("pipe");
    const pid_t pid = ForkChild([&] {
      Reporter reporter(ends[1]);
      work(i, reporter);
      return ::write(ends[1], "D\n", 2) == 2 ? 0 : 4;
    });
    ::close(ends[1]);
    workers.push_back({pid, ends[0], {}});
  }
  Listen(&workers, signals, tally, scratch);
  for (const Worker& worker : workers) Reap(worker, tally);
  ::close(signals);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace kyro::proofs
