// SPDX-License-Identifier: Apache-2.0
//
// MemoryDirectory: files that are only read, as fast as memory. Each lies in an allocation of
// exactly its size, so that AddressSanitizer sees a read past its end. Mappings are of the file
// itself: an answer's place in its file can be told from its address.
#ifndef KYRO_FUZZ_MEMORY_DIRECTORY_H_
#define KYRO_FUZZ_MEMORY_DIRECTORY_H_

#include <map>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "io/file_system.h"

namespace kyro::fuzz {

// Bytes on a page boundary.
class PageBytes {
 public:
  explicit PageBytes(std::string_view bytes);
  std::string_view bytes() const noexcept { return {data_.get(), count_}; }

 private:
  static constexpr std::align_val_t kPage{4096};
  struct Free {
    void operator()(char* data) const noexcept { ::operator delete[](data, kPage); }
  };
  std::unique_ptr<char[], Free> data_;
  std::size_t count_;
};

// One thread. Everything that would change it fails with kReadOnly.
class MemoryDirectory final : public io::Directory {
 public:
  // Replaces what was there; handles on it stay as they were.
  void Set(const std::string& name, std::string_view bytes);
  void Remove(const std::string& name) { files_.erase(name); }
  // The file's bytes; empty if there is none.
  std::string_view Bytes(const std::string& name) const;

  Result<std::unique_ptr<io::RandomFile>> Open(std::string_view name) const override;
  Result<std::uint64_t> FileBytes(std::string_view name) const override;
  Result<std::vector<io::DirectoryEntry>> List() const override;

  Result<std::unique_ptr<io::WritableFile>> Create(std::string_view) override;
  Result<std::unique_ptr<io::WritableFile>> OpenForWrite(std::string_view) override;
  Status Rename(std::string_view, std::string_view) override;
  Status Link(std::string_view, Directory*, std::string_view) override;
  Status Unlink(std::string_view) override;
  Status Sync() override;
  Result<std::unique_ptr<io::FileLock>> Lock(std::string_view, bool) override;
  Result<std::uint64_t> FreeBytes() const override;

 private:
  std::map<std::string, std::shared_ptr<const PageBytes>, std::less<>> files_;
};

}  // namespace kyro::fuzz

#endif  // KYRO_FUZZ_MEMORY_DIRECTORY_H_
