#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "octet/base/tensor.h"
#include "octet/train/train.h"

// Internal to train/: the file that a stopped training continues from.

namespace octet {

/// What a run was started with, as names and values; a resumed run must have the same.
using Fingerprint = std::vector<std::pair<std::string, std::string>>;

/// Everything that the rest of a training depends on.
struct TrainCheckpoint {
  Fingerprint fingerprint;
  std::vector<Tensor> parameters;
  std::vector<Tensor> state;  ///< running statistics, observers
  std::vector<Tensor> optimizer;
  std::vector<Tensor> best_parameters;  ///< empty before the first finished epoch
  std::vector<Tensor> best_state;
  std::int64_t optimizer_steps = 0;
  std::string epoch_rng;  ///< generator at the beginning of the epoch: it gives the order
  std::string rng;        ///< generator now
  std::int64_t epoch = 0;
  std::int64_t step = 0;  ///< steps of `epoch` that are done
  double loss_sum = 0;    ///< of those steps, per sample
  std::int64_t correct = 0;
  std::int64_t seen = 0;
  std::vector<EpochResult> epochs;
  std::int64_t best_epoch = -1;
  std::int64_t best_correct = -1;
};

/// All or nothing; the file ends with a checksum of itself.
void save_checkpoint(const std::filesystem::path& path, const TrainCheckpoint& checkpoint);
/// Error(kNoInput) if there is none, Error(kBadData) if it is foreign, truncated or damaged.
TrainCheckpoint load_checkpoint(const std::filesystem::path& path);

std::vector<std::byte> serialize(const TrainCheckpoint& checkpoint);
/// `where` names the file in errors.
TrainCheckpoint parse_checkpoint(std::span<const std::byte> bytes, const std::string& where);

/// Error(kBadData) naming the first entry that differs, with both values.
void require_same_fingerprint(const Fingerprint& saved, const Fingerprint& current,
                              const std::string& where);

/// FNV-1a over 64-bit words: notices damage and difference, not malice.
class ContentHash {
 public:
  void add(std::span<const std::byte> bytes);
  void add(const std::string& text) { add(std::as_bytes(std::span(text))); }
  std::uint64_t value() const { return hash_; }
  std::string hex() const;

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325u;
};

}  // namespace octet
