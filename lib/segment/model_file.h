// SPDX-License-Identifier: Apache-2.0
//
// The .rmi file: a block file around the index's blob, bound to one .keys file.
#ifndef KYRO_SEGMENT_MODEL_FILE_H_
#define KYRO_SEGMENT_MODEL_FILE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/file_ref.h"
#include "index/model.h"
#include "io/file_system.h"
#include "kyro/status.h"
#include "segment/block_file.h"
#include "segment/block_writer.h"
#include "segment/builder.h"

namespace kyro::segment {

// An open model, verified whole. Any thread.
struct ModelFile {
  std::unique_ptr<BlockFile> file;
  index::Model model;  // a view of file's bytes

  // Opens ref.model for ref.keys. Any error but kResourceExhausted means that there is no usable
  // model.
  static Result<ModelFile> Open(const io::Directory& directory, const SegmentRef& ref,
                                Access access, Counters* counters);
};

// Trains a model for `keys`, the column of the .keys file `keys_ref`, and writes it as NAME.tmp
// under a fresh number; null if they are too few for one. Every key of `keys` is looked up in the
// model, whose bytes `*model` keeps, for comparing with the file.
Result<std::unique_ptr<BlockWriter>> WriteModel(const BuildContext& context,
                                                const FileRef& keys_ref, std::uint32_t block_bits,
                                                std::span<const std::uint64_t> keys,
                                                index::ModelBytes* model);

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_MODEL_FILE_H_
