// Products of matrices, transposed convolutions, moved codes and functions of one code, against
// their equations in wide integers or their definitions, on every instruction set and thread count.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "octet/base/rng.h"
#include "octet/graph/functions/arrangement.h"
#include "octet/graph/functions/elementwise.h"
#include "octet/graph/functions/resize.h"
#include "octet/graph/functions/window.h"
#include "octet/graph/tensor_function.h"
#include "octet/runtime/plan.h"

namespace octet {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

Tensor random_codes(DType dtype, const Shape& shape, Rng& rng) {
  Tensor tensor(dtype, shape);
  for (std::byte& byte : std::span(tensor.mutable_raw(), tensor.size_bytes())) {
    byte = static_cast<std::byte>(rng.below(256));
  }
  return tensor;
}

Tensor random_floats(const Shape& shape, Rng& rng, float size = 1.0f) {
  Tensor tensor(DType::kFloat32, shape);
  for (float& value : tensor.mutable_data<float>()) value = rng.uniform(-size, size);
  return tensor;
}

TensorQuantParams params_of(float scale, std::int32_t zero, DType dtype = DType::kUInt8) {
  return {{scale}, {zero}, std::nullopt, dtype};
}

/// A graph whose inputs and outputs are codes.
class CodeGraph {
 public:
  /// A graph input of codes, dequantized.
  ValueId input(const Tensor& codes, const TensorQuantParams& params,
                std::optional<Shape> shape = std::nullopt) {
    const std::string name = "x" + std::to_string(inputs_.size());
    const ValueId x = graph.add_input(name, codes.dtype(), shape.value_or(codes.shape()));
    inputs_.push_back(codes);
    return graph.add(name + "_dq", DequantizeLinear{params}, {x});
  }
  ValueId constant(const std::string& name, Tensor codes, const TensorQuantParams& params) {
    const ValueId id = graph.add_constant(name, std::move(codes));
    return graph.add(name + "_dq", DequantizeLinear{params}, {id});
  }
  void output(ValueId real, const TensorQuantParams& params) {
    const ValueId codes = graph.add_value("y" + std::to_string(graph.outputs().size()));
    graph.add_node("q", QuantizeLinear{params}, {real}, {codes});
    graph.add_output(codes);
    infer_shapes(graph);
  }

  std::vector<Tensor> run(Isa isa, int threads) const {
    const auto batch = static_cast<int>(inputs_[0].shape()[0]);
    Plan plan = compile(graph, {.isa = isa, .threads = threads, .max_batch = batch});
    std::vector<Tensor> outputs;
    std::vector<void*> out;
    std::vector<const void*> in;
    for (const PlanTensor& output : plan.outputs()) {
      outputs.emplace_back(output.dtype, output.shape.with_batch(batch));
    }
    for (Tensor& output : outputs) out.push_back(output.mutable_raw());
    for (const Tensor& input : inputs_) in.push_back(input.raw());
    plan.run(in, out, batch);
    plan.run(in, out, batch);  // what the first run left behind must not show
    return outputs;
  }

  /// The same bytes on every instruction set, with one thread and three.
  void expect(const std::vector<Tensor>& expected) const {
    for (const Isa isa : testable_isas()) {
      for (const int threads : {1, 3}) {
        SCOPED_TRACE(std::string(to_string(isa)) + ", threads " + std::to_string(threads));
        const std::vector<Tensor> found = run(isa, threads);
        ASSERT_EQ(found.size(), expected.size());
        for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], expected[i]) << i;
      }
    }
  }

  std::string kernel_of(const std::string& node, std::string* why_float = nullptr) const {
    const Plan plan = compile(graph, {});
    std::string kernel = "none";
    for (const PlanLayer& layer : plan.layers()) {
      if (layer.name != node) continue;
      kernel = layer.kernel;
      if (why_float) *why_float = layer.why_float;
    }
    return kernel;
  }

  Graph graph;

 private:
  std::vector<Tensor> inputs_;
};

/// Clause 5.
std::uint8_t requantized(std::int64_t acc, float multiplier, std::int32_t zero, float low = -1e9f,
                         float high = 1e9f, float scale = 1.0f) {
  const auto bound = [&](float x) { return quantize(x, {.scale = scale, .zero_point = zero}); };
  const float product = static_cast<float>(static_cast<std::int32_t>(acc)) * multiplier;
  const double code = std::nearbyint(product) + double{static_cast<float>(zero)};
  return static_cast<std::uint8_t>(std::clamp<double>(code, bound(low), bound(high)));
}

std::int64_t code_at(const Tensor& tensor, std::int64_t index) {
  return tensor.dtype() == DType::kInt8
             ? tensor.data<std::int8_t>()[static_cast<std::size_t>(index)]
             : tensor.data<std::uint8_t>()[static_cast<std::size_t>(index)];
}

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

