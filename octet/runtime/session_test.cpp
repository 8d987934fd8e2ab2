#include "octet/runtime/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "octet/base/error.h"
#include "octet/graph/functions/conditional.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Tensor counting(const Shape& shape) {
  Tensor tensor(DType::kFloat32, shape);
  std::iota(tensor.mutable_data<float>().begin(), tensor.mutable_data<float>().end(), 0.0f);
  return tensor;
}

Tensor integers(const std::vector<std::int64_t>& values) {
  return Tensor::from(Shape{static_cast<std::int64_t>(values.size())}, values);
}

std::vector<float> floats_of(const Tensor& tensor) {
  const auto elements = tensor.data<float>();
  return {elements.begin(), elements.end()};
}

Graph add_one(Shape shape) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, std::move(shape));
  const ValueId one = graph.add_constant("one", Tensor::scalar(1.0f));
  graph.add_output(graph.add("y", Add{}, {x, one}));
  infer_shapes(graph);
  return graph;
}

template <typename... Tensors>
std::vector<Tensor> run(Session& session, const Tensors&... tensors) {
  const Tensor inputs[] = {tensors...};
  return session.run(inputs);
}

template <typename... Tensors>
std::string error_of(Session& session, const Tensors&... tensors) {
  try {
    run(session, tensors...);
    return "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    return error.what();
  }
}

TEST(Session, RunsEveryBatchWithOnePlanThatGrows) {
  Session session(add_one({kDynamicDim, 2}), {.max_batch = 4});
  for (const std::int64_t batch : {1, 3, 4, 2}) {
    const auto result = run(session, counting({batch, 2}));
    ASSERT_EQ(result[0].shape(), (Shape{batch, 2}));
    EXPECT_EQ(result[0].data<float>()[1], 2.0f);
  }
  EXPECT_EQ(session.compilations(), 1);
  EXPECT_EQ(run(session, counting({9, 2}))[0].data<float>()[17], 18.0f);
  EXPECT_EQ(session.compilations(), 2);
}

TEST(Session, KeepsAPlanForEachOfTheLastShapes) {
  Session session(add_one({kUnknownDim, kUnknownDim}));
  const auto run_length = [&](std::int64_t length) {
    EXPECT_EQ(run(session, counting({2, length}))[0], [&] {
      Tensor expected = counting({2, length});
      for (float& element : expected.mutable_data<float>()) element += 1;
      return expected;
    }());
  };
  for (int length = 1; length <= 8; ++length) run_length(length);
  for (int length = 1; length <= 8; ++length) run_length(length);
  EXPECT_EQ(session.compilations(), 8);
  run_length(9);  // drops 1, the one that was not used for longest
  run_length(8);
  EXPECT_EQ(session.compilations(), 9);
  run_length(1);
  EXPECT_EQ(session.compilations(), 10);
}

TEST(Session, CompilesForTheElementsThatShapesDependOn) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {2, 6});
  const ValueId target = graph.add_input("target", DType::kInt64, {2});
  graph.add_output(graph.add("y", Reshape{}, {x, target}));
  infer_shapes(graph);
  Session session(graph);
  EXPECT_EQ(run(session, counting({2, 6}), integers({3, 4}))[0], counting({3, 4}));
  EXPECT_EQ(run(session, counting({2, 6}), integers({-1, 2}))[0], counting({6, 2}));
  EXPECT_EQ(run(session, counting({2, 6}), integers({3, 4}))[0], counting({3, 4}));
  EXPECT_EQ(session.compilations(), 2);
  EXPECT_THAT(error_of(session, counting({2, 6}), integers({5, 5})), HasSubstr("does not fill"));
}

TEST(Session, TakesAxesBoundsAndAmountsAsInputs) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {1, 6});
  const ValueId axes = graph.add_input("axes", DType::kInt64, {1});
  const ValueId start = graph.add_input("start", DType::kInt64, {1});
  const ValueId end = graph.add_input("end", DType::kInt64, {1});
  const ValueId pads = graph.add_input("pads", DType::kInt64, {2});
  const ValueId flat = graph.add("flat", Squeeze{}, {x, axes});
  const ValueId part = graph.add("part", Slice{}, {flat, start, end});
  graph.add_output(graph.add("y", Pad{}, {part, pads}));
  infer_shapes(graph);
  Session session(graph);
  const auto result =
      run(session, counting({1, 6}), integers({0}), integers({1}), integers({3}), integers({1, 0}));
  EXPECT_THAT(floats_of(result[0]), ElementsAre(0, 1, 2));
}

