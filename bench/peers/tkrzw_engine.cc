// SPDX-License-Identifier: Apache-2.0
//
// Tkrzw's HashDBM: unordered, and the fastest of its kinds on disk. It has no snapshots.
#include <tkrzw_dbm_hash.h>
#include <tkrzw_file_mmap.h>

#include <memory>
#include <string>

#include "bench/peers/engine_of.h"
#include "bench/peers/ordered_key.h"
#include "bench/peers/settings.h"

namespace kyro::bench {
namespace {

void Must(const tkrzw::Status& status) {
  if (!status.IsOK()) Give("tkrzw: " + tkrzw::ToString(status));
}

class TkrzwStore {
 public:
  static constexpr bool kOnDisk = true;

  explicit TkrzwStore(const StoreOptions& options) : options_(options) {}

  void Load(const Rows& rows) {
    Open();
    rows.ForEach([&](std::uint64_t key, std::string_view value) {
      Must(db_->Set(OrderedKey(key).bytes(), value));
    });
    Close();
  }
  void Open() {
    if (db_) return;
    db_ = std::make_unique<tkrzw::HashDBM>(std::make_unique<tkrzw::MemoryMapParallelFile>());
    tkrzw::HashDBM::TuningParameters tuning;
    tuning.update_mode = tkrzw::HashDBM::UPDATE_IN_PLACE;
    tuning.offset_width = settings::kTkrzwOffsetWidth;
    tuning.align_pow = settings::kTkrzwAlignPow;
    tuning.num_buckets = static_cast<std::int64_t>(settings::kTkrzwBucketsPerRow *
                                                   static_cast<double>(options_.key_count));
    Must(db_->OpenAdvanced(options_.directory + "/rows.tkh", true, tkrzw::File::OPEN_DEFAULT,
                           tuning));
  }
  void Close() {
    if (db_) Must(db_->Close());
    db_.reset();
  }

  class Session {
   public:
    explicit Session(const TkrzwStore& store) : db_(store.db_.get()) {}
    std::string_view Get(std::uint64_t key) {
      const tkrzw::Status status = db_->Get(OrderedKey(key).bytes(), &value_);
      if (status.IsOK()) return value_;
      if (status != tkrzw::Status::NOT_FOUND_ERROR) Must(status);
      return {};
    }
    void Put(std::uint64_t key, std::string_view value) {
      Must(db_->Set(OrderedKey(key).bytes(), value));
    }

   private:
    tkrzw::HashDBM* db_;
    std::string value_;
  };
  using Reader = Session;

 private:
  StoreOptions options_;
  std::unique_ptr<tkrzw::HashDBM> db_;
};

}  // namespace

std::unique_ptr<Engine> MakeTkrzw(const StoreOptions& options) {
  return std::make_unique<EngineOf<TkrzwStore>>(options);
}

}  // namespace kyro::bench
