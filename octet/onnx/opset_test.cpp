// Operators that compute and changed between opsets: every form gives the right numbers where it
// belongs. opset_shape_test.cpp has those that move elements;
// opset_refusal_test.cpp has the same forms on the wrong side of their border.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "octet/onnx/opset_form.h"
#include "octet/onnx/run_definitions.h"

namespace octet {
namespace {

using octet_onnx::NodeProto;
using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;
using Form = OpsetForm;

TEST(OpsetTest, ClipBoundsBecameInputsIn11) {
  const Tensor x = floats({3}, {-2, 0.5f, 9});
  const auto attributes = [](NodeProto& node) {
    set_float(node, "min", -1);
    set_float(node, "max", 6);
  };
  for (const int opset : {7, 10}) {
    expect_numbers({opset, "Clip", x, {}, attributes}, {3}, {-1, 0.5f, 6});
  }
  for (const int opset : {11, 13, 27}) {
    expect_numbers({opset, "Clip", x, {Tensor::scalar(-1.0f), Tensor::scalar(6.0f)}}, {3},
                   {-1, 0.5f, 6});
    expect_numbers({opset, "Clip", x, {std::nullopt, Tensor::scalar(6.0f)}}, {3}, {-2, 0.5f, 6});
  }
}

TEST(OpsetTest, DropoutIsTheIdentityUnless12SaysThatItTrains) {
  const Tensor x = counting({64});
  const auto ratio = [](NodeProto& node) { set_float(node, "ratio", 0.9f); };
  for (const int opset : {7, 11})
    expect_numbers({opset, "Dropout", x, {}, ratio}, {64}, numbers(x));
  expect_numbers({12, "Dropout", x, {Tensor::scalar(0.9f)}}, {64}, numbers(x));
  const Tensor y = Form{12, "Dropout", x, {Tensor::scalar(0.5f), Tensor::scalar(true)}}.run()[0];
  int dropped = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    const float value = numbers(y)[i];
    EXPECT_TRUE(value == 0.0f || value == 2 * numbers(x)[i]) << value;
    dropped += value == 0.0f;
  }
  EXPECT_GT(dropped, 10);
  EXPECT_LT(dropped, 54);
}

TEST(OpsetTest, BatchNormalizationTrainsFrom14On) {
  const Tensor x = floats({2, 1, 2}, {1, 2, 3, 6});
  const std::vector<std::optional<Tensor>> parameters{floats({1}, {2}), floats({1}, {10}),
                                                      floats({1}, {1}), floats({1}, {4})};
  const auto spatial = [](NodeProto& node) {
    set_int(node, "spatial", 1);
    set_float(node, "epsilon", 0);
  };
  const auto exact = [](NodeProto& node) { set_float(node, "epsilon", 0); };
  const std::vector<float> by_given_statistics{10, 11, 12, 15};
  expect_numbers({7, "BatchNormalization", x, parameters, spatial}, x.shape(), by_given_statistics);
  for (const int opset : {9, 14, 15}) {
    expect_numbers({opset, "BatchNormalization", x, parameters, exact}, x.shape(),
                   by_given_statistics);
  }
  const auto training = [](NodeProto& node) {
    set_float(node, "epsilon", 0);
    set_float(node, "momentum", 0.75f);
    set_int(node, "training_mode", 1);
  };
  const auto outputs = Form{14, "BatchNormalization", x, parameters, training, 3}.run();
  const float deviation = std::sqrt(3.5f);  // of 1, 2, 3, 6 around 3
  EXPECT_THAT(numbers(outputs[0]),
              Pointwise(FloatNear(1e-5f), std::vector<float>{10 - 4 / deviation, 10 - 2 / deviation,
                                                             10.0f, 10 + 6 / deviation}));
  EXPECT_THAT(numbers(outputs[1]), ElementsAre(FloatNear(0.75f * 1 + 0.25f * 3, 1e-5f)));
  EXPECT_THAT(numbers(outputs[2]), ElementsAre(FloatNear(0.75f * 4 + 0.25f * 3.5f, 1e-5f)));
}

TEST(OpsetTest, AxesOfOtherReductionsBecameInputsIn18) {
  const Tensor x = counting({2, 3});
  const auto axis_1 = [](NodeProto& node) {
    set_ints(node, "axes", {1});
    set_int(node, "keepdims", 0);
  };
  const auto drop = [](NodeProto& node) { set_int(node, "keepdims", 0); };
  const auto noop = [](NodeProto& node) { set_int(node, "noop_with_empty_axes", 1); };
  const std::pair<const char*, std::vector<float>> reductions[] = {
      {"ReduceMean", {2, 5}},
      {"ReduceMax", {3, 6}},
      {"ReduceMin", {1, 4}},
      {"ReduceProd", {6, 120}},
      {"ReduceL1", {6, 15}},
      {"ReduceSumSquare", {14, 77}},
      {"ReduceL2", {std::sqrt(14.0f), std::sqrt(77.0f)}},
      {"ReduceLogSum", {std::log(6.0f), std::log(15.0f)}}};
  for (const auto& [op_type, expected] : reductions) {
    expect_numbers({11, op_type, x, {}, axis_1}, {2}, expected);
    expect_numbers({17, op_type, x, {}, axis_1}, {2}, expected);
    expect_numbers({18, op_type, x, {ints({1})}, drop}, {2}, expected);
  }
  expect_numbers({17, "ReduceMean", x, {}, drop}, {}, {3.5f});
  expect_numbers({18, "ReduceMean", x, {}, drop}, {}, {3.5f});
  expect_numbers({18, "ReduceMean", x, {}, noop}, {2, 3}, numbers(x));
  expect_numbers({13, "ReduceSum", x, {}, noop}, {2, 3}, numbers(x));
}

TEST(OpsetTest, SoftmaxFlattensUpTo12AndHasAnotherDefaultAxis) {
  const Tensor x = floats({1, 2, 2}, {0, 0, 0, std::log(5.0f)});
  expect_numbers({12, "Softmax", x, {}}, x.shape(), {0.125f, 0.125f, 0.125f, 0.625f});
  const std::vector<float> by_row{0.5f, 0.5f, 1 / 6.0f, 5 / 6.0f};
  expect_numbers({13, "Softmax", x, {}}, x.shape(), by_row);
  const auto axis_2 = [](NodeProto& node) { set_int(node, "axis", 2); };
  expect_numbers({12, "Softmax", x, {}, axis_2}, x.shape(), by_row);
  const auto axis_1 = [](NodeProto& node) { set_int(node, "axis", 1); };
  expect_numbers({13, "Softmax", x, {}, axis_1}, x.shape(), {0.5f, 1 / 6.0f, 0.5f, 5 / 6.0f});
  expect_numbers({12, "LogSoftmax", x, {}}, x.shape(),
                 {std::log(0.125f), std::log(0.125f), std::log(0.125f), std::log(0.625f)});
  expect_numbers({13, "LogSoftmax", x, {}}, x.shape(),
                 {std::log(0.5f), std::log(0.5f), std::log(1 / 6.0f), std::log(5 / 6.0f)});
}

TEST(OpsetTest, PoolsGainedCeilAndDilationsOneByOne) {
  const Tensor x = floats({1, 1, 4}, {1, 5, 2, 4});
  const auto window = [](std::vector<std::int64_t> kernel, std::vector<std::int64_t> strides,
                         std::vector<std::int64_t> dilations, bool ceil) {
    return [=](NodeProto& node) {
      set_ints(node, "kernel_shape", kernel);
      set_ints(node, "strides", strides);
      if (!dilations.empty()) set_ints(node, "dilations", dilations);
      if (ceil) set_int(node, "ceil_mode", 1);
    };
  };
  for (const int opset : {7, 9, 10, 19}) {
    expect_numbers({opset, "MaxPool", x, {}, window({3}, {2}, {}, false)}, {1, 1, 1}, {5});
    expect_numbers({opset, "AveragePool", x, {}, window({2}, {2}, {}, false)}, {1, 1, 2}, {3, 3});
  }
  for (const int opset : {10, 19, 22}) {
    expect_numbers({opset, "MaxPool", x, {}, window({3}, {2}, {}, true)}, {1, 1, 2}, {5, 4});
    expect_numbers({opset, "MaxPool", x, {}, window({2}, {1}, {2}, false)}, {1, 1, 2}, {2, 5});
    expect_numbers({opset, "AveragePool", x, {}, window({3}, {2}, {}, true)}, {1, 1, 2},
                   {8 / 3.0f, 3});
  }
  expect_numbers({19, "AveragePool", x, {}, window({2}, {1}, {2}, false)}, {1, 1, 2}, {1.5f, 4.5f});
  const auto places = Form{8, "MaxPool", x, {}, window({2}, {2}, {}, false), 2}.run();
  EXPECT_THAT(places[1].data<std::int64_t>(), ElementsAre(1, 3));
}

TEST(OpsetTest, GemmMayDoWithoutCFrom11On) {
  const Tensor x = counting({1, 2});
  const Tensor b = floats({2, 2}, {1, 2, 3, 4});
  expect_numbers({7, "Gemm", x, {b, floats({2}, {10, 20})}}, {1, 2}, {17, 30});
  expect_numbers({9, "Gemm", x, {b, Tensor::scalar(1.0f)}}, {1, 2}, {8, 11});
  expect_numbers({11, "Gemm", x, {b}}, {1, 2}, {7, 10});
}

TEST(OpsetTest, ConstantsHaveMoreNotationsFrom12On) {
  const auto sum = [](int opset, const std::function<void(NodeProto&)>& value, DType dtype) {
    TestModel model(opset);
    model.input("x", {2}, dtype).output("y");
    value(model.node("Constant", {}, {"c"}));
    model.node("Add", {"x", "c"}, {"y"});
    const Tensor x = dtype == DType::kFloat32 ? floats({2}, {1, 2}) : ints({1, 2});
    return run_definitions(model.read(), {x})[0];
  };
  const auto value = [](NodeProto& node) { set_tensor(node, "value", floats({2}, {3, 4})); };
  for (const int opset : {7, 11, 12}) {
    EXPECT_THAT(numbers(sum(opset, value, DType::kFloat32)), ElementsAre(4, 6));
  }
  EXPECT_THAT(numbers(sum(
                  12, [](NodeProto& n) { set_float(n, "value_float", 3); }, DType::kFloat32)),
              ElementsAre(4, 5));
  EXPECT_THAT(numbers(sum(
                  12,
                  [](NodeProto& n) {
                    set_floats(n, "value_floats", {3, 4});
                  },
                  DType::kFloat32)),
              ElementsAre(4, 6));
  EXPECT_THAT(sum(
                  12, [](NodeProto& n) { set_int(n, "value_int", 3); }, DType::kInt64)
                  .data<std::int64_t>(),
              ElementsAre(4, 5));
  EXPECT_THAT(sum(
                  12,
                  [](NodeProto& n) {
                    set_ints(n, "value_ints", {3, 4});
                  },
                  DType::kInt64)
                  .data<std::int64_t>(),
              ElementsAre(4, 6));
}

TEST(OpsetTest, ArgMaxMayTakeTheLastOfEqualsFrom12On) {
  const Tensor x = floats({4}, {1, 7, 7, 0});
  const auto last = [](NodeProto& node) { set_int(node, "select_last_index", 1); };
  for (const int opset : {7, 11, 12, 13}) {
    EXPECT_THAT((Form{opset, "ArgMax", x, {}}.run()[0].data<std::int64_t>()), ElementsAre(1));
  }
  EXPECT_THAT((Form{12, "ArgMax", x, {}, last}.run()[0].data<std::int64_t>()), ElementsAre(2));
}

TEST(OpsetTest, RecurrentNetworksMayHaveTheBatchFirstFrom14On) {
  const Tensor weights = floats({1, 1, 1}, {0.5f}), recurrence = floats({1, 1, 1}, {0.25f});
  const auto hidden = [](NodeProto& node) { set_int(node, "hidden_size", 1); };
  const auto batch_first = [](NodeProto& node) {
    set_int(node, "hidden_size", 1);
    set_int(node, "layout", 1);
  };
  // Two steps of three sequences, and three sequences of two steps.
  const Tensor steps_first = floats({2, 3, 1}, {1, 2, 3, 4, 5, 6});
  const Tensor sequences_first = floats({3, 2, 1}, {1, 4, 2, 5, 3, 6});
  std::vector<float> by_step, by_sequence;
  for (int s = 0; s < 3; ++s) {
    const float first = std::tanh(0.5f * static_cast<float>(s + 1));
    by_sequence.push_back(first);
    by_sequence.push_back(std::tanh(0.5f * static_cast<float>(s + 4) + 0.25f * first));
  }
  for (const int step : {0, 1}) {
    for (int s = 0; s < 3; ++s)
      by_step.push_back(by_sequence[static_cast<std::size_t>(2 * s + step)]);
  }
  for (const int opset : {7, 14}) {
    expect_numbers({opset, "RNN", steps_first, {weights, recurrence}, hidden}, {2, 1, 3, 1},
                   by_step);
  }
  expect_numbers({14, "RNN", sequences_first, {weights, recurrence}, batch_first}, {3, 2, 1, 1},
                 by_sequence);
}

TEST(OpsetTest, GroupNormalizationScalesChannelsFrom21On) {
  const Tensor x = floats({1, 4, 1}, {-1, 1, -1, 1});
  const auto groups = [](NodeProto& node) {
    set_int(node, "num_groups", 2);
    set_float(node, "epsilon", 0);
  };
  expect_numbers({18, "GroupNormalization", x, {floats({2}, {1, 2}), floats({2}, {0, 10})}, groups},
                 {1, 4, 1}, {-1, 1, 8, 12});
  expect_numbers({21,
                  "GroupNormalization",
                  x,
                  {floats({4}, {1, 2, 3, 4}), floats({4}, {0, 0, 10, 10})},
                  groups},
                 {1, 4, 1}, {-1, 2, 7, 14});
}

TEST(OpsetTest, ScalesPerChannelCameIn13AndBlocksIn21) {
  const Tensor x = floats({2, 2}, {1, 2, 3, 4});
  const Tensor zero = Tensor::from(Shape{2}, std::vector<std::int8_t>{0, 0});
  const auto axis_0 = [](NodeProto& node) { set_int(node, "axis", 0); };
  const auto codes = [](const Form& form) {
    const Tensor y = form.run()[0];
    const auto data = y.data<std::int8_t>();
    return std::vector<int>(data.begin(), data.end());
  };
  EXPECT_THAT(
      codes({10, "QuantizeLinear", x, {Tensor::scalar(0.5f), Tensor::scalar(std::int8_t{0})}}),
      ElementsAre(2, 4, 6, 8));
  const std::vector<std::optional<Tensor>> scales{floats({2}, {0.5f, 1}), zero};
  EXPECT_THAT(codes({13, "QuantizeLinear", x, scales}), ElementsAre(2, 2, 6, 4)) << "axis 1";
  EXPECT_THAT(codes({13, "QuantizeLinear", x, scales, axis_0}), ElementsAre(2, 4, 3, 4));
  const auto blocks = [](NodeProto& node) {
    set_int(node, "axis", 1);
    set_int(node, "block_size", 1);
    set_int(node, "output_dtype", octet_onnx::TensorProto::INT8);
  };
  EXPECT_THAT(codes({21, "QuantizeLinear", x, {floats({2, 2}, {1, 0.5f, 0.25f, 2})}, blocks}),
              ElementsAre(1, 4, 12, 2));
}

/// y = x + w, w an initializer.
TestModel with_initializer(int ir_version, bool listed_as_input) {
  TestModel model(8, ir_version);
  model.input("x", {2}).constant("w", floats({2}, {10, 20})).output("y");
  if (listed_as_input) model.input("w", {2});
  model.node("Add", {"x", "w"}, {"y"});
  return model;
}

TEST(OpsetTest, InitializersAreNoInputsWhetherIr3ListsThemOrIr4DoesNot) {
  for (const auto& [ir_version, listed] :
       {std::pair(3, true), std::pair(4, false), std::pair(4, true)}) {
    const Graph graph = with_initializer(ir_version, listed).read();
    ASSERT_EQ(graph.inputs().size(), 1u) << ir_version;
    EXPECT_EQ(graph.value(graph.inputs()[0]).name, "x");
    EXPECT_THAT(numbers(run_definitions(graph, {floats({2}, {1, 2})})[0]), ElementsAre(11, 22));
  }
}

}  // namespace
}  // namespace octet
