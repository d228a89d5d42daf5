// SPDX-License-Identifier: Apache-2.0
#include "fuzz/memory_directory.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "fuzz/fuzz.h"

namespace kyro::fuzz {
namespace {

Status ReadOnly() {
  return Status(StatusCode::kReadOnly, "a directory that is only read");
}

class MemoryMapping final : public io::Mapping {
 public:
  explicit MemoryMapping(std::shared_ptr<const PageBytes> file) : file_(std::move(file)) {}
  std::string_view bytes() const noexcept override { return file_->bytes(); }
  Status Populate(std::uint64_t offset, std::uint64_t bytes) const override {
    const std::uint64_t size = file_->bytes().size();
    KYRO_REQUIRE(offset <= size && bytes <= size - offset,
                 "populates " + std::to_string(bytes) + " bytes at " + std::to_string(offset) +
                     " of " + std::to_string(size));
    return Status::Ok();
  }

 private:
  const std::shared_ptr<const PageBytes> file_;
};

class MemoryFile final : public io::RandomFile {
 public:
  explicit MemoryFile(std::shared_ptr<const PageBytes> file) : file_(std::move(file)) {}
  std::uint64_t bytes() const noexcept override { return file_->bytes().size(); }
  Result<std::size_t> Read(std::uint64_t offset, std::size_t bytes, char* to) const override {
    const std::string_view all = file_->bytes();
    const std::string_view part = all.substr(std::min<std::uint64_t>(offset, all.size()), bytes);
    if (!part.empty()) std::memcpy(to, part.data(), part.size());
    return part.size();
  }
  Result<std::size_t> ReadDevice(std::uint64_t offset, std::size_t bytes, char* to) const override {
    return Read(offset, bytes, to);
  }
  Result<std::unique_ptr<io::Mapping>> Map(Access) const override {
    return std::unique_ptr<io::Mapping>(std::make_unique<MemoryMapping>(file_));
  }
  void DropCache(std::uint64_t, std::uint64_t) const override {}

 private:
  const std::shared_ptr<const PageBytes> file_;
};

}  // namespace

PageBytes::PageBytes(std::string_view bytes)
    : data_(static_cast<char*>(::operator new[](bytes.size(), kPage))), count_(bytes.size()) {
  if (!bytes.empty()) std::memcpy(data_.get(), bytes.data(), bytes.size());
}

void MemoryDirectory::Set(const std::string& name, std::string_view bytes) {
  files_[name] = std::make_shared<const PageBytes>(bytes);
}
std::string_view MemoryDirectory::Bytes(const std::string& name) const {
  const auto found = files_.find(name);
  return found == files_.end() ? std::string_view() : found->second->bytes();
}

Result<std::unique_ptr<io::RandomFile>> MemoryDirectory::Open(std::string_view name) const {
  const auto found = files_.find(name);
  if (found == files_.end()) return Status::NotFound();
  return std::unique_ptr<io::RandomFile>(std::make_unique<MemoryFile>(found->second));
}
Result<std::uint64_t> MemoryDirectory::FileBytes(std::string_view name) const {
  const auto found = files_.find(name);
  if (found == files_.end()) return Status::NotFound();
  return static_cast<std::uint64_t>(found->second->bytes().size());
}
Result<std::vector<io::DirectoryEntry>> MemoryDirectory::List() const {
  std::vector<io::DirectoryEntry> entries;
  for (const auto& [name, file] : files_) {
    entries.push_back({name, io::FileType::kRegular, file->bytes().size()});
  }
  return entries;
}

Result<std::unique_ptr<io::WritableFile>> MemoryDirectory::Create(std::string_view) {
  return ReadOnly();
}
Result<std::unique_ptr<io::WritableFile>> MemoryDirectory::OpenForWrite(std::string_view) {
  return ReadOnly();
}
Status MemoryDirectory::Rename(std::string_view, std::string_view) {
  return ReadOnly();
}
Status MemoryDirectory::Link(std::string_view, Directory*, std::string_view) {
  return ReadOnly();
}
Status MemoryDirectory::Unlink(std::string_view) {
  return ReadOnly();
}
Status MemoryDirectory::Sync() {
  return ReadOnly();
}
Result<std::unique_ptr<io::FileLock>> MemoryDirectory::Lock(std::string_view, bool) {
  return ReadOnly();
}
Result<std::uint64_t> MemoryDirectory::FreeBytes() const {
  return std::uint64_t{0};
}

}  // namespace kyro::fuzz
