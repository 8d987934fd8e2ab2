// Moved codes, functions of one code and constant codes against their definitions, on every
// instruction set and thread count.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/graph/functions/arrangement.h"
#include "octet/graph/functions/elementwise.h"
#include "octet/graph/functions/resize.h"
#include "octet/graph/tensor_function.h"
#include "octet/runtime/code_graphs.h"

namespace octet {
namespace {

using ::testing::HasSubstr;
using namespace code_graphs;

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
