// Products of matrices and transposed convolutions against their equations in wide integers, on
// every instruction set and thread count.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "octet/graph/functions/window.h"
#include "octet/graph/tensor_function.h"
#include "octet/runtime/code_graphs.h"

namespace octet {
namespace {

using ::testing::HasSubstr;
using namespace code_graphs;

struct ProductCase {
  Shape a, b, c;
};

/// sum (a - a_zero) (b - b_zero), element by element with numpy's broadcasting.
std::vector<std::int64_t> products(const Tensor& a, const Tensor& b, const Shape& c,
                                   std::int32_t a_zero, std::int32_t b_zero) {
  const auto offset = [&](const Shape& shape, std::int64_t matrix, std::int64_t size) {
    std::int64_t result = 0, step = 1;
    for (int axis = c.rank() - 3; axis >= 0; --axis) {
      const int own = axis - (c.rank() - shape.rank());
      const std::int64_t at = matrix % c[axis];
      matrix /= c[axis];
      if (own < 0) continue;
      if (shape[own] != 1) result += at * step;
      step *= shape[own];
    }
    return result * size;
  };
  const std::int64_t m = c[c.rank() - 2], n = c[c.rank() - 1], k = a.shape()[a.shape().rank() - 1];
  std::vector<std::int64_t> sums;
  for (std::int64_t i = 0; i < c.num_elements(); ++i) {
    const std::int64_t matrix = i / (m * n), row = i / n % m, column = i % n;
    const std::int64_t at_a = offset(a.shape(), matrix, m * k) + row * k;
    const std::int64_t at_b = offset(b.shape(), matrix, k * n) + column;
    std::int64_t sum = 0;
    for (std::int64_t p = 0; p < k; ++p) {
      sum += (code_at(a, at_a + p) - a_zero) * (code_at(b, at_b + p * n) - b_zero);
    }
    sums.push_back(sum);
  }
  return sums;
}

TEST(ProductOfCodes, IsItsEquationForEveryFormOfBatch) {
  Rng rng(3);
  const ProductCase cases[] = {
      {{1, 1}, {1, 1}, {1, 1}},
      {{5, 7}, {7, 3}, {5, 3}},
      {{9, 66}, {66, 65}, {9, 65}},
      {{3, 6, 5}, {3, 5, 70}, {3, 6, 70}},
      {{2, 3, 13, 8}, {2, 3, 8, 9}, {2, 3, 13, 9}},
      {{2, 1, 5, 7}, {3, 7, 4}, {2, 3, 5, 4}},
      {{4, 5, 7}, {7, 4}, {4, 5, 4}},
      {{5, 7}, {3, 7, 4}, {3, 5, 4}},
      {{2, 1, 3, 4, 6}, {1, 3, 1, 6, 130}, {2, 3, 3, 4, 130}},
  };
  for (const ProductCase& test : cases) {
    for (const DType dtype : {DType::kUInt8, DType::kInt8}) {
      SCOPED_TRACE(to_string(test.a) + " x " + to_string(test.b));
      const std::int32_t low = dtype == DType::kInt8 ? -128 : 0;
      const auto zero = [&] { return low + static_cast<std::int32_t>(rng.below(256)); };
      const std::int32_t a_zero = zero(), b_zero = zero(), c_zero = zero() - low;
      const Tensor a = random_codes(dtype, test.a, rng), b = random_codes(dtype, test.b, rng);
      const float a_scale = 0.013f, b_scale = 0.37f;
      const float c_scale = 1.3f * std::sqrt(static_cast<float>(test.a[test.a.rank() - 1]));
      CodeGraph net;
      const ValueId y = net.graph.add("y", MatMul{},
                                      {net.input(a, params_of(a_scale, a_zero, dtype)),
                                       net.input(b, params_of(b_scale, b_zero, dtype))});
      net.output(y, params_of(c_scale, c_zero));
      EXPECT_THAT(net.kernel_of("y"), HasSubstr("matmul_u8u8/"));
      const auto multiplier = static_cast<float>(double{a_scale} * b_scale / double{c_scale});
      Tensor expected(DType::kUInt8, test.c);
      std::ranges::transform(
          products(a, b, test.c, a_zero, b_zero), expected.mutable_data<std::uint8_t>().begin(),
          [&](std::int64_t sum) { return requantized(sum, multiplier, c_zero); });
      net.expect({expected});
    }
  }
}

TEST(ProductOfCodes, TakesADynamicBatchAndAClamp) {
  Rng rng(4);
  const Tensor a = random_codes(DType::kUInt8, {3, 5, 6}, rng);
  const Tensor b = random_codes(DType::kUInt8, {3, 6, 4}, rng);
  CodeGraph net;
  const ValueId y = net.graph.add("y", MatMul{},
                                  {net.input(a, params_of(0.1f, 100), Shape{kDynamicDim, 5, 6}),
                                   net.input(b, params_of(0.2f, 90), Shape{kDynamicDim, 6, 4})});
  net.output(net.graph.add("clip", Clip{{-20.0f, 31.0f}}, {y}), params_of(0.7f, 120));
  Tensor expected(DType::kUInt8, {3, 5, 4});
  const auto multiplier = static_cast<float>(double{0.1f} * 0.2f / double{0.7f});
  std::ranges::transform(
      products(a, b, {3, 5, 4}, 100, 90), expected.mutable_data<std::uint8_t>().begin(),
      [&](std::int64_t sum) { return requantized(sum, multiplier, 120, -20.0f, 31.0f, 0.7f); });
  net.expect({expected});
}

TEST(ProductOfCodes, IsExactAtTheLimitOfItsProofAndFloatBehindIt) {
  for (const auto& [b_code, b_zero] : {std::pair(255, 0), {0, 255}}) {
    for (const std::int64_t k : {std::int64_t{33'025}, std::int64_t{33'026}}) {
      Tensor a(DType::kUInt8, {1, k}), b(DType::kUInt8, {k, 2});
      std::ranges::fill(a.mutable_data<std::uint8_t>(), std::uint8_t{255});
      std::ranges::fill(b.mutable_data<std::uint8_t>(), static_cast<std::uint8_t>(b_code));
      CodeGraph net;
      const ValueId y = net.graph.add(
          "y", MatMul{}, {net.input(a, params_of(1, 0)), net.input(b, params_of(1, b_zero))});
      net.output(y, params_of(0x1p25f, 128));
      std::string why_float;
      const std::string kernel = net.kernel_of("y", &why_float);
      if (k > 33'025) {
        EXPECT_THAT(why_float, HasSubstr("a sum of 33026 products could overflow int32"));
        continue;
      }
      EXPECT_THAT(kernel, HasSubstr("matmul_u8u8/"));
      const std::int64_t sum = k * 255 * (b_code - b_zero);
      Tensor expected(DType::kUInt8, {1, 2});
      std::ranges::fill(expected.mutable_data<std::uint8_t>(), requantized(sum, 0x1p-25f, 128));
      net.expect({expected});
    }
  }
}

TEST(ProductOfCodes, TakesConstantCodesOnEitherSide) {
  Rng rng(5);
  const Tensor a = random_codes(DType::kUInt8, {2, 5, 6}, rng);
  const Tensor b = random_codes(DType::kUInt8, {6, 4}, rng);
  CodeGraph net;
  const ValueId y = net.graph.add(
      "y", MatMul{},
      {net.input(a, params_of(0.1f, 100)), net.constant("b", b, params_of(0.2f, 90))});
  net.output(y, params_of(0.7f, 120));
  Tensor expected(DType::kUInt8, {2, 5, 4});
  const auto multiplier = static_cast<float>(double{0.1f} * 0.2f / double{0.7f});
  std::ranges::transform(products(a, b, {2, 5, 4}, 100, 90),
                         expected.mutable_data<std::uint8_t>().begin(),
                         [&](std::int64_t sum) { return requantized(sum, multiplier, 120); });
  net.expect({expected});
}

TEST(LinearLayer, OfAnyRankIsItsEquationWithABiasBehindIt) {
  Rng rng(6);
  for (const Shape& shape :
       {Shape{2, 6}, Shape{2, 5, 6}, Shape{2, 3, 7, 6}, Shape{2, 1, 3, 2, 6}}) {
    for (const bool has_bias : {false, true}) {
      SCOPED_TRACE(to_string(shape) + (has_bias ? " with a bias" : ""));
      const Tensor x = random_codes(DType::kUInt8, shape, rng);
      Tensor w = random_codes(DType::kInt8, {6, 19}, rng);
      TensorQuantParams weight{{}, std::vector<std::int32_t>(19, 0), 1, DType::kInt8};
      for (int j = 0; j < 19; ++j) weight.scale.push_back(rng.uniform(0.01f, 0.02f));
      const Tensor bias = random_floats({1, 19}, rng, 9.0f);
      CodeGraph net;
      ValueId y = net.graph.add(
          "y", MatMul{}, {net.input(x, params_of(0.05f, 131)), net.constant("w", w, weight)});
      const ValueId b = net.graph.add_constant("bias", bias);
      if (has_bias) y = net.graph.add("sum", Add{{.low = 0.0f}}, {b, y});
      net.output(y, params_of(0.06f, has_bias ? 0 : 128));
      EXPECT_THAT(net.kernel_of("y"), HasSubstr("gemm_u8s8/"));
      EXPECT_EQ(net.kernel_of("sum"), "none");

      Shape result = shape;
      result[shape.rank() - 1] = 19;
      Tensor expected(DType::kUInt8, result);
      for (std::int64_t i = 0; i < expected.num_elements(); ++i) {
        const std::int64_t row = i / 19, j = i % 19;
        const float scale = weight.scale[static_cast<std::size_t>(j)];
        std::int64_t acc = 0;
        if (has_bias) {
          acc = static_cast<std::int64_t>(std::nearbyint(
              bias.data<float>()[static_cast<std::size_t>(j)] / (double{0.05f} * scale)));
        }
        for (std::int64_t k = 0; k < 6; ++k) {
          acc += (code_at(x, row * 6 + k) - 131) * code_at(w, k * 19 + j);
        }
        expected.mutable_data<std::uint8_t>()[static_cast<std::size_t>(i)] =
            requantized(acc, static_cast<float>(double{0.05f} * scale / double{0.06f}),
                        has_bias ? 0 : 128, has_bias ? 0.0f : -1e9f);
      }
      net.expect({expected});
    }
  }
}

TEST(LinearLayer, WithoutAQuantizedOutputGivesItsDequantizedSums) {
  Rng rng(7);
  const Tensor x = random_codes(DType::kUInt8, {2, 3, 6}, rng);
  const Tensor w = random_codes(DType::kInt8, {6, 4}, rng);
  const Tensor bias = random_floats({4}, rng, 9.0f);
  CodeGraph net;
  const ValueId y = net.graph.add("y", MatMul{},
                                  {net.input(x, params_of(0.05f, 131)),
                                   net.constant("w", w, params_of(0.25f, 0, DType::kInt8))});
  const ValueId sum = net.graph.add("sum", Add{}, {y, net.graph.add_constant("bias", bias)});
  net.output(sum, params_of(0.06f, 0));  // makes the graph a quantized one
  net.graph.add_output(sum);
  infer_shapes(net.graph);
  EXPECT_THAT(net.kernel_of("y"), HasSubstr("gemm_u8s8/"));
  const std::vector<Tensor> found = net.run(host_isa(), 1);
  for (std::int64_t i = 0; i < 24; ++i) {
    auto acc = static_cast<std::int32_t>(std::nearbyint(
        bias.data<float>()[static_cast<std::size_t>(i % 4)] / (double{0.05f} * 0.25f)));
    for (std::int64_t k = 0; k < 6; ++k) {
      acc +=
          static_cast<std::int32_t>((code_at(x, i / 4 * 6 + k) - 131) * code_at(w, k * 4 + i % 4));
    }
    EXPECT_EQ(found[1].data<float>()[static_cast<std::size_t>(i)],
              static_cast<float>(acc) * (0.05f * 0.25f));
  }
}

TEST(LinearLayer, ABiasBeyondInt32IsAddedInFloat) {
  Rng rng(8);
  const Tensor x = random_codes(DType::kUInt8, {2, 3, 6}, rng);
  CodeGraph net;
  const ValueId y = net.graph.add("y", MatMul{},
                                  {net.input(x, params_of(1e-6f, 131)),
                                   net.constant("w", random_codes(DType::kInt8, {6, 4}, rng),
                                                params_of(1e-6f, 0, DType::kInt8))});
  const ValueId bias = net.graph.add_constant("bias", random_floats({4}, rng, 9.0f));
  net.output(net.graph.add("sum", Add{}, {y, bias}), params_of(0.06f, 128));
  EXPECT_THAT(net.kernel_of("y"), HasSubstr("gemm_u8s8/"));
  EXPECT_THAT(net.kernel_of("sum"), HasSubstr("add_f32/"));
}

TEST(ConvTransposeOfCodes, IsItsDefinitionInWideNumbers) {
  Rng rng(9);
  const auto options = [](std::vector<std::int64_t> stride, std::vector<std::int64_t> dilation,
                          std::vector<std::int64_t> pads, std::vector<std::int64_t> extra,
                          std::int64_t groups) {
    return ConvTransposeOptions{{{}, std::move(stride), std::move(dilation), std::move(pads)},
                                groups,
                                std::move(extra),
                                {}};
  };
  struct Case {
    Shape x, w;
    ConvTransposeOptions options;
  };
  const Case cases[] = {
      {{2, 3, 5, 4}, {3, 4, 2, 2}, options({2, 2}, {}, {}, {}, 1)},
      {{1, 4, 5, 6}, {4, 5, 3, 3}, options({2, 2}, {}, {1, 1, 1, 1}, {1, 1}, 1)},
      {{2, 4, 3, 5}, {4, 3, 3, 4}, options({1, 3}, {2, 1}, {1, 0, 0, 2}, {}, 2)},
      {{1, 6, 4, 4}, {6, 1, 3, 3}, options({2, 3}, {1, 2}, {0, 1, 2, 0}, {1, 2}, 6)},
      {{1, 2, 3, 3}, {2, 3, 1, 1}, options({3, 2}, {}, {}, {2, 1}, 1)},
      {{1, 2, 3, 3}, {2, 40, 2, 3}, options({1, 1}, {}, {}, {}, 1)},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(to_string(test.x) + ", " + to_string(test.w));
    const Tensor x = random_codes(DType::kUInt8, test.x, rng);
    const Tensor w = random_codes(DType::kInt8, test.w, rng);
    const std::int64_t outputs = test.w[1] * test.options.groups;
    Tensor bias(DType::kInt32, {outputs});
    for (std::int32_t& b : bias.mutable_data<std::int32_t>()) {
      b = static_cast<std::int32_t>(rng.below(20'000)) - 10'000;
    }
    TensorQuantParams weight{{}, {}, 1, DType::kInt8}, biases{{}, {}, 0, DType::kInt32};
    for (std::int64_t j = 0; j < test.w[1]; ++j) weight.scale.push_back(rng.uniform(0.01f, 0.02f));
    weight.zero_point.assign(weight.scale.size(), 0);
    for (std::size_t j = 0; j < static_cast<std::size_t>(outputs); ++j) {
      biases.scale.push_back(0.05f * weight.scale[j % weight.scale.size()]);
    }
    biases.zero_point.assign(biases.scale.size(), 0);
    CodeGraph net;
    const Op op = conv_transpose_function(test.options);
    const ValueId real =
        net.graph.add("y", op,
                      {net.input(x, params_of(0.05f, 77)), net.constant("w", w, weight),
                       net.constant("b", bias, biases)});
    net.output(net.graph.add("relu", Relu{}, {real}), params_of(0.1f, 3));
    EXPECT_THAT(net.kernel_of("y"), HasSubstr("conv_transpose_u8s8/"));

    // The definition on integers without their zero points: exact in double.
    const auto numbers = [](const Tensor& codes, std::int32_t zero) {
      Tensor result(DType::kFloat32, codes.shape());
      for (std::int64_t i = 0; i < codes.num_elements(); ++i) {
        result.mutable_data<float>()[static_cast<std::size_t>(i)] =
            static_cast<float>(code_at(codes, i) - zero);
      }
      return result;
    };
    const Shape shape = net.graph.value(real).shape;
    const TensorType type{DType::kFloat32, shape};
    const std::optional<Tensor> inputs[] = {numbers(x, 77), numbers(w, 0)};
    const Tensor sums = apply(*function_of(op), inputs, std::span(&type, 1))->front();
    Tensor expected(DType::kUInt8, shape);
    for (std::int64_t i = 0; i < expected.num_elements(); ++i) {
      const auto j = static_cast<std::size_t>(i / (shape[2] * shape[3]) % outputs);
      const float scale = weight.scale[j % weight.scale.size()];
      const auto acc = static_cast<std::int64_t>(sums.data<float>()[static_cast<std::size_t>(i)]);
      expected.mutable_data<std::uint8_t>()[static_cast<std::size_t>(i)] =
          requantized(acc + bias.data<std::int32_t>()[j],
                      static_cast<float>(double{0.05f} * scale / double{0.1f}), 3, 0.0f);
    }
    net.expect({expected});
  }
}

}  // namespace
}  // namespace octet
