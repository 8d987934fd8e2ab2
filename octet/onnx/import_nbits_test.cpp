#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/base/nibbles.h"
#include "octet/graph/quantized_constant.h"
#include "octet/onnx/onnx.h"
#include "octet/onnx/test_model.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Tensor bytes(const Shape& shape, const std::vector<std::uint8_t>& values) {
  return Tensor::from(shape, values);
}

/// x [2, K] times a matrix of N columns, K = 18 in blocks of 16: two blocks, the second one padded.
struct Form {
  int bits = 4;
  std::int64_t k = 18, n = 3, block_size = 16;
  Tensor codes, scales = floats({3, 2}, {1.0f, 0.5f, 2.0f, 0.25f, 4.0f, 0.125f});
  std::optional<Tensor> zero_points;
  bool has_bias = false;

  explicit Form(int bits_per_code = 4) : bits(bits_per_code) {
    const std::int64_t row = 2 * 16 * bits / 8;
    std::vector<std::uint8_t> values;
    for (std::int64_t i = 0; i < n * row; ++i) {
      values.push_back(static_cast<std::uint8_t>(i * 37 + 11));
    }
    codes = bytes({n, 2, row / 2}, values);
  }

  TestModel model() const {
    TestModel model(21, 10);
    model.input("x", {2, k}).constant("b", codes).constant("s", scales).output("y");
    std::vector<std::string> inputs{"x", "b", "s", "", "", ""};
    if (zero_points) model.constant(inputs[3] = "z", *zero_points);
    if (has_bias) model.constant(inputs[5] = "bias", floats({3}, {1, 2, 3}));
    auto& node = model.node("MatMulNBits", inputs, {"y"});
    node.set_domain("com.microsoft");
    set_int(node, "K", k);
    set_int(node, "N", n);
    set_int(node, "bits", bits);
    set_int(node, "block_size", block_size);
    return model;
  }

  std::uint8_t code(std::int64_t j, std::int64_t i) const {
    const std::int64_t row = 2 * 16 * bits / 8;
    const int byte = codes.data<std::uint8_t>()[static_cast<std::size_t>(j * row + i * bits / 8)];
    return static_cast<std::uint8_t>(byte >> (i * bits % 8) & ((1 << bits) - 1));
  }
  /// By the operator's definition; `zero` of a column and block.
  template <typename Zero>
  void expect_weights(const Tensor& found, Zero zero) const {
    ASSERT_EQ(found.shape(), (Shape{k, n}));
    for (std::int64_t i = 0; i < k; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        const std::int64_t block = i / block_size;
        const float scale = scales.data<float>()[static_cast<std::size_t>(j * 2 + block)];
        EXPECT_EQ(found.data<float>()[static_cast<std::size_t>(i * n + j)],
                  static_cast<float>(code(j, i) - zero(j, block)) * scale)
            << i << ", " << j;
      }
    }
  }
};

/// What the one DequantizeLinear of the graph dequantizes.
QuantizedConstant weight_of(const Graph& graph) {
  for (const Node& node : graph.nodes()) {
    if (auto constant = quantized_constant(graph, node)) return *constant;
  }
  ADD_FAILURE() << "no quantized weight";
  return {};
}

std::string error_of(ErrorKind kind, const Form& form) {
  return expect_error(kind, [&] { form.model().read(); });
}

TEST(ImportNBitsTest, BecomesABlockedDequantizeLinearWhoseCodesStayPacked) {
  const Form form;
  const Graph graph = form.model().read();
  ASSERT_EQ(graph.nodes().size(), 2u);
  EXPECT_EQ(op_name(graph.nodes()[0].op), "DequantizeLinear");
  EXPECT_EQ(op_name(graph.nodes()[1].op), "MatMul");
  const QuantizedConstant weight = weight_of(graph);
  EXPECT_EQ(weight.codes.dtype(), DType::kUInt4);
  EXPECT_EQ(weight.codes.shape(), (Shape{18, 3}));
  EXPECT_EQ(weight.codes.size_bytes(), 27u);
  EXPECT_EQ(weight.block_size, 16);
  EXPECT_EQ(weight.axis, 0);
  EXPECT_EQ(weight.scale.shape(), (Shape{2, 3}));
  form.expect_weights(dequantize(weight), [](auto, auto) { return 8; });
  expect_round_trip(graph);
}

