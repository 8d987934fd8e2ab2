#pragma once

#include <cstdint>

#include "octet/runtime/steps/packed_weights.h"
#include "octet/runtime/steps/product_blocks.h"
#include "octet/runtime/steps/step.h"

namespace octet {

/// A matrix product [m, k] x packed weights, tile by tile over the threads.
class GemmRows {
 public:
  /// `summands`: how many weights of each column belong to one activation (IntegerWeights).
  GemmRows(PackedGemm packed, int k, int n, int summands = 1)
      : packed_(packed),
        k_(k),
        n_(n),
        summands_(summands),
        blocks_(product_blocks({.n = n,
                                .steps = k,
                                .mr = packed.kernel->mr,
                                .nr = packed.kernel->nr,
                                .column_bytes = column_bytes(*packed.kernel, summands, k),
                                .row_bytes = k,
                                .splits_depth = false})) {}

  const PackedGemm& packed() const { return packed_; }
  int k() const { return k_; }
  int n() const { return n_; }
  std::size_t scratch_bytes() const;

  /// `output` says where row 0 goes and how it is requantized; the rest is filled in per tile.
  void run(const RunContext& context, const std::uint8_t* a, std::int64_t m,
           const GemmU8S8Args& output) const noexcept;

 private:
  std::size_t pointer_bytes() const {
    const auto pointers =
        static_cast<std::size_t>(packed_.kernel->mr) * static_cast<std::size_t>(summands_);
    return (pointers * sizeof(void*) + 63) / 64 * 64;
  }

  PackedGemm packed_;
  int k_, n_, summands_;
  ProductBlocks blocks_;
};

}  // namespace octet
