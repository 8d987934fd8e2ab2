#include "octet/graph/unary_regions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/graph/functions/arrangement.h"
#include "octet/graph/functions/elementwise.h"
#include "octet/graph/functions/normalization.h"
#include "octet/graph/functions/resize.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

using ::testing::ElementsAre;

constexpr auto kOwnKey = [](ValueId value) { return std::optional(value); };

/// x -> Div, Erf, Add, Mul by x, Mul: the Gelu of exporters.
struct Gelu {
  Graph graph;
  ValueId x, erf, half;

  explicit Gelu(Shape factor = {}) {
    x = graph.add_input("x", DType::kFloat32, {2, 3});
    const auto constant = [&](const char* name, Shape shape, float value) {
      Tensor tensor(DType::kFloat32, std::move(shape));
      for (float& element : tensor.mutable_data<float>()) element = value;
      return graph.add_constant(name, std::move(tensor));
    };
    const ValueId divided = graph.add("div", Div{}, {x, constant("root", {}, 1.4f)});
    erf = graph.add("erf", unary(UnaryFunction::kErf), {divided});
    const ValueId plus = graph.add("plus", Add{}, {erf, constant("one", {1}, 1.0f)});
    const ValueId times = graph.add("times", Mul{}, {x, plus});
    half = graph.add("half", Mul{}, {times, constant("factor", std::move(factor), 0.5f)});
    graph.add_output(half);
    infer_shapes(graph);
  }
  std::optional<UnaryRegion> find(const char* root) const {
    return UnaryRegionFinder(graph).find(*graph.find_node(root), kOwnKey);
  }
};

TEST(UnaryRegions, AGeluIsAFunctionOfItsInput) {
  const Gelu gelu;
  const auto region = gelu.find("half");
  ASSERT_TRUE(region);
  EXPECT_THAT(region->sources, ElementsAre(gelu.x));
  EXPECT_EQ(region->nodes.size(), 5u);
  EXPECT_TRUE(std::ranges::is_sorted(region->nodes));
}

TEST(UnaryRegions, AValueThatIsReadElsewhereIsASource) {
  Gelu gelu;
  gelu.graph.add_output(gelu.erf);
  // x and the Erf are two tensors: only what follows them both is a function of one.
  const auto region = gelu.find("half");
  ASSERT_TRUE(region);
  EXPECT_THAT(region->sources, ElementsAre(*gelu.graph.find_value("times")));
  EXPECT_EQ(region->nodes.size(), 1u);
}

TEST(UnaryRegions, AConstantPerElementIsNone) {
  const Gelu gelu(Shape{3});
  EXPECT_FALSE(gelu.find("half"));
  EXPECT_TRUE(gelu.find("times"));
}

TEST(UnaryRegions, SeveralValuesOfOneKeyAreOneSource) {
  Graph graph;
  const ValueId a = graph.add_input("a", DType::kFloat32, {2});
  const ValueId b = graph.add_input("b", DType::kFloat32, {2});
  graph.add_output(graph.add("sum", Add{}, {a, b}));
  infer_shapes(graph);
  const UnaryRegionFinder finder(graph);
  EXPECT_FALSE(finder.find(*graph.find_node("sum"), kOwnKey));
  const auto region =
      finder.find(*graph.find_node("sum"), [&](ValueId) { return std::optional(a); });
  ASSERT_TRUE(region);
  EXPECT_THAT(region->sources, ElementsAre(a, b));
}

TEST(ElementFlowOf, EveryKindOfOperator) {
  EXPECT_EQ(element_flow(Add{}), ElementFlow::kElementwise);
  EXPECT_EQ(element_flow(Sigmoid{}), ElementFlow::kElementwise);
  EXPECT_EQ(element_flow(unary(UnaryFunction::kGelu)), ElementFlow::kElementwise);
  EXPECT_EQ(element_flow(where()), ElementFlow::kElementwise);
  EXPECT_EQ(element_flow(split(0, 2)), ElementFlow::kMoves);
  EXPECT_EQ(element_flow(expand()), ElementFlow::kMoves);
  EXPECT_EQ(element_flow(layer_norm({})), ElementFlow::kGeneral);
  EXPECT_EQ(element_flow(Softmax{}), ElementFlow::kGeneral);
  ResizeOptions options;
  EXPECT_EQ(element_flow(resize(options)), ElementFlow::kMoves);
  options.mode = ResizeMode::kLinear;
  EXPECT_EQ(element_flow(resize(options)), ElementFlow::kBlends);
  options.mode = ResizeMode::kCubic;
  EXPECT_EQ(element_flow(resize(options)), ElementFlow::kGeneral);
  options.coordinates = CoordinateMode::kTfCropAndResize;
  options.mode = ResizeMode::kNearest;
  EXPECT_EQ(element_flow(resize(options)), ElementFlow::kGeneral);
}

}  // namespace
}  // namespace octet
