// SPDX-License-Identifier: Apache-2.0
#include "fuzz/directory_base.h"

#include <memory>
#include <utility>

#include "db/inspect.h"
#include "fuzz/fuzz.h"
#include "support/test_env.h"

namespace kyro::fuzz {
namespace {

void Must(const Status& status) {
  KYRO_REQUIRE(status.ok(), status.ToString());
}

// A world with an open database, and the states that it went through.
class Maker {
 public:
  Maker() {
    world_.fs().StopJournal();
    auto opened = db::Door::Open("/db", DirectoryOptions(), world_.env());
    Must(opened.status());
    db_ = std::make_unique<Db>(*std::move(opened));
    for (std::size_t i = 0; i < kSpaces; ++i) {
      auto space = db::OpenSpace(db_.get(), kSpaceNames[i], kSpaceKinds[i]);
      Must(space.status());
      spaces_[i] = *std::move(space);
    }
    built_.history[0] = {};
  }

  Db& db() { return *db_; }

  // One commit: every `step`th of the keys from `from` on, `count` of them, put or deleted.
  void Write(std::uint64_t from, std::uint64_t step, std::uint64_t count, bool put) {
    WriteBatch batch;
    Contents next = built_.history.rbegin()->second;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t key = from + i * step;
      for (std::size_t space = 0; space < kSpaces; ++space) {
        const std::string name = space == 0 ? db::U64Key(key * key) : "word " + std::to_string(key);
        const std::string value = std::to_string(built_.history.rbegin()->first) + " of " + name;
        if (put) {
          spaces_[space]->BatchPut(&batch, name, value);
          next[space][name] = value;
        } else {
          spaces_[space]->BatchDelete(&batch, name);
          next[space].erase(name);
        }
      }
    }
    const auto sequence = db_->Write(batch);
    Must(sequence.status());
    built_.history[*sequence] = std::move(next);
  }

  void BulkLoad() {
    auto keyspace = db_->OpenKeyspace<U64>(kSpaceNames[0]);
    Must(keyspace.status());
    auto loader = keyspace->NewBulkLoader();
    Must(loader.status());
    Contents next = built_.history.rbegin()->second;
    for (std::uint64_t key = 7; key < 3000; key += 40) {
      Must(loader->Add(key, "bulk"));
      next[0][db::U64Key(key)] = "bulk";
    }
    const auto sequence = loader->Finish();
    Must(sequence.status());
    built_.history[*sequence] = std::move(next);
  }

  BuiltDatabase Close() {
    spaces_ = {};
    Must(db_->Close());
    built_.clean = true;
    return Done(&world_.fs());
  }
  BuiltDatabase Kill() {
    const auto image = world_.fs().CrashImage(support::CrashKind::kKill, world_.fs().event_count());
    return Done(image.get());
  }

 private:
  BuiltDatabase Done(support::SimFs* fs) {
    for (const std::string& name : fs->ListNames("/db")) {
      if (name == "LOCK") continue;
      auto bytes = fs->ReadFile("/db/" + name);
      Must(bytes.status());
      built_.files[name] = *std::move(bytes);
    }
    return std::move(built_);
  }

  support::TestEnv world_;
  std::unique_ptr<Db> db_;
  std::array<std::unique_ptr<db::AnySpace>, kSpaces> spaces_;
  BuiltDatabase built_;
};

// One run with a model, one with tombstones before it, and a little in the log.
void Grow(Maker* maker) {
  maker->Write(0, 3, 80, true);
  Must(maker->db().Fold());
  maker->Write(0, 9, 12, false);
  maker->Write(1, 12, 10, true);
  Must(db::Door::Flush(maker->db()));
  maker->Write(2, 30, 5, true);
  maker->Write(3, 30, 3, false);
}

std::vector<BuiltDatabase> BuildAll() {
  std::vector<BuiltDatabase> all;
  {
    Maker closed;
    Grow(&closed);
    all.push_back(closed.Close());
  }
  {
    Maker killed;
    Grow(&killed);
    all.push_back(killed.Kill());
  }
  {
    Maker loaded;
    loaded.Write(0, 5, 20, true);
    loaded.BulkLoad();
    loaded.Write(5, 7, 4, true);
    all.push_back(loaded.Close());
  }
  {
    Maker log_alone;
    for (std::uint64_t i = 0; i < 6; ++i) log_alone.Write(i, 4, 3, i % 3 != 2);
    all.push_back(log_alone.Kill());
  }
  return all;
}

}  // namespace

Options DirectoryOptions() {
  Options options;
  options.delta_bytes = 64 << 10;
  options.wal_file_bytes = 4 << 10;
  options.segment_bytes = 4 << 10;
  options.create_if_missing = true;
  return options;
}

const std::vector<BuiltDatabase>& Databases() {
  static const std::vector<BuiltDatabase> all = BuildAll();
  return all;
}

}  // namespace kyro::fuzz
