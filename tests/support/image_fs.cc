// SPDX-License-Identifier: Apache-2.0
#include "support/image_fs.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/status_util.h"

namespace kyro::support {
namespace {

class ImageMapping final : public io::Mapping {
 public:
  ImageMapping(const std::string& file, Access access)
      : copy_(access == Access::kCopy ? file : std::string()),
        bytes_(access == Access::kCopy ? copy_ : file) {}
  std::string_view bytes() const noexcept override { return bytes_; }
  Status Populate(std::uint64_t offset, std::uint64_t bytes) const override {
    if (offset <= bytes_.size() && bytes <= bytes_.size() - offset) return Status::Ok();
    return Error(StatusCode::kInvalidArgument, "populate of {} bytes at offset {} of {}", bytes,
                 offset, bytes_.size());
  }

 private:
  const std::string copy_;
  const std::string_view bytes_;
};

class ImageFile final : public io::RandomFile {
 public:
  explicit ImageFile(const std::string& file) : file_(file) {}
  std::uint64_t bytes() const noexcept override { return file_.size(); }
  Result<std::size_t> Read(std::uint64_t offset, std::size_t bytes, char* to) const override {
    if (offset >= file_.size()) return std::size_t{0};
    const std::size_t count = std::min<std::uint64_t>(bytes, file_.size() - offset);
    std::memcpy(to, file_.data() + offset, count);
    return count;
  }
  Result<std::size_t> ReadDevice(std::uint64_t offset, std::size_t bytes, char* to) const override {
    return Read(offset, bytes, to);
  }
  Result<std::unique_ptr<io::Mapping>> Map(Access access) const override {
    return std::unique_ptr<io::Mapping>(std::make_unique<ImageMapping>(file_, access));
  }
  void DropCache(std::uint64_t, std::uint64_t) const override {}

 private:
  const std::string& file_;
};

class ImageLock final : public io::FileLock {};

}  // namespace

class ImageFs::ImageDirectory final : public io::Directory {
 public:
  explicit ImageDirectory(ImageFs* fs) : fs_(fs) {}

  Result<std::unique_ptr<io::WritableFile>> Create(std::string_view name) override {
    return Refuse(name);
  }
  Result<std::unique_ptr<io::WritableFile>> OpenForWrite(std::string_view name) override {
    return Refuse(name);
  }
  Result<std::unique_ptr<io::RandomFile>> Open(std::string_view name) const override {
    const auto it = fs_->files_.find(name);
    if (it == fs_->files_.end()) return Status::NotFound();
    return std::unique_ptr<io::RandomFile>(std::make_unique<ImageFile>(it->second));
  }
  Result<std::uint64_t> FileBytes(std::string_view name) const override {
    const auto it = fs_->files_.find(name);
    if (it == fs_->files_.end()) return Status::NotFound();
    return std::uint64_t{it->second.size()};
  }
  Status Rename(std::string_view from, std::string_view) override { return Refuse(from); }
  Status Link(std::string_view name, io::Directory*, std::string_view) override {
    return Refuse(name);
  }
  Status Unlink(std::string_view name) override { return Refuse(name); }
  Result<std::vector<io::DirectoryEntry>> List() const override {
    std::vector<io::DirectoryEntry> entries;
    for (const auto& [name, bytes] : fs_->files_) {
      entries.push_back({name, io::FileType::kRegular, bytes.size()});
    }
    return entries;
  }
  Status Sync() override { return Refuse("the directory"); }
  Result<std::unique_ptr<io::FileLock>> Lock(std::string_view name, bool shared) override {
    if (!shared) return Refuse(name);
    return std::unique_ptr<io::FileLock>(std::make_unique<ImageLock>());
  }
  Result<std::uint64_t> FreeBytes() const override { return std::uint64_t{1} << 40; }

 private:
  Status Refuse(std::string_view name) {
    ++fs_->refused_changes_;
    return Error(StatusCode::kReadOnly, "{}: an image is not written", name);
  }
  ImageFs* const fs_;
};

Result<std::unique_ptr<io::Directory>> ImageFs::OpenDirectory(const std::string& path, bool) {
  if (path != "/db") return Status::NotFound();
  return std::unique_ptr<io::Directory>(std::make_unique<ImageDirectory>(this));
}

Status ImageFs::RenameDirectory(const std::string& from, const std::string&) {
  ++refused_changes_;
  return Error(StatusCode::kReadOnly, "{}: an image is not written", from);
}

}  // namespace kyro::support
