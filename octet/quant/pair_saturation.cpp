#include "octet/quant/pair_saturation.h"

#include <algorithm>
#include <optional>

namespace octet {
namespace {

constexpr int kLargestExactSum = 128;  // 128 * 255 fits int16, 129 * 255 does not

bool may_saturate(int a, int b) {
  return std::max(a, 0) + std::max(b, 0) > kLargestExactSum ||
         std::min(a, 0) + std::min(b, 0) < -kLargestExactSum;
}

/// A matrix [depth, channels] as rows [channels][depth].
std::vector<std::int8_t> transposed_rows(const Tensor& matrix) {
  const std::int64_t depth = matrix.shape()[0], channels = matrix.shape()[1];
  const std::span<const std::int8_t> source = matrix.data<std::int8_t>();
  std::vector<std::int8_t> rows;
  rows.reserve(source.size());
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t k = 0; k < depth; ++k) {
      rows.push_back(source[static_cast<std::size_t>(k * channels + c)]);
    }
  }
  return rows;
}

class SaturationFinder {
 public:
  explicit SaturationFinder(const Graph& graph) : graph_(graph), producers_(producers(graph)) {}

  std::vector<LayerSaturation> find() const {
    std::vector<LayerSaturation> found;
    for (const Node& node : graph_.nodes()) {
      const std::optional<PairSaturation> pairs = saturation_of(node);
      if (pairs && pairs->pairs > 0) found.push_back({node.name, *pairs});
    }
    return found;
  }

 private:
  const DequantizeLinear* dequantized_by(ValueId value) const {
    const auto& id = producers_[static_cast<std::size_t>(value)];
    return id ? std::get_if<DequantizeLinear>(&graph_.node(*id).op) : nullptr;
  }

  bool reads_unsigned_codes(const Node& node) const {
    const DequantizeLinear* input = dequantized_by(*node.inputs[0]);
    return input && input->params.dtype == DType::kUInt8;
  }

  /// The int8 constant behind the DequantizeLinear of the second input.
  const Tensor* integer_weight(const Node& node) const {
    if (node.inputs.size() < 2 || !node.inputs[1] || !dequantized_by(*node.inputs[1])) {
      return nullptr;
    }
    const Node& source = graph_.node(*producers_[static_cast<std::size_t>(*node.inputs[1])]);
    return int8_constant(*source.inputs[0]);
  }
  const Tensor* int8_constant(ValueId value) const {
    const std::optional<Tensor>& constant = graph_.value(value).constant;
    return constant && constant->dtype() == DType::kInt8 ? &*constant : nullptr;
  }

  static std::optional<PairSaturation> count_matrix(const Tensor& weight, bool rows_are_channels) {
    if (weight.shape().rank() != 2) return std::nullopt;
    const std::int64_t rows = weight.shape()[0], columns = weight.shape()[1];
    if (rows_are_channels) return count_saturating_pairs(weight.data<std::int8_t>(), rows, columns);
    return count_saturating_pairs(transposed_rows(weight), columns, rows);
  }

  std::optional<PairSaturation> saturation_of(const Node& node) const {
    if (std::holds_alternative<MatMulInteger>(node.op)) {
      const Tensor* weight = int8_constant(*node.inputs[1]);
      const bool is_unsigned = graph_.value(*node.inputs[0]).dtype == DType::kUInt8;
      return weight && is_unsigned ? count_matrix(*weight, false) : std::nullopt;
    }
    const auto* conv = std::get_if<Conv2d>(&node.op);
    const auto* gemm = std::get_if<Gemm>(&node.op);
    if (!conv && !gemm && !std::holds_alternative<MatMul>(node.op)) return std::nullopt;
    const Tensor* weight = integer_weight(node);
    if (!weight || !reads_unsigned_codes(node)) return std::nullopt;
    if (!conv) return count_matrix(*weight, gemm && gemm->transpose_b);
    const Shape& shape = weight->shape();
    const bool is_depthwise = conv->groups > 1 && conv->groups == shape[0] && shape[1] == 1;
    if (is_depthwise) return std::nullopt;
    return count_saturating_pairs(conv_rows_in_gemm_order(*weight), shape[0],
                                  shape[1] * shape[2] * shape[3]);
  }

  const Graph& graph_;
  std::vector<std::optional<NodeId>> producers_;
};

}  // namespace

PairSaturation count_saturating_pairs(std::span<const std::int8_t> weights, std::int64_t channels,
                                      std::int64_t depth) {
  PairSaturation result{.total_channels = channels, .total_pairs = channels * (depth / 2)};
  for (std::int64_t c = 0; c < channels; ++c) {
    const std::span<const std::int8_t> row =
        weights.subspan(static_cast<std::size_t>(c * depth), static_cast<std::size_t>(depth));
    std::int64_t pairs = 0;
    for (std::size_t k = 0; k + 1 < row.size(); k += 2) {
      if (may_saturate(row[k], row[k + 1])) ++pairs;
    }
    result.pairs += pairs;
    if (pairs > 0) ++result.channels;
  }
  return result;
}

std::vector<std::int8_t> conv_rows_in_gemm_order(const Tensor& weight) {
  const Shape& shape = weight.shape();
  const std::int64_t inputs = shape[1], taps = shape[2] * shape[3];
  const std::span<const std::int8_t> source = weight.data<std::int8_t>();
  std::vector<std::int8_t> rows;
  rows.reserve(source.size());
  for (std::int64_t o = 0; o < shape[0]; ++o) {
    for (std::int64_t t = 0; t < taps; ++t) {
      for (std::int64_t i = 0; i < inputs; ++i) {
        rows.push_back(source[static_cast<std::size_t>((o * inputs + i) * taps + t)]);
      }
    }
  }
  return rows;
}

std::vector<LayerSaturation> find_saturating_layers(const Graph& quantized) {
  return SaturationFinder(quantized).find();
}

}  // namespace octet
