#include "octet/graph/specialize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/base/error.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Tensor integers(const std::vector<std::int64_t>& values) {
  return Tensor::from(Shape{static_cast<std::int64_t>(values.size())}, values);
}

/// x [?, 6] reshaped to `target`, an input of two integers that are first added up.
Graph reshape_by_input() {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kUnknownDim, 6});
  const ValueId target = graph.add_input("target", DType::kInt64, {2});
  const ValueId zero = graph.add_constant("zero", Tensor::scalar<std::int64_t>(0));
  const ValueId sum = graph.add("sum", Add{}, {target, zero});
  graph.add_output(graph.add("y", Reshape{}, {x, sum}));
  infer_shapes(graph);
  return graph;
}

TEST(Specialize, SetsShapesAndWaitsForTheElementsThatAreStillMissing) {
  const Graph graph = reshape_by_input();
  EXPECT_THAT(inputs_that_decide(graph, true), IsEmpty()) << "the shape of x comes first";
  const Graph shaped = specialize(graph, {{"x", {4, 6}}});
  EXPECT_EQ(shaped.value(shaped.inputs()[0]).shape, (Shape{4, 6}));
  EXPECT_THAT(inputs_that_decide(shaped, true), ElementsAre("target"));
  EXPECT_EQ(graph.value(graph.inputs()[0]).shape, (Shape{kUnknownDim, 6}));
}

TEST(Specialize, TurnsInputsIntoConstants) {
  const Graph done =
      specialize(reshape_by_input(), {{"x", {4, 6}}}, {{"target", integers({3, -1})}});
  ASSERT_EQ(done.inputs().size(), 1u);
  EXPECT_EQ(to_string(done), to_string(specialize(done, {})));
  EXPECT_EQ(done.value(done.outputs()[0]).shape, (Shape{3, 8}));
  EXPECT_THAT(inputs_that_decide(done, false), IsEmpty());
}

TEST(Specialize, LeavesOutTheNodeThatComputedAGivenValue) {
  const Graph done = specialize(reshape_by_input(), {{"x", {4, 6}}}, {{"sum", integers({24, 1})}});
  ASSERT_EQ(done.nodes().size(), 1u);
  EXPECT_EQ(done.value(done.outputs()[0]).shape, (Shape{24, 1}));
}

TEST(Specialize, RefusesWhatContradictsTheGraph) {
  const Graph graph = reshape_by_input();
  EXPECT_THROW(specialize(graph, {{"x", {4, 7}}}), Error);
  EXPECT_THROW(specialize(graph, {{"x", {4, 6, 1}}}), Error);
  EXPECT_THROW(specialize(graph, {{"nothing", {4}}}), Error);
  EXPECT_THROW(specialize(graph, {}, {{"target", Tensor(DType::kFloat32, {2})}}), Error);
  EXPECT_THROW(specialize(graph, {{"x", {4, 6}}}, {{"target", integers({5, 5})}}), Error);
}

}  // namespace
}  // namespace octet
