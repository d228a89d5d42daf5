// SPDX-License-Identifier: Apache-2.0
#include "bench/bench.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

namespace kyro::bench {
namespace {

// Passes everything on to the reporter that the flags ask for, and remembers errors: by itself
// Google Benchmark prints them and exits with 0.
class CheckingReporter final : public benchmark::BenchmarkReporter {
 public:
  CheckingReporter() : shown_(benchmark::CreateDefaultDisplayReporter()) {}
  bool ReportContext(const Context& context) override {
    shown_->SetOutputStream(&GetOutputStream());
    shown_->SetErrorStream(&GetErrorStream());
    return shown_->ReportContext(context);
  }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) errors_ += run.error_occurred;
    shown_->ReportRuns(runs);
  }
  void Finalize() override { shown_->Finalize(); }
  int errors() const noexcept { return errors_; }

 private:
  const std::unique_ptr<benchmark::BenchmarkReporter> shown_;
  int errors_ = 0;
};

}  // namespace

int Main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  CheckingReporter reporter;
  const std::size_t run = benchmark::RunSpecifiedBenchmarks(&reporter);
  benchmark::Shutdown();
  if (reporter.errors() > 0) std::fprintf(stderr, "%d benchmarks failed\n", reporter.errors());
  return run == 0 || reporter.errors() > 0 ? 1 : 0;
}

std::size_t KeyCount(std::size_t otherwise) {
  const char* const text = std::getenv("KYRO_BENCH_KEYS");
  const std::size_t count = text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
  return std::clamp<std::size_t>(count, 1, 1'000'000'000);
}

std::string FreshDirectory(std::string_view name) {
  const char* const parent = std::getenv("KYRO_BENCH_DIR");
  std::string path = std::string(parent != nullptr ? parent : ".") + "/kyro_";
  path.append(name).append(".tmp");
  RemoveDirectory(path);
  return path;
}

void RemoveDirectory(const std::string& path) {
  std::error_code ignored;  // what cannot be removed, the next Open reports
  std::filesystem::remove_all(path, ignored);
}

}  // namespace kyro::bench