/// The positions of positive elements: its size is known only when it runs.
class Positions final : public TensorFunction {
 public:
  std::string_view onnx_name() const override { return "Positions"; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    const auto elements = inputs.floats(0);
    std::int64_t count = kUnknownDim;
    if (elements) count = std::ranges::count_if(*elements, [](float x) { return x > 0; });
    return {{DType::kInt64, {count}}};
  }
  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    std::int64_t next = 0;
    for (std::int64_t i = 0; i < inputs[0].dims[0]; ++i) {
      if (!(inputs[0].as<float>()[i * inputs[0].strides[0]] > 0)) continue;
      if (next == outputs[0].dims[0]) return false;
      outputs[0].as<std::int64_t>()[next++] = i;
    }
    return next == outputs[0].dims[0];
  }
};

TEST(Session, RunsInStagesWhereAShapeDependsOnComputedElements) {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 300});
  const ValueId low = graph.add("low", Slice{{1}, {5}, {1}, {1}}, {x});
  const ValueId row = graph.add("row", Slice{{0}, {1}, {0}, {1}}, {low});
  const ValueId flat = graph.add("flat", Reshape{{4}}, {row});
  const ValueId moved =
      graph.add("moved", Add{}, {flat, graph.add_constant("by", Tensor::scalar(-2.0f))});
  graph.add_output(graph.add("y", Function{std::make_shared<Positions>()}, {moved}));
  graph.add_output(moved);
  infer_shapes(graph);
  Session session(graph);
  const auto result = run(session, counting({2, 300}));
  EXPECT_EQ(result[0], integers({2, 3}));
  EXPECT_THAT(floats_of(result[1]), ElementsAre(-1, 0, 1, 2));
}

/// y = condition ? relu(x) : x + 1, where `condition` is an input or computed from x.
Graph choice(bool computed) {
  Graph then_branch, else_branch;
  then_branch.add_output(
      then_branch.add("a", Relu{}, {then_branch.add_input("x", DType::kFloat32, {})}));
  const ValueId inner = else_branch.add_input("x", DType::kFloat32, {});
  else_branch.add_output(
      else_branch.add("b", Add{}, {inner, else_branch.add_constant("one", Tensor::scalar(1.0f))}));
  Graph graph;
  const ValueId x = graph.add_input("x", DType::kFloat32, {kDynamicDim, 300});
  ValueId condition;
  if (computed) {
    const ValueId first = graph.add("first", Slice{{0, 0}, {1, 1}, {0, 1}, {1, 1}}, {x});
    const ValueId scalar = graph.add("scalar", Reshape{{1}}, {first});
    condition = graph.add("condition", Cast{DType::kBool}, {scalar});
  } else {
    condition = graph.add_input("condition", DType::kBool, {1});
  }
  const auto shared = [](Graph branch) { return std::make_shared<const Graph>(std::move(branch)); };
  graph.add_output(
      graph.add("y",
                Function{std::make_shared<Conditional>(Branch{shared(then_branch), {1}},
                                                       Branch{shared(else_branch), {1}})},
                {condition, x}));
  infer_shapes(graph);
  return graph;
}

TEST(Session, RunsTheBranchThatTheConditionChooses) {
  Tensor x(DType::kFloat32, {2, 300});
  x.mutable_data<float>()[5] = -3;
  Tensor truth(DType::kBool, {1}), lie(DType::kBool, {1});
  truth.mutable_data<bool>()[0] = true;
  Session given(choice(false));
  EXPECT_EQ(run(given, x, truth)[0].data<float>()[5], 0.0f);
  EXPECT_EQ(run(given, x, lie)[0].data<float>()[5], -2.0f);
  EXPECT_EQ(run(given, x, truth)[0].data<float>()[5], 0.0f);
  EXPECT_EQ(given.compilations(), 2);

  Session computed(choice(true));
  EXPECT_EQ(run(computed, x)[0].data<float>()[5], -2.0f);
  x.mutable_data<float>()[0] = 7;
  EXPECT_EQ(run(computed, x)[0].data<float>()[5], 0.0f);
  EXPECT_THROW(compile(choice(true)), Error);
}

