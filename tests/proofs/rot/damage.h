// SPDX-License-Identifier: Apache-2.0
//
// Every way in which the files of a sample are damaged, one case after the other, and the judgement
// of what the library makes of each.
#ifndef KYRO_TESTS_PROOFS_ROT_DAMAGE_H_
#define KYRO_TESTS_PROOFS_ROT_DAMAGE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proofs/rot/reader.h"
#include "proofs/rot/sample.h"
#include "support/test_env.h"

namespace kyro::proofs {

enum class Kind : std::uint8_t {
  kByte,       // one byte XORed with a mask
  kZeroed,     // a 512-byte sector becomes zeros
  kSwapped,    // two sectors of one file, or of two, change places
  kTruncated,  // a file ends early
  kGrown,      // bytes behind the end
  kRemoved,    // a file is not there
  kPutBack,    // a file as it was at an earlier moment, or an earlier file's bytes under its name
  kForeign,    // a file of a checkpoint of this database, or of another database
};
inline constexpr Kind kKinds[] = {Kind::kByte,  Kind::kZeroed,  Kind::kSwapped, Kind::kTruncated,
                                  Kind::kGrown, Kind::kRemoved, Kind::kPutBack, Kind::kForeign};
std::string_view KindName(Kind kind);  // the figure's

struct Case {
  Kind kind = Kind::kByte;
  std::uint8_t mask = 0;           // kByte
  std::uint16_t file = 0;          // in Damages::names
  std::uint16_t other_file = 0;    // kSwapped
  std::uint32_t offset = 0;        // kTruncated: the new length; kGrown: which way
  std::uint32_t other_offset = 0;  // kSwapped; kPutBack, kForeign: in Damages::others
};

// What is tried on one sample. Constant once made; threads share it.
struct Damages {
  // kPutBack and kForeign: files by name, of which some may be new ones.
  struct Other {
    std::vector<std::pair<std::string, std::string>> files;
    std::string what;
  };
  const Sample* sample = nullptr;
  std::vector<std::string> names;
  std::string newest_log;
  std::vector<Other> others;
  std::vector<Case> cases;
};

struct Extent {
  bool all_bits = false;     // each bit of each byte by itself, otherwise one mask a byte
  std::uint64_t stride = 1;  // of the byte and truncation cases
};
Damages MakeDamages(const Sample& sample, const Sample& stranger, std::uint64_t seed,
                    const Extent& extent);

// "000012.keys byte 4711 ^ 0x20".
std::string Describe(const Damages& damages, const Case& damage);

// What became of one case.
struct Verdict {
  bool skipped = false;   // nothing changed: the bytes are the same
  bool refused = false;   // by Open
  bool harmless = false;  // nothing names the file, and everything is right
  std::string wrong;      // a violation; empty: none
};

// Tries cases one by one on a copy of the sample's files. One thread.
class Injector {
 public:
  explicit Injector(const Damages& damages);

  // Read-only, on the files in place.
  Verdict TryReadOnly(const Case& damage, Access access, std::uint32_t order);
  // A Db that may write: with its background work, closed in order and read again.
  Verdict TryWriting(const Case& damage, Access access, std::uint32_t order);
  // The same with everything merged before it is read: what cannot be read must not be merged away.
  // A fold also mends: damage that no row depends on may go unnoticed with its file.
  Verdict TryFold(const Case& damage, Access access, std::uint32_t order);
  // The database with this damage, durable in "/db" of a disk; null if it changes nothing.
  std::unique_ptr<support::SimFs> DiskWith(const Case& damage);

 private:
  // False if that changes nothing.
  bool Apply(const Case& damage);
  void Undo();
  std::vector<std::string> Damaged(const Case& damage) const;
  Verdict Judge(const Case& damage, const Findings& found) const;
  void Touch(const std::string& name) { touched_.push_back(name); }

  const Damages& damages_;
  support::ImageFs fs_;
  support::TestEnv world_;  // its executor, clock and randomness
  std::unique_ptr<support::SimFs> disk_;
  std::vector<std::string> touched_;
};

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_ROT_DAMAGE_H_
