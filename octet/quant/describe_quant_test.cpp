#include "octet/quant/describe_quant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/quant/test_graphs.h"

namespace octet {
namespace {

using ::testing::HasSubstr;
using namespace testing_graphs;

Graph small_network() {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, Shape{kDynamicDim, 1, 4, 4});
  const ValueId weight =
      graph.add_constant("w", Tensor::from<float>(Shape{2, 1, 1, 1}, {1.27f, 2.54f}));
  const ValueId conv = graph.add("conv", Conv2d{.activation = kRelu}, {x, weight});
  graph.add_output(graph.add("pool", MaxPool{{.kernel = {2, 2}}}, {conv}));
  infer_shapes(graph);
  return graph;
}

TEST(DescribeQuant, APreparedModelShowsItsObservers) {
  const Graph graph = small_network();
  Calibration calibration;
  calibration.ranges = {{*graph.find_value("x"), {-1.5f, 2.25f}},
                        {*graph.find_value("conv"), {0.0f, 5.1f}}};
  calibration.non_finite = {{*graph.find_value("conv"), 3}};
  EXPECT_EQ(to_text(graph, calibration),
            "x: observer min=-1.5 max=2.25\n"
            "conv (Conv): weight [2, 1, 1, 1], output observer min=0 max=5.1 "
            "(3 non-finite elements of 'conv' skipped)\n");
}

TEST(DescribeQuant, AConvertedModelShowsTypesScalesAndZeroPoints) {
  const Graph graph = small_network();
  const std::map<ValueId, Range> ranges{{*graph.find_value("x"), {-1.0f, 4.1f}},
                                        {*graph.find_value("conv"), {0.0f, 5.1f}}};
  EXPECT_EQ(describe_assignment(graph, assign(graph, ranges, QuantSpec{})),
            "x: uint8 scale=0.02 zero_point=50\n"
            "conv (Conv): weight int8 per channel scale=0.01..0.02, output uint8 scale=0.02 "
            "zero_point=0\n");
  EXPECT_THAT(
      describe_assignment(graph, assign(graph, ranges, parse_config("static_w2a4_per_tensor"))),
      HasSubstr("weight int8 (2 bits) per tensor scale=2.54, output uint8 (4 bits)"));
}

TEST(DescribeQuant, WhatIsFloatIsCalledFloat) {
  EXPECT_EQ(describe_assignment(small_network(), QuantAssignment{}),
            "conv (Conv): weight float32\n");
}

}  // namespace
}  // namespace octet
