// SPDX-License-Identifier: Apache-2.0
//
// WriteBatch: operations that become durable and visible together, over any keyspaces of one Db.
#ifndef KYRO_WRITE_BATCH_H_
#define KYRO_WRITE_BATCH_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "kyro/status.h"
#include "kyro/types.h"

namespace kyro {

template <class K>
class [[gnu::visibility("default")]] Keyspace;

// One thread at a time. Copies keys and values. An operation that cannot be encoded (key or value
// too long, memory refused, keyspaces of two Dbs) spoils the batch: Db::Write then returns that
// error and applies nothing.
class [[gnu::visibility("default")]] WriteBatch {
 public:
  WriteBatch();

  // Adds a row. Of two operations on one key the later wins. Nothing is written before Db::Write.
  template <class K>
  void Put(const Keyspace<K>& keyspace, typename K::Key key, std::string_view value);
  // Takes the key away, if it is there.
  template <class K>
  void Delete(const Keyspace<K>& keyspace, typename K::Key key);

  void Clear();                          // also forgets an error
  std::uint32_t count() const noexcept;  // operations
  std::size_t bytes() const noexcept {
    return bytes_.size();
  }  // encoded
  const Status& status() const noexcept {
    return status_;
  }  // the first error

 private:
  friend class Db;
  void Spoil(Status status) noexcept;
  bool Bind(std::uint64_t owner) noexcept;

  std::string bytes_;        // docs/format-batch.md
  std::uint64_t owner_ = 0;  // the Db whose keyspaces were named; 0: none
  Status status_;
};

extern template void WriteBatch::Put<U64>(const Keyspace<U64>&, std::uint64_t, std::string_view);
extern template void WriteBatch::Put<Bytes>(const Keyspace<Bytes>&, std::string_view,
                                            std::string_view);
extern template void WriteBatch::Delete<U64>(const Keyspace<U64>&, std::uint64_t);
extern template void WriteBatch::Delete<Bytes>(const Keyspace<Bytes>&, std::string_view);

}  // namespace kyro

#endif  // KYRO_WRITE_BATCH_H_
