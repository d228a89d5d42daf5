// SPDX-License-Identifier: Apache-2.0
//
// The job's last question, asked of another program.
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <string>
#include <system_error>

#include "shoreline/job.h"

extern char** environ;

namespace kyro::shoreline {
namespace {

Status SystemError(std::string_view what, int error) {
  return Status(StatusCode::kIoError,
                fmt::format("{}: {}", what, std::generic_category().message(error)));
}

std::string ReadToEnd(int from) {
  std::string text;
  char chunk[4096];
  while (true) {
    const ssize_t got = ::read(from, chunk, sizeof(chunk));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(chunk, static_cast<std::size_t>(got));
  }
}

// Runs `kyroctl --json verify DB` and returns what it printed.
Result<std::string> CaptureVerify(const Settings& settings) {
  int ends[2];
  if (pipe(ends) != 0) return SystemError("pipe", errno);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  std::string arguments[] = {settings.kyroctl, "--json", "verify", settings.db};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(),
                  arguments[3].data(), nullptr};
  pid_t child = -1;
  const int error = posix_spawn(&child, argv[0], &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string text = error == 0 ? ReadToEnd(ends[0]) : std::string();
  close(ends[0]);
  if (error != 0) return SystemError(settings.kyroctl, error);
  int how = 0;
  while (waitpid(child, &how, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(how) && WEXITSTATUS(how) == 0) return text;
  return Status(StatusCode::kInternal, fmt::format("kyroctl verify ended with {}",
                                                   WIFEXITED(how) ? WEXITSTATUS(how) : how));
}

}  // namespace

Status RunVerify(const Settings& settings, std::uint64_t* bytes) {
  const auto text = CaptureVerify(settings);
  if (!text.ok()) return text.status();
  constexpr std::string_view kField = "\"bytes_checked\":";
  const std::size_t at = text->find(kField);
  if (at == std::string::npos) return Status(StatusCode::kInternal, "kyroctl verify: " + *text);
  const char* const begin = text->data() + at + kField.size();
  std::from_chars(begin, text->data() + text->size(), *bytes);
  std::uint64_t on_disk = 0;
  for (const auto& entry : std::filesystem::directory_iterator(settings.db)) {
    if (entry.path().filename() != "LOCK") on_disk += entry.file_size();
  }
  if (on_disk == *bytes) return Status::Ok();
  return Status(StatusCode::kInternal,
                fmt::format("kyroctl verify checked {} of {} bytes", *bytes, on_disk));
}

}  // namespace kyro::shoreline