TEST(ImportNBitsTest, TakesTwoAndEightBitsWithTheMiddleAsZeroPoint) {
  const Form two(2), eight(8);
  const QuantizedConstant narrow = weight_of(two.model().read());
  EXPECT_EQ(narrow.codes.dtype(), DType::kUInt4);
  two.expect_weights(dequantize(narrow), [](auto, auto) { return 2; });
  const QuantizedConstant wide = weight_of(eight.model().read());
  EXPECT_EQ(wide.codes.dtype(), DType::kUInt8);
  eight.expect_weights(dequantize(wide), [](auto, auto) { return 128; });
}

TEST(ImportNBitsTest, ReadsPackedZeroPoints) {
  Form form;
  form.zero_points = bytes({3}, {0x21, 0x43, 0xf0});  // the low nibble is the first block's
  form.expect_weights(dequantize(weight_of(form.model().read())), [](auto j, auto block) {
    constexpr int kZeros[3][2] = {{1, 2}, {3, 4}, {0, 15}};
    return kZeros[j][block];
  });
  Form two(2);
  two.zero_points = bytes({3}, {0b0100, 0b1011, 0b0001});
  two.expect_weights(dequantize(weight_of(two.model().read())), [](auto j, auto block) {
    constexpr int kZeros[3][2] = {{0, 1}, {3, 2}, {1, 0}};
    return kZeros[j][block];
  });
}

TEST(ImportNBitsTest, ReadsFloatZeroPointsThatAreWhole) {
  Form form;
  form.zero_points = floats({3, 2}, {0, 1, 2, 3, 14, 15});
  form.expect_weights(dequantize(weight_of(form.model().read())),
                      [](auto j, auto block) { return j == 2 ? 14 + block : 2 * j + block; });
  form.zero_points = floats({3, 2}, {0, 1, 2, 3.5f, 14, 15});
  EXPECT_THAT(error_of(ErrorKind::kUnsupported, form), HasSubstr("zero point 3.5"));
  form.zero_points = floats({3, 2}, {0, 1, 2, 3, 14, 16});
  EXPECT_THAT(error_of(ErrorKind::kUnsupported, form), HasSubstr("zero point 16"));
}

TEST(ImportNBitsTest, ABiasIsAddedBehindTheProduct) {
  Form form;
  form.has_bias = true;
  const Graph graph = form.model().read();
  std::vector<std::string> ops;
  for (const Node& node : graph.nodes()) ops.emplace_back(op_name(node.op));
  EXPECT_THAT(ops, ElementsAre("DequantizeLinear", "MatMul", "Add"));
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape, (Shape{2, 3}));
}

TEST(ImportNBitsTest, RefusesWhatItCannotRead) {
  Form form;
  form.block_size = 8;
  EXPECT_THAT(error_of(ErrorKind::kBadData, form), HasSubstr("block_size 8"));
  form.block_size = 24;
  EXPECT_THAT(error_of(ErrorKind::kBadData, form), HasSubstr("block_size 24"));
  form = Form();
  form.bits = 3;
  EXPECT_THAT(error_of(ErrorKind::kUnsupported, form), HasSubstr("bits = 3"));
  form = Form();
  form.k = 0;
  EXPECT_THAT(error_of(ErrorKind::kBadData, form), HasSubstr("K = 0"));
  form = Form();
  form.n = std::int64_t{1} << 40;
  EXPECT_THAT(error_of(ErrorKind::kBadData, form), HasSubstr("N = 1099511627776"));
  form = Form();
  form.k = 40;  // three blocks, the tensor has two
  EXPECT_THAT(error_of(ErrorKind::kBadData, form), HasSubstr("accepted: uint8 [3, 3, 8]"));
  form = Form();
  form.scales = floats({3}, {1, 2, 3});
  EXPECT_THAT(error_of(ErrorKind::kBadData, form), HasSubstr("accepted: float32 [3, 2]"));
  form = Form();
  form.zero_points = bytes({6}, {0, 0, 0, 0, 0, 0});
  EXPECT_THAT(error_of(ErrorKind::kBadData, form), HasSubstr("accepted: uint8 [3, 1]"));
}

TEST(ImportNBitsTest, RefusesReorderedRowsAndComputedWeights) {
  TestModel reordered = Form().model();
  reordered.constant("g", ints(std::vector<std::int64_t>(18, 0)));
  reordered.graph().mutable_node(0)->set_input(4, "g");
  EXPECT_THAT(expect_error(ErrorKind::kUnsupported, [&] { reordered.read(); }), HasSubstr("g_idx"));
  TestModel computed = Form().model();
  computed.input("codes", {3, 2, 8}, DType::kUInt8);
  computed.graph().mutable_node(0)->set_input(1, "codes");
  EXPECT_THAT(expect_error(ErrorKind::kUnsupported, [&] { computed.read(); }),
              HasSubstr("the weight"));
}

}  // namespace
}  // namespace octet