TEST(Session, TakesAndGivesTensorsWithoutElements) {
  Session batch(add_one({kDynamicDim, 2}));
  EXPECT_EQ(run(batch, counting({0, 2}))[0].shape(), (Shape{0, 2}));
  EXPECT_EQ(run(batch, counting({2, 2}))[0].shape(), (Shape{2, 2}));

  Graph graph;
  const ValueId a = graph.add_input("a", DType::kFloat32, {kUnknownDim, 2});
  const ValueId b = graph.add_input("b", DType::kFloat32, {kUnknownDim, 2});
  graph.add_output(graph.add("y", Concat{0}, {a, b}));
  infer_shapes(graph);
  Session concat(graph);
  EXPECT_EQ(run(concat, counting({0, 2}), counting({2, 2}))[0], counting({2, 2}));
  EXPECT_EQ(run(concat, counting({3, 2}), counting({0, 2}))[0], counting({3, 2}));
  EXPECT_EQ(run(concat, counting({0, 2}), counting({0, 2}))[0], counting({0, 2}));
}

TEST(Session, ConcatenatesBytesAsTheyAre) {
  const auto codes = [](std::size_t count, int first) {
    std::vector<std::int8_t> values(count);
    std::iota(values.begin(), values.end(), static_cast<std::int8_t>(first));
    return values;
  };
  // Of rank 4 they are stored channels-last.
  for (const Shape& shape : {Shape{1, 3}, Shape{1, 3, 1, 1}}) {
    const Tensor a = Tensor::from<std::int8_t>(shape, codes(3, -5));
    const Tensor b = Tensor::from<std::int8_t>(shape, codes(3, 120));
    for (const bool is_constant : {false, true}) {
      Graph graph;
      const ValueId x = graph.add_input("a", DType::kInt8, shape);
      const ValueId y =
          is_constant ? graph.add_constant("b", b) : graph.add_input("b", DType::kInt8, shape);
      graph.add_output(graph.add("y", Concat{1}, {x, y}));
      infer_shapes(graph);
      Session session(graph);
      const Tensor found = is_constant ? run(session, a)[0] : run(session, a, b)[0];
      const auto elements = found.data<std::int8_t>();
      EXPECT_THAT(std::vector(elements.begin(), elements.end()),
                  ElementsAre(-5, -4, -3, 120, 121, 122));
    }
  }
}

TEST(Session, NamesTheInputThatDoesNotFit) {
  Graph graph;
  const ValueId a = graph.add_input("a", DType::kFloat32, {kDynamicDim, 2});
  const ValueId b = graph.add_input("b", DType::kFloat32, {kDynamicDim, 2});
  graph.add_output(graph.add("y", Add{}, {a, b}));
  infer_shapes(graph);
  Session session(graph);
  EXPECT_THAT(error_of(session, counting({1, 2})), HasSubstr("1 inputs, accepted: 2"));
  EXPECT_THAT(error_of(session, counting({1, 2}), counting({1, 3})), HasSubstr("input 'b'"));
  EXPECT_THAT(error_of(session, counting({1, 2, 1}), counting({1, 2})), HasSubstr("input 'a'"));
  EXPECT_THAT(error_of(session, counting({2, 2}), counting({3, 2})), HasSubstr("N = 2"));
  EXPECT_THAT(error_of(session, counting({2, 2}), Tensor(DType::kInt64, {2, 2})),
              HasSubstr("int64"));
}

TEST(Session, RefusesToCompileAnUnknownSize) {
  try {
    compile(add_one({2, kUnknownDim}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("value 'x' of shape [2, ?]"));
  }
}

}  // namespace
}  // namespace octet
