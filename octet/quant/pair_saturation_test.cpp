#include "octet/quant/pair_saturation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/quant/test_graphs.h"

namespace octet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace testing_graphs;

using Codes = std::vector<std::int8_t>;

std::int64_t pairs_in(const Codes& row) {
  return count_saturating_pairs(row, 1, static_cast<std::int64_t>(row.size())).pairs;
}

/// What `vpmaddubsw` gives for one pair of the largest activations, and the true sum.
bool saturates_at_255(int a, int b) {
  const int sum = 255 * std::max(a, 0) + 255 * std::max(b, 0);
  const int negative = 255 * std::min(a, 0) + 255 * std::min(b, 0);
  return sum > 32767 || negative < -32768;
}

TEST(SaturatingPairs, TheBoundIs128InBothDirections) {
  EXPECT_EQ(pairs_in({64, 64}), 0);
  EXPECT_EQ(pairs_in({65, 64}), 1);
  EXPECT_EQ(pairs_in({127, 1}), 0);
  EXPECT_EQ(pairs_in({127, 2}), 1);
  EXPECT_EQ(pairs_in({-64, -64}), 0);
  EXPECT_EQ(pairs_in({-65, -64}), 1);
  EXPECT_EQ(pairs_in({-128, 0}), 0);
  EXPECT_EQ(pairs_in({-128, -1}), 1);
  EXPECT_EQ(pairs_in({127, -128}), 0);  // opposite signs never add up
}

TEST(SaturatingPairs, EveryPairOfCodesIsJudgedAsTheInstructionWould) {
  for (int a = -128; a <= 127; ++a) {
    for (int b = -128; b <= 127; ++b) {
      const Codes row{static_cast<std::int8_t>(a), static_cast<std::int8_t>(b)};
      ASSERT_EQ(pairs_in(row), saturates_at_255(a, b) ? 1 : 0) << a << ", " << b;
    }
  }
}

TEST(SaturatingPairs, PairsBeginAtEvenPositionsAndALastOneIsAlone) {
  EXPECT_EQ(pairs_in({0, 127, 127, 0}), 0);
  EXPECT_EQ(pairs_in({127, 127, 0, 0}), 1);
  EXPECT_EQ(pairs_in({1, 1, 127}), 0);
  EXPECT_EQ(pairs_in({127, 127, 127}), 1);
  EXPECT_EQ(count_saturating_pairs(Codes{1, 1, 127}, 1, 3).total_pairs, 1);
}

TEST(SaturatingPairs, ChannelsAndPairsAreCountedApart) {
  const PairSaturation found =
      count_saturating_pairs(Codes{100, 100, 100, 100, 1, 1, 1, 1, 1, 1, -100, -100}, 3, 4);
  EXPECT_EQ(found.channels, 2);
  EXPECT_EQ(found.pairs, 3);
  EXPECT_EQ(found.total_channels, 3);
  EXPECT_EQ(found.total_pairs, 6);
  EXPECT_DOUBLE_EQ(found.share(), 0.5);
}

TEST(SaturatingPairs, SevenBitsNeverSaturate) {
  for (int a = -64; a <= 63; ++a) {
    for (int b = -64; b <= 63; ++b) {
      ASSERT_EQ(pairs_in({static_cast<std::int8_t>(a), static_cast<std::int8_t>(b)}), 0);
    }
  }
}

TEST(SaturatingPairs, RowsOfAConvolutionAreTapByTap) {
  // [1, 3, 1, 2]: channel c, tap t holds 10 c + t.
  const Tensor weight = Tensor::from(Shape{1, 3, 1, 2}, Codes{0, 1, 10, 11, 20, 21});
  EXPECT_THAT(conv_rows_in_gemm_order(weight), ElementsAre(0, 10, 20, 1, 11, 21));
}

/// x -> QDQ -> op(weight behind DequantizeLinear).
Graph one_layer(const Op& op, const Tensor& weight, DType activation = DType::kUInt8) {
  Graph graph;
  const bool image = weight.shape().rank() == 4;
  const std::int64_t channels = image ? weight.shape()[1] : 4;
  const auto* conv = std::get_if<Conv2d>(&op);
  const std::int64_t groups = conv ? conv->groups : 1;
  const ValueId x = graph.add_input(
      "x", DType::kFloat32,
      image ? Shape{kDynamicDim, channels * groups, 4, 4} : Shape{kDynamicDim, channels});
  const TensorQuantParams params{.scale = {0.1f}, .dtype = activation};
  const ValueId codes = graph.add_value("codes", activation);
  graph.add_node("q", QuantizeLinear{params}, {x}, {codes});
  const ValueId real = graph.add("dq", DequantizeLinear{params}, {codes});
  const ValueId integers = graph.add_constant("w", weight);
  const ValueId w =
      graph.add("w_dq", DequantizeLinear{{.scale = {0.1f}, .dtype = DType::kInt8}}, {integers});
  graph.add_output(graph.add("layer", op, {real, w}));
  infer_shapes(graph);
  return graph;
}

TEST(SaturatingLayers, AGemmIsReadAlongItsDepthInBothLayouts) {
  // Depth 4, two outputs; only output 1 has a pair past the bound, at positions 2 and 3.
  const Tensor rows = Tensor::from(Shape{2, 4}, Codes{1, 127, 127, 1, 0, 0, 90, 90});
  const Tensor columns = Tensor::from(Shape{4, 2}, Codes{1, 0, 127, 0, 127, 90, 1, 90});
  for (const Graph& graph :
       {one_layer(Gemm{}, rows), one_layer(Gemm{.transpose_b = false}, columns),
        one_layer(MatMul{}, columns)}) {
    const std::vector<LayerSaturation> found = find_saturating_layers(graph);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].layer, "layer");
    EXPECT_EQ(found[0].pairs.channels, 1);
    EXPECT_EQ(found[0].pairs.pairs, 1);
    EXPECT_EQ(found[0].pairs.total_pairs, 4);
  }
}

TEST(SaturatingLayers, SignedActivationsAndDepthwiseLayersAreExact) {
  const Tensor rows = Tensor::from(Shape{1, 4}, Codes{127, 127, 127, 127});
  EXPECT_THAT(find_saturating_layers(one_layer(Gemm{}, rows, DType::kInt8)), IsEmpty());
  const Tensor taps = Tensor::from(Shape{2, 1, 1, 2}, Codes{127, 127, 127, 127});
  EXPECT_THAT(find_saturating_layers(one_layer(Conv2d{.groups = 2}, taps)), IsEmpty());
  EXPECT_EQ(find_saturating_layers(one_layer(Conv2d{}, taps)).size(), 1u);
}

TEST(SaturatingLayers, ReduceRangeRemovesEveryOneOfANetwork) {
  Rng rng(3);
  const Graph source = residual_network();
  const std::map<ValueId, Range> ranges = random_ranges(source, rng);
  QuantSpec spec = parse_config("static_int8_per_channel");
  EXPECT_EQ(find_saturating_layers(insert_qdq(source, assign(source, ranges, spec), spec)).size(),
            3u);
  EXPECT_EQ(
      find_saturating_layers(insert_dynamic_quantization(source, parse_config("dynamic_int8")))
          .size(),
      1u);
  spec.reduce_range = true;
  EXPECT_THAT(find_saturating_layers(insert_qdq(source, assign(source, ranges, spec), spec)),
              IsEmpty());
}

}  // namespace
}  // namespace octet
