// SPDX-License-Identifier: Apache-2.0
#include "proofs/fault/seam_calls.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/status_util.h"

namespace kyro::proofs {
namespace {

constexpr std::size_t kBytes = 10000;

template <class T>
Status Keep(Result<std::unique_ptr<T>> made, std::unique_ptr<T>* to) {
  if (!made.ok()) return std::move(made).status();
  *to = *std::move(made);
  return Status::Ok();
}

}  // namespace

ScratchDirectory::ScratchDirectory() {
  const char* const memory = "/dev/shm";
  const bool there = ::access(memory, W_OK | X_OK) == 0;
  path_ = (there ? std::string(memory) : std::filesystem::temp_directory_path().string()) +
          "/kyro-fault-XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) {
    std::perror(path_.c_str());
    std::exit(2);
  }
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void ScratchDirectory::Clear() const {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    std::filesystem::remove_all(entry.path(), ignored);
  }
}

SeamFixture::SeamFixture(const std::string& at) : root(at), db(at + "/db"), other(at + "/other") {
  io::FileSystem* const fs = io::SystemEnv().fs;
  const auto make = [&]() -> Status {
    KYRO_RETURN_IF_ERROR(Keep(fs->OpenDirectory(db, true), &directory));
    KYRO_RETURN_IF_ERROR(Keep(directory->Create(kSeamFile), &writable));
    KYRO_RETURN_IF_ERROR(writable->Write(0, std::string(kBytes, 'x')));
    KYRO_RETURN_IF_ERROR(Keep(directory->Open(kSeamFile), &readable));
    return Keep(readable->Map(Access::kMap), &mapped);
  };
  const Status made = make();
  ok = made.ok();
}

const std::vector<SeamCall>& SeamCalls() {
  static const std::vector<SeamCall> calls = {
      {"OpenDirectory",
       [](SeamFixture* f) { return io::SystemEnv().fs->OpenDirectory(f->db, false).status(); }},
      {"OpenDirectory, made",
       [](SeamFixture* f) { return io::SystemEnv().fs->OpenDirectory(f->other, true).status(); }},
      {"RenameDirectory",
       [](SeamFixture* f) { return io::SystemEnv().fs->RenameDirectory(f->db, f->other); }},
      {"Create", [](SeamFixture* f) { return f->directory->Create("000002.keys").status(); }},
      {"OpenForWrite",
       [](SeamFixture* f) { return f->directory->OpenForWrite(kSeamFile).status(); }},
      {"Open", [](SeamFixture* f) { return f->directory->Open(kSeamFile).status(); }},
      {"FileBytes", [](SeamFixture* f) { return f->directory->FileBytes(kSeamFile).status(); }},
      {"Rename", [](SeamFixture* f) { return f->directory->Rename(kSeamFile, "000003.keys"); }},
      {"Link",
       [](SeamFixture* f) {
         return f->directory->Link(kSeamFile, f->directory.get(), "000004.keys");
       }},
      {"Unlink", [](SeamFixture* f) { return f->directory->Unlink(kSeamFile); }},
      {"List", [](SeamFixture* f) { return f->directory->List().status(); }},
      {"Sync of the directory", [](SeamFixture* f) { return f->directory->Sync(); }},
      {"Lock", [](SeamFixture* f) { return f->directory->Lock("LOCK", false).status(); }},
      {"Lock, shared", [](SeamFixture* f) { return f->directory->Lock("LOCK", true).status(); }},
      {"FreeBytes", [](SeamFixture* f) { return f->directory->FreeBytes().status(); }},
      {"Write", [](SeamFixture* f) { return f->writable->Write(0, "0123456789"); }},
      {"Sync", [](SeamFixture* f) { return f->writable->Sync(); }},
      {"Truncate", [](SeamFixture* f) { return f->writable->Truncate(5); }},
      {"Read back",
       [](SeamFixture* f) {
         char to[16];
         return f->writable->Read(3, sizeof(to), to).status();
       }},
      {"Read",
       [](SeamFixture* f) {
         char to[16];
         return f->readable->Read(3, sizeof(to), to).status();
       }},
      {"ReadDevice",
       [](SeamFixture* f) {
         char to[16];
         return f->readable->ReadDevice(3, sizeof(to), to).status();
       }},
      {"Map", [](SeamFixture* f) { return f->readable->Map(Access::kMap).status(); }},
      {"Map, copied", [](SeamFixture* f) { return f->readable->Map(Access::kCopy).status(); }},
      {"Populate", [](SeamFixture* f) { return f->mapped->Populate(100, 9000); }},
      {"random bytes",
       [](SeamFixture*) {
         char to[16];
         return io::SystemEnv().random->Fill(to, sizeof(to));
       }},
  };
  return calls;
}

}  // namespace kyro::proofs