TEST(MovedCodes, AreThoseOfTheDefinition) {
  Rng rng(10);
  const auto integers = [](std::vector<std::int64_t> values) {
    const auto count = static_cast<std::int64_t>(values.size());
    return Tensor::from(Shape{count}, values);
  };
  struct Case {
    Op op;
    std::vector<std::optional<Tensor>> more;
    std::vector<Shape> outputs;
  };
  const Tensor scales = Tensor::from(Shape{4}, std::vector<float>{1, 1, 2, 1.5f});
  const Case cases[] = {
      {split(1, 0), {integers({1, 3})}, {{2, 1, 6, 4}, {2, 3, 6, 4}}},
      {Gather{2}, {integers({5, 0, -1})}, {{2, 4, 3, 4}}},
      {Gather{1}, {Tensor::from(Shape{}, std::vector<std::int64_t>{2})}, {{2, 6, 4}}},
      {tile(), {integers({1, 2, 1, 3})}, {{2, 8, 6, 12}}},
      {expand(), {integers({3, 2, 4, 6, 4})}, {{3, 2, 4, 6, 4}}},
      {resize({}), {std::nullopt, scales}, {{2, 4, 12, 6}}},
      {depth_to_space(2, DepthOrder::kDepthColumnRow), {}, {{2, 1, 12, 8}}},
      {space_to_depth(2), {}, {{2, 16, 3, 2}}},
  };
  for (const DType dtype : {DType::kUInt8, DType::kInt8}) {
    for (const Case& test : cases) {
      SCOPED_TRACE(op_name(test.op));
      const Tensor x = random_codes(dtype, {2, 4, 6, 4}, rng);
      const TensorQuantParams params = params_of(0.1f, 7, dtype);
      CodeGraph net;
      std::vector<std::optional<ValueId>> ids{net.input(x, params)};
      std::vector<std::optional<Tensor>> inputs{x};
      for (const std::optional<Tensor>& more : test.more) {
        ids.push_back(
            more ? std::optional(net.graph.add_constant(net.graph.unique_value_name("c"), *more))
                 : std::nullopt);
        inputs.push_back(more);
      }
      std::vector<ValueId> results;
      std::vector<TensorType> types;
      for (const Shape& shape : test.outputs) {
        results.push_back(net.graph.add_value(net.graph.unique_value_name("r"), DType::kFloat32));
        types.push_back({dtype, shape});
      }
      net.graph.add_node("op", test.op, ids, results);
      for (const ValueId result : results) net.output(result, params);
      EXPECT_EQ(net.kernel_of("op"), "definition/codes");
      net.expect(*apply(*function_of(test.op), inputs, types));
    }
  }
}

TEST(MovedCodes, StayFloatWhereAnOutputHasAnotherScale) {
  Rng rng(11);
  CodeGraph net;
  const ValueId x = net.input(random_codes(DType::kUInt8, {2, 4}, rng), params_of(0.1f, 7));
  const ValueId sizes =
      net.graph.add_constant("sizes", Tensor::from(Shape{2}, std::vector<std::int64_t>{1, 3}));
  const ValueId a = net.graph.add_value("a"), b = net.graph.add_value("b");
  net.graph.add_node("op", split(1, 0), {x, sizes}, {a, b});
  net.output(a, params_of(0.1f, 7));
  net.output(b, params_of(0.2f, 7));
  std::string why_float;
  EXPECT_EQ(net.kernel_of("op", &why_float), "definition/reference");
  EXPECT_THAT(net.run(host_isa(), 1).size(), 2u);
}

/// x / sqrt(2) -> Erf -> + 1 -> * x -> * 0.5, as exporters write a Gelu; x is read twice.
ValueId decomposed_gelu(Graph& graph, ValueId x, ValueId x_again) {
  const auto scalar = [&](const std::string& name, float value) {
    return graph.add_constant(name, Tensor::from(Shape{}, std::vector<float>{value}));
  };
  const ValueId divided = graph.add("div", Div{}, {x, scalar("sqrt2", 1.41421354f)});
  const ValueId erf = graph.add("erf", unary(UnaryFunction::kErf), {divided});
  const ValueId one_more = graph.add("plus", Add{}, {erf, scalar("one", 1.0f)});
  const ValueId product = graph.add("times", Mul{}, {x_again, one_more});
  return graph.add("half", Mul{}, {product, scalar("half.value", 0.5f)});
}

Tensor all_codes(const Shape& shape) {
  Tensor tensor(DType::kUInt8, shape);
  for (std::size_t i = 0; i < tensor.size_bytes(); ++i) {
    tensor.mutable_data<std::uint8_t>()[i] = static_cast<std::uint8_t>(i);
  }
  return tensor;
}

