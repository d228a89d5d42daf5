// SPDX-License-Identifier: Apache-2.0
//
// Keyspaces of both kinds behind one face, so that a test is written once. Keys are strings whose
// memcmp order is the keyspace's order: of a U64 key the eight bytes, highest first.
#ifndef KYRO_TESTS_DB_ANY_SPACE_H_
#define KYRO_TESTS_DB_ANY_SPACE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kyro/db.h"

namespace kyro::db {

using Rows = std::vector<std::pair<std::string, std::string>>;
using Map = std::map<std::string, std::string>;

std::string U64Key(std::uint64_t key);
std::uint64_t U64Of(std::string_view key);

class AnyIterator {
 public:
  virtual ~AnyIterator() = default;
  virtual bool Valid() const = 0;
  virtual void Seek(const std::string& key) = 0;
  virtual void SeekForPrev(const std::string& key) = 0;
  virtual void SeekToFirst() = 0;
  virtual void SeekToLast() = 0;
  virtual void Next() = 0;
  virtual void Prev() = 0;
  virtual std::string key() const = 0;
  virtual std::string value() const = 0;
  virtual Status status() const = 0;
};

class AnyView {
 public:
  virtual ~AnyView() = default;
  virtual Lookup Get(const std::string& key) const = 0;
  virtual Status MultiGet(const std::vector<std::string>& keys,
                          std::vector<Lookup>* lookups) const = 0;
  // The rows of [lo, hi) up to the first error.
  virtual Status Scan(const std::optional<std::string>& lo, const std::optional<std::string>& hi,
                      Rows* rows) const = 0;
  // The same, by NextBatch.
  virtual Status ScanBatches(const std::optional<std::string>& lo,
                             const std::optional<std::string>& hi, Rows* rows) const = 0;
  virtual std::unique_ptr<AnyIterator> NewIterator() const = 0;
  virtual Sequence sequence() const = 0;
};

class AnyLoader {
 public:
  virtual ~AnyLoader() = default;
  virtual Status Add(const std::string& key, std::string_view value) = 0;
  virtual Result<Sequence> Finish() = 0;
};

class AnySpace {
 public:
  virtual ~AnySpace() = default;
  virtual Status Put(const std::string& key, std::string_view value,
                     const WriteOptions& options) = 0;
  virtual Status Delete(const std::string& key, const WriteOptions& options) = 0;
  virtual Status Get(const std::string& key, std::string* value) const = 0;
  virtual void BatchPut(WriteBatch* batch, const std::string& key, std::string_view value) = 0;
  virtual void BatchDelete(WriteBatch* batch, const std::string& key) = 0;
  virtual Result<std::shared_ptr<AnyView>> view() const = 0;
  virtual Result<std::shared_ptr<AnyView>> view(const ReadPoint& point) const = 0;
  virtual Result<std::unique_ptr<AnyLoader>> NewLoader() = 0;
  virtual std::uint32_t id() const = 0;
};

Result<std::unique_ptr<AnySpace>> OpenSpace(Db* db, std::string_view name, KeyKind kind);

}  // namespace kyro::db

#endif  // KYRO_TESTS_DB_ANY_SPACE_H_
