// SPDX-License-Identifier: Apache-2.0
//
// How every peer is set up, each setting with the vendor's page that recommends it. Where two ways
// were tried, the slower one's figure stands beside the one that was kept (1 million uniform keys,
// 8-byte values, ns per get_hit unless it says otherwise; of one machine, so only their ratio says
// anything). All run in one process, without compression, and keep everything in memory.
#ifndef KYRO_BENCH_PEERS_SETTINGS_H_
#define KYRO_BENCH_PEERS_SETTINGS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "bench/peers/engine.h"
#include "kyro/types.h"

namespace kyro::bench::settings {

// Writes of the YCSB workloads reach the operating system and are not synced, in all engines: what
// a sync costs is the disk's affair and would hide the rest.
inline constexpr Durability kKyroDurability = Durability::kOs;

// Twice the rows, and at least 64 MiB: a cache in which nothing is ever evicted.
inline std::size_t CacheBytes(const StoreOptions& options) {
  const std::size_t row = 8 + options.shape.max;
  return std::max<std::size_t>(2 * options.key_count * (row + 24), std::size_t{64} << 20);
}

// --- LMDB (http://www.lmdb.tech/doc/group__mdb.html)
// MDB_INTEGERKEY for keys that are numbers, MDB_APPEND for sorted loads ("fast bulk loading"),
// MDB_NORDAHEAD for random reads, MDB_NOSYNC for a load that is not synced. One read transaction is
// held; in it mdb_get against mdb_cursor_get with MDB_SET_KEY.
// Loading with MDB_WRITEMAP took 366 ns a row, without 586.
inline constexpr bool kLmdbGetByCursor = false;
inline constexpr bool kLmdbLoadWriteMap = true;

// --- RocksDB (https://github.com/facebook/rocksdb/wiki)
// "Creating and Ingesting SST files": the fastest way to load sorted rows, into one level.
// "Block Cache": an LRU cache for everything, or allow_mmap_reads, for which "Tuning Guide" wants
// no compression. "Data Block Hash Index": kDataBlockBinaryAndHash for point lookups.
// "RocksDB Bloom Filter": NewBloomFilterPolicy(10).
// max_open_files -1 keeps every table open ("Tuning Guide").
inline constexpr int kBloomBitsPerKey = 10;
inline constexpr bool kRocksdbHashIndex = true;
inline constexpr bool kRocksdbMmapReads = false;

// --- LevelDB (https://github.com/google/leveldb/blob/main/doc/index.md, "Performance")
// A block cache that holds everything, NewBloomFilterPolicy(10), no compression; a large write
// buffer while loading, then CompactRange over everything.
inline constexpr std::size_t kLeveldbWriteBufferBytes = std::size_t{64} << 20;
inline constexpr std::size_t kLeveldbFileBytes = std::size_t{64} << 20;

// --- SQLite (https://www.sqlite.org/pragma.html, /mmap.html, /rowidtable.html)
// The key is the INTEGER PRIMARY KEY, which is the rowid; prepared statements; mmap_size over the
// whole file, 1263 against 3527 without; journal_mode WAL with synchronous OFF for writes.
inline constexpr int kSqlitePageBytes = 4096;
inline constexpr bool kSqliteMap = true;

// --- Tkrzw (https://dbmx.net/tkrzw/, "Tips: performance tuning of the hash database")
// Twice as many buckets as records; offsets of 4 bytes, records aligned to 8 bytes: files of up to
// 32 GiB. MemoryMapParallelFile is its default.
inline constexpr double kTkrzwBucketsPerRow = 2;
inline constexpr int kTkrzwOffsetWidth = 4;
inline constexpr int kTkrzwAlignPow = 3;

// --- WiredTiger (https://source.wiredtiger.com/3.2.1/tuning.html)
// "Bulk-load": a bulk cursor for sorted rows. "Cache size": everything fits, with room for what a
// page takes in memory. "Tuning page size": leaf_page_max for lookups of small rows, 741 with 32 KB
// and 1007 with 4 KB. The log is on
// and not synced, nor prepared in advance: that took most of the time of opening.
inline constexpr const char* kWiredtigerLeafPage = "32KB";

// --- Sorted array: std::lower_bound against a search without branches that prefetches
// both halves to come.
inline constexpr bool kSortedArrayBranches = false;

}  // namespace kyro::bench::settings

#endif  // KYRO_BENCH_PEERS_SETTINGS_H_