TEST(FunctionOfOneCode, ADecomposedGeluIsOneTable) {
  const TensorQuantParams in = params_of(0.03f, 120), out = params_of(0.02f, 10);
  const Tensor x = all_codes({2, 128});
  CodeGraph net;
  const ValueId first = net.input(x, in);
  const ValueId again = net.graph.add("again", DequantizeLinear{in}, {net.graph.inputs()[0]});
  net.output(decomposed_gelu(net.graph, first, again), out);
  EXPECT_THAT(net.kernel_of("half"), HasSubstr("table/"));
  EXPECT_EQ(net.kernel_of("erf"), "none");

  // With its inside visible, the same network runs node by node.
  CodeGraph open;
  const ValueId x_first = open.input(x, in);
  const ValueId x_again = open.graph.add("again", DequantizeLinear{in}, {open.graph.inputs()[0]});
  open.output(decomposed_gelu(open.graph, x_first, x_again), out);
  open.graph.add_output(*open.graph.find_value("times"));
  EXPECT_THAT(open.kernel_of("half"), HasSubstr("mul_f32/"));
  net.expect({open.run(Isa::kBaseline, 1)[0]});
}

TEST(FunctionOfOneCode, EveryElementwiseFunctionIsOne) {
  const TensorQuantParams in = params_of(0.03f, 100), out = params_of(0.05f, 30);
  const Tensor x = all_codes({2, 2, 8, 8});
  for (const UnaryFunction function :
       {UnaryFunction::kGelu, UnaryFunction::kErf, UnaryFunction::kElu, UnaryFunction::kLeakyRelu,
        UnaryFunction::kExp, UnaryFunction::kSoftplus, UnaryFunction::kMish,
        UnaryFunction::kSqrt}) {
    const Op op = unary(function, unary_attributes(function)[0].value);
    SCOPED_TRACE(op_name(op));
    CodeGraph net;
    net.output(net.graph.add("y", op, {net.input(x, in)}), out);
    EXPECT_THAT(net.kernel_of("y"), HasSubstr("table/"));
    // Clause 2, the definition in float32, clause 1: NaN is the zero point.
    const std::optional<Tensor> real[] = {dequantize(x, in)};
    const TensorType type{DType::kFloat32, x.shape()};
    net.expect({quantize(apply(*function_of(op), real, std::span(&type, 1))->front(), out)});
  }
}

TEST(FunctionOfOneCode, TwoTensorsAreNone) {
  const TensorQuantParams in = params_of(0.03f, 100);
  Rng rng(12);
  CodeGraph net;
  const ValueId a = net.input(all_codes({2, 8}), in);
  const ValueId b = net.input(random_codes(DType::kUInt8, {2, 8}, rng), in);
  net.output(decomposed_gelu(net.graph, a, b), params_of(0.05f, 30));
  EXPECT_THAT(net.kernel_of("half"), HasSubstr("mul_f32/"));
  EXPECT_THAT(net.kernel_of("erf"), HasSubstr("definition/"));
}

TEST(ConstantCodes, AreOperandsOfAddMulAndConcat) {
  Rng rng(13);
  const TensorQuantParams in = params_of(0.03f, 100), other = params_of(0.04f, 90);
  const TensorQuantParams out = params_of(0.1f, 128);
  for (const DType dtype : {DType::kUInt8, DType::kInt8}) {
    const Tensor x = random_codes(DType::kUInt8, {2, 3, 4, 5}, rng);
    const Tensor whole = random_codes(dtype, {2, 3, 4, 5}, rng);
    const Tensor channels = random_codes(dtype, {3, 1, 1}, rng);
    TensorQuantParams constant = other;
    constant.dtype = dtype;
    if (dtype == DType::kInt8) constant.zero_point[0] -= 128;
    for (const Op& op : {Op(Add{}), Op(Mul{}), Op(Concat{1})}) {
      for (const Tensor* c : {&whole, &channels}) {
        if (c == &channels && std::holds_alternative<Concat>(op)) continue;
        SCOPED_TRACE(op_name(op));
        // The same network with the constant as an input of the full shape.
        CodeGraph net, dynamic;
        net.output(net.graph.add("y", op, {net.input(x, in), net.constant("c", *c, constant)}),
                   out);
        EXPECT_THAT(net.kernel_of("y"), ::testing::AnyOf(HasSubstr("_u8/"), HasSubstr("copy/")));
        Tensor full(dtype, x.shape());
        for (std::int64_t i = 0; i < full.num_elements(); ++i) {
          full.mutable_raw()[i] = c == &whole ? c->raw()[i] : c->raw()[i / 20 % 3];
        }
        dynamic.output(
            dynamic.graph.add("y", op, {dynamic.input(x, in), dynamic.input(full, constant)}), out);
        net.expect(dynamic.run(Isa::kBaseline, 1));
      }
    }
  }
}

}  // namespace
}  // namespace octet
