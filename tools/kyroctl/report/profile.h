// SPDX-License-Identifier: Apache-2.0
//
// Profile: what one pass over the rows of a keyspace tells of its model, in memory that does not
// grow with their number. The page's plots are drawn from it. One thread at a time.
//
//   F1  Every number is counted from the routes of the inspection door, which are the lookups' own.
//   F2  Every row of the segments is counted once: errors() and unmodelled together are `rows`.
#ifndef KYRO_TOOLS_KYROCTL_REPORT_PROFILE_H_
#define KYRO_TOOLS_KYROCTL_REPORT_PROFILE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "db/inspect.h"

namespace kyro::kyroctl {

// Pixel columns of a key axis.
inline constexpr std::size_t kKeyColumns = 340;
// Signed errors -kErrorSpan ... kErrorSpan; what is further off is counted at the ends: of models
// that were trained for their keys only what a packed tree misses.
inline constexpr std::int64_t kErrorSpan = 32;
// Keys per leaf are counted one by one up to this many.
inline constexpr std::size_t kLeafKeysMax = 4096;

// The keys that fall into one pixel column.
struct KeyColumn {
  std::uint64_t keys = 0;
  std::int64_t error_min = std::numeric_limits<std::int64_t>::max();
  std::int64_t error_max = std::numeric_limits<std::int64_t>::min();
  std::uint64_t error_sum = 0;  // of absolute values
  std::uint64_t modelled = 0;   // keys that have an error
  // After Finish: keys up to the end of the column, counted and as the models predict them.
  std::uint64_t rank = 0;
  std::uint64_t predicted = 0;
};
using KeyColumns = std::array<KeyColumn, kKeyColumns>;

// Where lookups end.
enum class Ending : std::uint8_t {
  kRootLeaf,
  kDeepLeaf,
  kSmallTree,
  kRootTree,
  kPackedTree,
  kSearch
};
inline constexpr std::size_t kEndings = 6;

struct Profile {
  using Errors = std::array<std::uint64_t, 2 * kErrorSpan + 1>;  // by error + kErrorSpan

  KeyKind kind = KeyKind::kU64;
  std::uint64_t rows = 0;  // in all segments, deleted ones and older versions included

  // u64 keys.
  std::uint64_t first_key = 0, last_key = 0;
  KeyColumns linear{};                            // columns of equal width in keys
  KeyColumns log{};                               // of equal width in log(key - first_key + 1)
  Errors leaf_errors{};                           // position minus prediction
  Errors tree_errors{};                           // the same from the middle of the block
  std::uint64_t unmodelled = 0;                   // rows of segments without a model
  std::uint64_t far = 0;                          // rows whose error no training makes
  std::uint64_t second_looks = 0;                 // rows that the first window alone does not prove
  std::array<std::uint64_t, kEndings> endings{};  // rows
  // Layers of the structure that lookups of the rows pass: distinct nodes of each.
  std::array<std::uint64_t, index::kNodeDepthMax> linear_nodes{};
  std::array<std::uint64_t, index::kTreeLevelsMax> tree_nodes{};
  std::uint64_t blocks = 0;  // of 32 keys that trees choose
  std::uint64_t lines = 0;   // of 8 keys that packed trees choose
  std::uint64_t leaves = 0, small_trees = 0;
  std::vector<std::uint64_t> keys_per_leaf;  // leaves by keys; the last is "so many or more"
  std::vector<std::uint64_t> keys_per_tree;  // small trees, likewise

  // Rows of a segment by the distance from the row before, as its power of two rounded down.
  std::array<std::uint64_t, 64> gaps{};

  // Byte-string keys.
  std::vector<std::uint64_t> key_lengths;  // rows by length; as long as the longest

  // The needed window: 2 error + 2 around a leaf's prediction, a block's 32 keys in a tree, in a
  // packed one from the chosen line to the key's. Rows by half of it; the last is "so much or
  // more".
  using Windows = std::array<std::uint64_t, kErrorSpan + 2>;
  Windows tree_windows{};  // of trees alone
  Windows windows() const noexcept;
  // Whether most keys would share a few columns of the linear axis.
  bool prefers_log() const noexcept;
  const KeyColumns& columns() const noexcept { return prefers_log() ? log : linear; }
};

// Fills a Profile from VisitRows' batches.
class Profiler {
 public:
  // `first_key` and `last_key` are the least and the largest key of all segments (u64).
  Profiler(KeyKind kind, std::uint64_t first_key, std::uint64_t last_key);

  void Add(const db::RowBatch<U64>& batch);
  void Add(const db::RowBatch<Bytes>& batch);
  Profile Finish();

 private:
  struct Stretch {  // rows that end in the same slot
    Ending ending = Ending::kSearch;
    std::uint32_t slot = 0;
    std::uint64_t keys = 0;  // 0: none yet
  };
  void AddRow(std::uint64_t key, std::uint64_t position, const index::Route& route);
  void AddError(const index::Route& route, std::uint64_t position, std::int64_t error);
  void AddLayers(const index::Route& route, Ending ending);
  void AddToColumn(KeyColumn* column, bool modelled, std::int64_t error);
  void EndStretch();
  void EndSegment();
  void EndRun();
  std::size_t LinearColumn(std::uint64_t key) const noexcept;
  std::size_t LogColumn(std::uint64_t key) const noexcept;

  Profile profile_;
  std::size_t run_ = 0, segment_ = 0;
  std::uint64_t run_base_ = 0;      // rows of the run's earlier segments
  std::uint64_t last_key_ = 0;      // of this segment, if it has rows
  std::uint64_t segment_rows_ = 0;  // rows of this segment so far
  // Of the current run: counted and predicted keys up to the last one in each column.
  struct Reach {
    std::array<std::uint64_t, kKeyColumns> rank{}, predicted{};
  };
  Reach linear_reach_, log_reach_;
  Stretch stretch_;
  // The last node of each layer, to count distinct ones: keys come in order.
  std::array<std::uint64_t, index::kNodeDepthMax> last_linear_{};
  std::array<std::uint64_t, index::kTreeLevelsMax> last_tree_{};
  std::uint64_t last_block_ = 0;
};

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_REPORT_PROFILE_H_
