// SPDX-License-Identifier: Apache-2.0
//
// Append and fdatasync of one record: into a file prepared with zeros, and into one that grows. The
// log is read back at the end and compared with what was appended. KYRO_BENCH_DIR says on which
// disk (default: the working directory).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "base/coding.h"
#include "bench/bench.h"
#include "io/env.h"
#include "wal/chain.h"
#include "wal/writer.h"

namespace kyro::wal {
namespace {

constexpr std::uint64_t kPreparedBytesMax = std::uint64_t{64} << 20;

// A log file has room for KYRO_BENCH_KEYS records of 4 KiB, at most 64 MiB.
std::uint64_t PreparedBytes() {
  static const std::uint64_t bytes =
      std::min<std::uint64_t>(kPreparedBytesMax, (bench::KeyCount(1 << 20) + 1) << 12);
  return bytes;
}

// One log file and its chain start.
class BenchLog {
 public:
  Status Open(bool prepared) {
    const io::Env& env = io::SystemEnv();
    auto directory = env.fs->OpenDirectory(path_, true);
    if (!directory.ok()) return directory.status();
    directory_ = std::move(directory).value();
    start_.database = Uuid{1, 2};
    auto writer = Writer::Create(directory_.get(), env.random, start_.database, 1,
                                 prepared ? PreparedBytes() : 0);
    if (!writer.ok()) return writer.status();
    writer_ = std::move(writer).value();
    start_.floor = start_.newest = writer_->id();
    RecordInfo info;
    info.first = 1;
    return writer_->AppendLink(info, Link{});
  }
  ~BenchLog() {
    writer_ = nullptr;
    directory_ = nullptr;
    bench::RemoveDirectory(path_);
  }

  bool HasRoomFor(std::uint64_t bytes) const {
    return writer_->length() + bytes + kRecordSlackBytes + kRecordHeaderBytes <= PreparedBytes();
  }
  // The n-th batch is the same bytes but for its first eight: n.
  Status Commit(std::string* batch) {
    RecordInfo info;
    info.first = info.last = ++last_;
    info.batches = 1;
    StoreLE(batch->data(), last_);
    buffer_.resize(kRecordHeaderBytes);
    AddBatch(&buffer_, *batch);
    Status status = writer_->Append(info, &buffer_);
    return status.ok() ? writer_->Sync() : status;
  }
  // Everything that was committed, in order, and nothing else.
  bool Holds(std::string batch) const {
    const auto chain = ScanChain(*directory_, start_);
    if (!chain.ok() || chain->last_sequence != last_) return false;
    Sequence seen = 0;
    const Status status =
        ReplayChain(*directory_, start_, *chain, 0, [&](Sequence sequence, std::string_view found) {
          StoreLE(batch.data(), ++seen);
          return sequence == seen && found == batch ? Status::Ok() : Status(StatusCode::kDataLoss);
        });
    return status.ok() && seen == last_;
  }

 private:
  const std::string path_ = bench::FreshDirectory("wal_bench");
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<Writer> writer_;
  ChainStart start_;
  Sequence last_ = 0;
  std::string buffer_;
};

void AppendAndSync(benchmark::State& state, bool prepared) {
  std::string batch(static_cast<std::size_t>(state.range(0)), 'x');
  auto log = std::make_unique<BenchLog>();
  Status status = log->Open(prepared);
  for (auto _ : state) {
    if (!status.ok()) break;
    if (!log->HasRoomFor(batch.size())) {
      state.PauseTiming();
      if (!log->Holds(batch)) status = Status(StatusCode::kDataLoss, "read back something else");
      log = nullptr;  // its destructor removes what the next one creates
      log = std::make_unique<BenchLog>();
      if (status.ok()) status = log->Open(prepared);
      state.ResumeTiming();
      if (!status.ok()) break;
    }
    status = log->Commit(&batch);
  }
  if (status.ok() && !log->Holds(batch)) {
    status = Status(StatusCode::kDataLoss, "read back something else");
  }
  if (!status.ok()) state.SkipWithError(status.ToString().c_str());
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void Prepared(benchmark::State& state) {
  AppendAndSync(state, true);
}
void Growing(benchmark::State& state) {
  AppendAndSync(state, false);
}

#define KYRO_WAL_SIZES                                                                   \
  ArgName("bytes")->Arg(100)->Arg(4000)->Arg(32'000)->Arg(256'000)->UseRealTime()->Unit( \
      benchmark::kMicrosecond)
BENCHMARK(Prepared)->KYRO_WAL_SIZES;
BENCHMARK(Growing)->KYRO_WAL_SIZES;

}  // namespace
}  // namespace kyro::wal

int main(int argc, char** argv) {
  return kyro::bench::Main(argc, argv);
}
