#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "octet/graph/graph.h"

// Where another runtime's uint8 x int8 kernels would saturate. `vpmaddubsw`, which ONNX Runtime
// (MLAS) uses on AVX2 and on AVX-512 without VNNI, adds the products of two adjacent elements of
// the depth into a saturating int16. With activations up to 255 that is exact only while the
// positive weights of the pair sum to at most 128 and the negative ones to at least -128 (numerics
// clause 4). octet's own kernels never saturate; these figures are about the files that it writes.

namespace octet {

struct PairSaturation {
  std::int64_t channels = 0;  ///< output channels with at least one pair past the bound
  std::int64_t pairs = 0;     ///< pairs past the bound
  std::int64_t total_channels = 0;
  std::int64_t total_pairs = 0;

  double share() const {
    return total_pairs == 0 ? 0.0 : static_cast<double>(pairs) / static_cast<double>(total_pairs);
  }
};

/// Pairs (0, 1), (2, 3) ... of each row of a matrix [channels][depth]; a last single element has no
/// partner (the packing fills up with 0), and alone it is always exact.
PairSaturation count_saturating_pairs(std::span<const std::int8_t> weights, std::int64_t channels,
                                      std::int64_t depth);

/// The int8 weight [oc, ic / groups, kh, kw] of a convolution as rows [oc][kh][kw][ic / groups]:
/// the depth order of ONNX Runtime's QLinearConv, which computes channels-last whatever the layout
/// of its tensors and reorders its filter so before packing. Neighbours are therefore two input
/// channels at one tap, or with an odd number of channels the last one and the first of the next
/// tap.
std::vector<std::int8_t> conv_rows_in_gemm_order(const Tensor& weight);

struct LayerSaturation {
  std::string layer;
  PairSaturation pairs;
};

/// The layers of a quantized graph that have pairs past the bound, in execution order: Conv2d, Gemm
/// and MatMul with an int8 weight that read uint8 codes, and MatMulInteger. Depthwise convolutions
/// are left out: ONNX Runtime computes them tap by tap, in int32.
std::vector<LayerSaturation> find_saturating_layers(const Graph& quantized);

}  // namespace octet
