// SPDX-License-Identifier: Apache-2.0
//
// One write of a crowd, the same for the process that makes it and the one that checks it.
#ifndef KYRO_TESTS_PROOFS_REAL_CROWD_WRITE_H_
#define KYRO_TESTS_PROOFS_REAL_CROWD_WRITE_H_

#include "db/model.h"
#include "proofs/real/crowd.h"
#include "support/seeded_random.h"

namespace kyro::proofs {

struct CrowdWrite {
  db::Batch batch;
  Durability durability = Durability::kSync;
};

CrowdWrite WriteOf(const CrowdPlan& plan, std::size_t thread, std::uint64_t number);

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_REAL_CROWD_WRITE_H_
