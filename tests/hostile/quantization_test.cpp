// QuantizeLinear, DequantizeLinear and the operators on integers: parameters that are no scale,
// that do not fit the tensor, or that come only when the network runs.

#include <cmath>
#include <limits>

#include "tests/hostile/hostile.h"

namespace octet {
namespace {

using octet_onnx::NodeProto;
using Ints8 = std::vector<std::int8_t>;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

Tensor int8s(const Shape& shape, const Ints8& values) { return Tensor::from(shape, values); }

/// y = DequantizeLinear(QuantizeLinear(x)), both with these parameters.
TestModel round_trip(const Shape& shape, const Tensor& scale, const Tensor& zero_point,
                     const std::function<void(NodeProto&)>& edit = {}, int opset = 21) {
  TestModel model(opset);
  model.input("x", shape).constant("s", scale).constant("z", zero_point).output("y");
  NodeProto& quantize = model.node("QuantizeLinear", {"x", "s", "z"}, {"q"});
  NodeProto& dequantize = model.node("DequantizeLinear", {"q", "s", "z"}, {"y"});
  if (edit) edit(quantize);
  if (edit) edit(dequantize);
  return model;
}

TEST(HostileQuantization, ScalesAreFiniteAndAboveZero) {
  for (const float scale : {0.0f, -0.0f, -1.0f, kNaN, kInfinity, -kInfinity}) {
    const std::string name = std::to_string(scale);
    expect_refused(name, round_trip({4}, Tensor::scalar(scale), Tensor::scalar(std::int8_t{0})),
                   ErrorKind::kBadData, {"'q'", "scale", "accepted: finite and above 0"});
    expect_refused(name, round_trip({4, 2}, floats({2}, {1, scale}), int8s({2}, {0, 0})),
                   ErrorKind::kBadData, {"'q'", "scale"});
    // The forms that stay functions: blocks of a constant, and QLinearMatMul.
    TestModel blocked(21);
    blocked.constant("w", int8s({4, 2}, Ints8(8, 1)))
        .constant("s", floats({2, 2}, {1, 1, scale, 1}));
    blocked.input("x", {4, 2}).output("y");
    NodeProto& node = blocked.node("DequantizeLinear", {"w", "s"}, {"d"});
    set_int(node, "axis", 0);
    set_int(node, "block_size", 2);
    blocked.node("Add", {"x", "d"}, {"y"});
    // 0 is how files write a block of zeros.
    const bool zero = scale == 0.0f;
    if (!zero) expect_refused(name, blocked, ErrorKind::kBadData, {"'d'", "scale"});
    TestModel product(21);
    product.input("a", {2, 2}, DType::kInt8).constant("w", int8s({2, 2}, {1, 2, 3, 4})).output("y");
    product.constant("s", Tensor::scalar(1.0f)).constant("z", Tensor::scalar(std::int8_t{0}));
    product.constant("odd", Tensor::scalar(scale));
    product.node("QLinearMatMul", {"a", "s", "z", "w", "odd", "z", "s", "z"}, {"y"});
    if (!zero) expect_refused(name, product, ErrorKind::kBadData, {"'y'", "scale"});
    *product.graph().mutable_node(0)->mutable_input(6) = "odd";  // what the result is divided by
    expect_refused(name, product, ErrorKind::kBadData, {"'y'", "scale"});
  }
}

TEST(HostileQuantization, TinyAndHugeScalesSaturate) {
  const std::vector<Tensor> x{floats({3}, {-1, 0, 1})};
  const auto tiny = expect_runs(
      "1e-40", round_trip({3}, Tensor::scalar(1e-40f), Tensor::scalar(std::int8_t{0})), x);
  ASSERT_EQ(tiny.size(), 1u);
  EXPECT_EQ(tiny[0], floats({3}, {-128 * 1e-40f, 0, 127 * 1e-40f}));
  const auto huge = expect_runs(
      "3e38", round_trip({3}, Tensor::scalar(3e38f), Tensor::scalar(std::int8_t{0})), x);
  EXPECT_EQ(huge, std::vector{floats({3}, {0, 0, 0})});
}

TEST(HostileQuantization, ZeroPointsHaveTheTypeAndShapeOfTheirTensor) {
  TestModel type(21);
  type.input("x", {4}, DType::kUInt8).constant("s", Tensor::scalar(1.0f)).output("y");
  type.constant("z", Tensor::scalar(std::int8_t{0}))
      .node("DequantizeLinear", {"x", "s", "z"}, {"y"});
  expect_refused("type", type, ErrorKind::kBadData, {"'y'", "uint8", "int8"});
  expect_refused("shape", round_trip({4, 2}, floats({2}, {1, 1}), int8s({3}, {0, 0, 0})),
                 ErrorKind::kBadData, {"'q'", "zero point of shape [3]", "2 scales"});
  expect_refused("rank", round_trip({4, 2}, floats({2}, {1, 1}), int8s({2, 1}, {0, 0})),
                 ErrorKind::kBadData, {"'q'", "zero point of shape [2, 1]"});
  expect_refused("float", round_trip({4}, Tensor::scalar(1.0f), Tensor::scalar(0.0f)),
                 ErrorKind::kUnsupported, {"'q'", "float32"});
  TestModel bias(21);
  bias.input("x", {4}).constant("b", Tensor::from(Shape{4}, std::vector<std::int32_t>{1, 2, 3, 4}));
  bias.constant("s", Tensor::scalar(1.0f)).constant("z", Tensor::scalar(std::int32_t{7}));
  bias.output("y").node("DequantizeLinear", {"b", "s", "z"}, {"d"});
  bias.node("Add", {"x", "d"}, {"y"});
  expect_refused("int32 with a zero point", bias, ErrorKind::kBadData, {"'d'", "zero point 7"});
}

TEST(HostileQuantization, OneScalePerIndexOfTheAxis) {
  const auto with_axis = [](const Shape& shape, std::int64_t axis, int scales) {
    const auto count = static_cast<std::size_t>(scales);
    return round_trip(shape, floats({scales}, std::vector<float>(count, 1.0f)),
                      int8s({scales}, Ints8(count, 0)),
                      [&](NodeProto& node) { set_int(node, "axis", axis); });
  };
  expect_refused("length", with_axis({4, 3}, 1, 2), ErrorKind::kBadData,
                 {"'q'", "2 scales", "[4, 3]"});
  expect_refused("axis 2", with_axis({4, 3}, 2, 2), ErrorKind::kBadData, {"'q'", "axis 2"});
  expect_refused("axis 99", with_axis({4, 3}, 99, 2), ErrorKind::kBadData, {"'q'", "99"});
  expect_refused("rank 1", with_axis({4}, 1, 4), ErrorKind::kBadData, {"'q'", "axis 1", "[4]"});
  EXPECT_EQ(expect_runs("axis 0 of rank 1", with_axis({2}, 0, 2), {floats({2}, {1, 2})}),
            std::vector{floats({2}, {1, 2})});
}

TEST(HostileQuantization, AScaleOfOneElementIsOneForTheTensor) {
  // PyTorch writes [1] where ONNX has a scalar.
  for (const int opset : {13, 21}) {
    const TestModel model = round_trip(
        {2, 3}, floats({1}, {0.5f}), int8s({1}, {0}),
        [](NodeProto& node) { set_int(node, "axis", 0); }, opset);
    EXPECT_EQ(expect_runs("[1]", model, {floats({2, 3}, {1, 2, 3, 4, 5, 6})}),
              std::vector{floats({2, 3}, {1, 2, 3, 4, 5, 6})});
  }
}

/// A weight [4, 6] in blocks along axis 1, with scales of this shape.
TestModel blocked(std::int64_t block_size, const Shape& scales, const Shape& weight = {4, 6}) {
  TestModel model(21);
  model.input("x", weight).output("y").constant("s", ramp(scales));
  model.constant("w", Tensor(DType::kInt8, weight));
  NodeProto& node = model.node("DequantizeLinear", {"w", "s"}, {"d"});
  set_int(node, "axis", 1);
  set_int(node, "block_size", block_size);
  model.node("Add", {"x", "d"}, {"y"});
  return model;
}

TEST(HostileQuantization, BlocksFitTheirScales) {
  expect_refused("-1", blocked(-1, {4, 2}), ErrorKind::kBadData, {"'d'", "block_size -1"});
  for (const auto& [block, scales] :
       {std::pair{std::int64_t{3}, Shape{4, 3}}, std::pair{std::int64_t{2}, Shape{4, 2}},
        std::pair{std::int64_t{6}, Shape{4, 2}}, std::pair{std::int64_t{7}, Shape{4, 2}},
        std::pair{std::int64_t{1} << 62, Shape{4, 2}}, std::pair{std::int64_t{3}, Shape{3, 2}},
        std::pair{std::int64_t{3}, Shape{2}}, std::pair{std::int64_t{3}, Shape{}}}) {
    expect_refused(numbered("block ", block), blocked(block, scales), ErrorKind::kBadData,
                   {"'d'", to_string(scales)});
  }
  expect_refused("a matrix of scales without blocks", blocked(0, {4, 2}), ErrorKind::kUnsupported,
                 {"'d'", "[4, 2]"});
  EXPECT_EQ(expect_runs("6 in blocks of 4", blocked(4, {4, 2}), {ramp({4, 6})}),
            std::vector{ramp({4, 6})});
  EXPECT_EQ(expect_runs("an axis without elements", blocked(4, {4, 0}, {4, 0}),
                        {Tensor(DType::kFloat32, {4, 0})}),
            std::vector{Tensor(DType::kFloat32, {4, 0})});
}

TEST(HostileQuantization, AScaleThatComesWhenTheNetworkRunsIsTakenAsItComes) {
  TestModel model(21);
  model.input("x", {3}).input("s", {}).constant("z", Tensor::scalar(std::int8_t{0})).output("y");
  model.node("QuantizeLinear", {"x", "s", "z"}, {"q"});
  model.node("DequantizeLinear", {"q", "s", "z"}, {"y"});
  const Tensor x = floats({3}, {-3, 0, 3});
  EXPECT_EQ(expect_runs("1", model, {x, Tensor::scalar(1.0f)}), std::vector{x});
  EXPECT_EQ(expect_runs("2", model, {x, Tensor::scalar(2.0f)}),
            std::vector{floats({3}, {-4, 0, 4})});  // 1.5 to even
  // Division by anything is defined: the quotient saturates.
  for (const float scale : {0.0f, -1.0f, kNaN, kInfinity}) {
    EXPECT_EQ(expect_runs(std::to_string(scale), model, {x, Tensor::scalar(scale)}).size(), 1u);
  }
}

/// Gemm of int8 weights and an int32 bias behind scales a and b, whose bias has scale `bias_scale`.
TestModel dense(float bias_scale) {
  TestModel model(21);
  model.input("x", {1, 2}).output("y");
  model.constant("sa", Tensor::scalar(0.5f)).constant("sw", Tensor::scalar(0.25f));
  model.constant("sb", Tensor::scalar(bias_scale)).constant("sy", Tensor::scalar(0.125f));
  model.constant("z", Tensor::scalar(std::int8_t{0}));
  model.constant("w", int8s({2, 2}, {4, 0, 0, 4}));
  model.constant("b", Tensor::from(Shape{2}, std::vector<std::int32_t>{8, -8}));
  model.node("QuantizeLinear", {"x", "sa", "z"}, {"qx"});
  model.node("DequantizeLinear", {"qx", "sa", "z"}, {"dx"});
  model.node("DequantizeLinear", {"w", "sw", "z"}, {"dw"});
  model.node("DequantizeLinear", {"b", "sb"}, {"db"});
  model.node("Gemm", {"dx", "dw", "db"}, {"g"});
  model.node("QuantizeLinear", {"g", "sy", "z"}, {"qy"});
  model.node("DequantizeLinear", {"qy", "sy", "z"}, {"y"});
  return model;
}

TEST(HostileQuantization, ABiasOfAnotherScaleKeepsItsOwn) {
  const std::vector<Tensor> x{floats({1, 2}, {1, 2})};
  // x * 1 + bias * scale, on the grid of 1/8.
  EXPECT_EQ(expect_runs("the product of the scales", dense(0.125f), x),
            std::vector{floats({1, 2}, {2, 1})});
  EXPECT_EQ(expect_runs("twice that", dense(0.25f), x), std::vector{floats({1, 2}, {3, 0})});
  EXPECT_EQ(expect_runs("a millionth of it", dense(0.125e-6f), x),
            std::vector{floats({1, 2}, {1, 2})});
}

TEST(HostileQuantization, ZeroPointsOfWeightsCount) {
  const auto conv = [](const Ints8& zero_points) {
    TestModel model(21);
    model.input("x", {1, 1, 1, 2}, DType::kUInt8).output("y");
    model.constant("sx", Tensor::scalar(1.0f)).constant("zx", Tensor::scalar(std::uint8_t{0}));
    model.constant("w", int8s({2, 1, 1, 1}, {3, 3})).constant("sw", floats({2}, {1, 1}));
    model.constant("zw", int8s({2}, zero_points));
    model.node("QLinearConv", {"x", "sx", "zx", "w", "sw", "zw", "sx", "zx"}, {"y"});
    return model;
  };
  const auto bytes = [](const Shape& shape, const std::vector<std::uint8_t>& values) {
    return Tensor::from(shape, values);
  };
  const std::vector<Tensor> x{bytes({1, 1, 1, 2}, {1, 10})};
  EXPECT_EQ(expect_runs("0", conv({0, 0}), x), std::vector{bytes({1, 2, 1, 2}, {3, 30, 3, 30})});
  EXPECT_EQ(expect_runs("equal", conv({1, 1}), x),
            std::vector{bytes({1, 2, 1, 2}, {2, 20, 2, 20})});
  EXPECT_EQ(expect_runs("different", conv({1, -2}), x),
            std::vector{bytes({1, 2, 1, 2}, {2, 20, 5, 50})});
}

TEST(HostileQuantization, MatricesOfFewBits) {
  const auto matrix = [](std::int64_t k, std::int64_t n, std::int64_t bits, std::int64_t block) {
    TestModel model(21);
    auto& domain = *model.proto.add_opset_import();
    domain.set_domain("com.microsoft");
    domain.set_version(1);
    model.input("x", {1, 32}).output("y");
    model.constant("w", Tensor(DType::kUInt8, {4, 1, 16})).constant("s", ramp({4}));
    NodeProto& node = model.node("MatMulNBits", {"x", "w", "s"}, {"y"});
    node.set_domain("com.microsoft");
    set_int(node, "K", k);
    set_int(node, "N", n);
    set_int(node, "bits", bits);
    set_int(node, "block_size", block);
    return model;
  };
  constexpr std::int64_t kBig = std::int64_t{1} << 62;
  EXPECT_EQ(expect_runs("as it should be", matrix(32, 4, 4, 32), {ramp({1, 32})}).size(), 1u);
  for (const auto& [k, n, block] :
       {std::tuple{kBig, std::int64_t{4}, std::int64_t{32}},
        {32, kBig, 32},
        {32, 4, kBig},
        {0, 4, 32},
        {-32, 4, 32},
        {32, -4, 32},
        {32, 4, 0},
        {32, 4, 17},
        {33, 4, 32},
        {32, 5, 32},
        {std::int64_t{1} << 24, std::int64_t{1} << 24, std::int64_t{1} << 24}}) {
    expect_refused(numbered("K ", k) + numbered(" N ", n) + numbered(" block ", block),
                   matrix(k, n, 4, block), ErrorKind::kBadData, {"'y'"});
  }
  expect_refused("bits", matrix(32, 4, 3, 32), ErrorKind::kUnsupported, {"'y'", "bits = 3"});
}

}  // namespace
}  // namespace octet
