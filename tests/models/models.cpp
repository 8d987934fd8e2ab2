#include "tests/models/models.h"

#include <cmath>

#include "octet/base/names.h"
#include "octet/base/rng.h"
#include "octet/graph/functions/arrangement.h"
#include "octet/graph/functions/elementwise.h"
#include "octet/graph/functions/normalization.h"
#include "octet/graph/functions/reduction.h"
#include "octet/graph/functions/resize.h"
#include "octet/graph/functions/window.h"

namespace octet {
namespace {

constexpr std::int64_t kWidth = 32, kHeads = 2, kDepth = kWidth / kHeads, kHidden = 64;

class NetworkBuilder {
 public:
  explicit NetworkBuilder(std::uint32_t seed) : rng_(seed) {}

  Graph graph;

  ValueId random(const std::string& name, const Shape& shape, float mean, float deviation) {
    Tensor tensor(DType::kFloat32, shape);
    for (float& value : tensor.mutable_data<float>()) value = mean + deviation * rng_.normal();
    return graph.add_constant(name, std::move(tensor));
  }
  ValueId scalar(const std::string& name, float value) {
    return graph.add_constant(name, Tensor::from<float>(Shape{}, {value}));
  }
  ValueId integers(const std::string& name, const std::vector<std::int64_t>& values) {
    const auto count = static_cast<std::int64_t>(values.size());
    return graph.add_constant(name, Tensor::from<std::int64_t>(Shape{count}, values));
  }

  /// MatMul and Add over the last axis.
  ValueId linear(const std::string& name, ValueId x, std::int64_t inputs, std::int64_t outputs) {
    const float deviation = 1.0f / std::sqrt(static_cast<float>(inputs));
    const ValueId product =
        graph.add(name + ".product", MatMul{},
                  {x, random(name + ".weight", {inputs, outputs}, 0.0f, deviation)});
    return graph.add(name, Add{}, {random(name + ".bias", {outputs}, 0.0f, 0.3f), product});
  }
  ValueId conv(const std::string& name, ValueId x, std::int64_t inputs, std::int64_t outputs) {
    const float deviation = 1.0f / std::sqrt(static_cast<float>(inputs * 9));
    const ValueId y =
        graph.add(name, Conv2d{.padding = {1, 1, 1, 1}},
                  {x, random(name + ".weight", {outputs, inputs, 3, 3}, 0.0f, deviation),
                   random(name + ".bias", {outputs}, 0.1f, 0.3f)});
    return graph.add(name + ".relu", Relu{}, {y});
  }
  ValueId conv_transpose(const std::string& name, ValueId x, std::int64_t inputs,
                         std::int64_t outputs, std::int64_t kernel, WindowOptions window,
                         std::vector<std::int64_t> output_padding) {
    const float deviation = 1.0f / std::sqrt(static_cast<float>(inputs));
    window.kernel = {kernel, kernel};
    window.stride = {2, 2};
    return graph.add(
        name, conv_transpose_function({window, 1, std::move(output_padding), {}}),
        {x, random(name + ".weight", {inputs, outputs, kernel, kernel}, 0.0f, deviation),
         random(name + ".bias", {outputs}, 0.1f, 0.3f)});
  }

  ValueId layer_normalization(const std::string& name, ValueId x) {
    return graph.add(name, layer_norm({}),
                     {x, random(name + ".scale", {kWidth}, 1.0f, 0.2f),
                      random(name + ".shift", {kWidth}, 0.0f, 0.2f)});
  }
  ValueId decomposed_normalization(const std::string& name, ValueId x) {
    const auto mean = [&](const std::string& part, ValueId of) {
      return graph.add(name + part, reduce({.reduction = Reduction::kMean}),
                       {of, integers(name + part + ".axes", {-1})});
    };
    const ValueId centred = graph.add(name + ".centred", Sub{}, {x, mean(".mean", x)});
    const ValueId squared = graph.add(name + ".squared", binary(BinaryFunction::kPow),
                                      {centred, scalar(name + ".two", 2.0f)});
    const ValueId variance = graph.add(
        name + ".plus", Add{}, {mean(".variance", squared), scalar(name + ".epsilon", 1e-5f)});
    const ValueId deviation = graph.add(name + ".sqrt", unary(UnaryFunction::kSqrt), {variance});
    const ValueId normal = graph.add(name + ".div", Div{}, {centred, deviation});
    const ValueId scaled =
        graph.add(name + ".scaled", Mul{}, {normal, random(name + ".scale", {kWidth}, 1.0f, 0.2f)});
    return graph.add(name, Add{}, {scaled, random(name + ".shift", {kWidth}, 0.0f, 0.2f)});
  }
  ValueId decomposed_gelu(const std::string& name, ValueId x) {
    const ValueId divided =
        graph.add(name + ".div", Div{}, {x, scalar(name + ".sqrt2", std::sqrt(2.0f))});
    const ValueId erf = graph.add(name + ".erf", unary(UnaryFunction::kErf), {divided});
    const ValueId plus = graph.add(name + ".plus", Add{}, {erf, scalar(name + ".one", 1.0f)});
    const ValueId times = graph.add(name + ".times", Mul{}, {x, plus});
    return graph.add(name, Mul{}, {times, scalar(name + ".half", 0.5f)});
  }

  /// [n, tokens, width] -> [n, heads, tokens, depth], or its transpose for the keys.
  ValueId heads(const std::string& name, ValueId x, bool keys) {
    const ValueId parts = graph.add(name + ".parts", Reshape{{0, -1, kHeads, kDepth}}, {x});
    return graph.add(name + ".heads",
                     Transpose{keys ? std::vector<int>{0, 2, 3, 1} : std::vector<int>{0, 2, 1, 3}},
                     {parts});
  }
  /// softmax(q k / sqrt(depth) + mask) v
  ValueId attention(const std::string& name, ValueId q, ValueId k, ValueId v,
                    std::optional<ValueId> mask) {
    const ValueId products = graph.add(name + ".scores", MatMul{},
                                       {heads(name + ".q", q, false), heads(name + ".k", k, true)});
    const ValueId depth = scalar(name + ".depth", std::sqrt(static_cast<float>(kDepth)));
    ValueId scores = graph.add(name + ".scaled", Div{}, {products, depth});
    if (mask) scores = graph.add(name + ".masked", Add{}, {scores, *mask});
    const ValueId shares = graph.add(name + ".softmax", Softmax{-1}, {scores});
    const ValueId mixed =
        graph.add(name + ".mixed", MatMul{}, {shares, heads(name + ".v", v, false)});
    const ValueId back = graph.add(name + ".back", Transpose{{0, 2, 1, 3}}, {mixed});
    const ValueId joined = graph.add(name + ".joined", Reshape{{0, -1, kWidth}}, {back});
    return linear(name + ".out", joined, kWidth, kWidth);
  }

 private:
  Rng rng_;
};

Graph finished(NetworkBuilder& net, const std::string& name, ValueId output) {
  net.graph.name = name;
  net.graph.add_output(output);
  infer_shapes(net.graph);
  verify(net.graph);
  return std::move(net.graph);
}

}  // namespace

Graph vision_transformer(std::uint32_t seed) {
  constexpr std::int64_t kPatches = 15;
  NetworkBuilder net(seed);
  Graph& graph = net.graph;
  const ValueId image = graph.add_input("image", DType::kFloat32, {kDynamicDim, 3, 12, 20});
  const ValueId patches =
      graph.add("patches", Conv2d{.stride = {4, 4}},
                {image, net.random("patches.weight", {kWidth, 3, 4, 4}, 0.0f, 0.15f),
                 net.random("patches.bias", {kWidth}, 0.0f, 0.1f)});
  const ValueId flat = graph.add("flat", Reshape{{0, kWidth, kPatches}}, {patches});
  const ValueId tokens = graph.add("tokens", Transpose{{0, 2, 1}}, {flat});
  ValueId x =
      graph.add("placed", Add{}, {tokens, net.random("places", {1, kPatches, kWidth}, 0.0f, 0.5f)});

  const ValueId qkv = net.linear("qkv", net.layer_normalization("norm1", x), kWidth, 3 * kWidth);
  const ValueId q = graph.add_value("q"), k = graph.add_value("k"), v = graph.add_value("v");
  graph.add_node("qkv.split", split(2, 0),
                 {qkv, net.integers("qkv.sizes", {kWidth, kWidth, kWidth})}, {q, k, v});
  x = graph.add("sum1", Add{}, {x, net.attention("attention", q, k, v, std::nullopt)});
  const ValueId hidden = net.linear("mlp1", net.layer_normalization("norm2", x), kWidth, kHidden);
  const ValueId mlp = net.linear("mlp2", net.decomposed_gelu("gelu", hidden), kHidden, kWidth);
  x = net.layer_normalization("norm3", graph.add("sum2", Add{}, {x, mlp}));
  const ValueId mean =
      graph.add("mean", reduce({.reduction = Reduction::kMean, .keep_dims = false}),
                {x, net.integers("mean.axes", {1})});
  return finished(net, "vision_transformer",
                  graph.add("classes", Gemm{},
                            {mean, net.random("classes.weight", {10, kWidth}, 0.0f, 0.2f),
                             net.random("classes.bias", {10}, 0.0f, 0.2f)}));
}

Graph masked_transformer(std::uint32_t seed) {
  constexpr std::int64_t kTokens = 12;
  NetworkBuilder net(seed);
  Graph& graph = net.graph;
  ValueId x = graph.add_input("tokens", DType::kFloat32, {kDynamicDim, kTokens, kWidth});
  Tensor causal(DType::kFloat32, {1, 1, kTokens, kTokens});
  for (std::int64_t i = 0; i < kTokens * kTokens; ++i) {
    const bool later = i % kTokens > i / kTokens;
    causal.mutable_data<float>()[static_cast<std::size_t>(i)] = later ? -10'000.0f : 0.0f;
  }
  const ValueId mask = graph.add_constant("mask", std::move(causal));
  x = net.decomposed_normalization("norm0", x);
  // In statements: the arguments of a call draw their weights in an order that compilers choose.
  const ValueId value = net.linear("value", x, kWidth, kWidth);
  const ValueId key = net.linear("key", x, kWidth, kWidth);
  const ValueId query = net.linear("query", x, kWidth, kWidth);
  const ValueId mixed = net.attention("attention", query, key, value, mask);
  x = net.decomposed_normalization("norm1", graph.add("sum1", Add{}, {mixed, x}));
  const ValueId hidden = net.decomposed_gelu("gelu", net.linear("mlp1", x, kWidth, kHidden));
  const ValueId mlp = net.linear("mlp2", hidden, kHidden, kWidth);
  x = net.decomposed_normalization("norm2", graph.add("sum2", Add{}, {mlp, x}));
  const ValueId first = graph.add(
      "first", Gather{1}, {x, graph.add_constant("zero", Tensor::from<std::int64_t>({}, {0}))});
  const ValueId pooled =
      graph.add("pooler", Gemm{},
                {first, net.random("pooler.weight", {kWidth, kWidth}, 0.0f, 0.2f),
                 net.random("pooler.bias", {kWidth}, 0.0f, 0.2f)});
  const ValueId bounded = graph.add("tanh", Tanh{}, {pooled});
  return finished(net, "masked_transformer",
                  graph.add("classes", Gemm{},
                            {bounded, net.random("classes.weight", {10, kWidth}, 0.0f, 0.2f),
                             net.random("classes.bias", {10}, 0.0f, 0.2f)}));
}

Graph segmentation_decoder(std::uint32_t seed) {
  NetworkBuilder net(seed);
  Graph& graph = net.graph;
  const ValueId image = graph.add_input("image", DType::kFloat32, {kDynamicDim, 3, 16, 16});
  const ValueId large = net.conv("down1", image, 3, 8);
  const MaxPool halve{{.kernel = {2, 2}, .stride = {2, 2}}};
  const ValueId middle = net.conv("down2", graph.add("pool1", halve, {large}), 8, 16);
  const ValueId small = net.conv("bottom", graph.add("pool2", halve, {middle}), 16, 16);

  const ValueId up1 = net.conv_transpose("up1", small, 16, 16, 2, {}, {});
  const ValueId up1_relu = graph.add("up1.relu", Relu{}, {up1});
  const ValueId joined1 = graph.add("joined1", Concat{1}, {up1_relu, middle});
  const ValueId wide = net.conv("up2", joined1, 32, 8);
  const ValueId scales = graph.add_constant("scales", Tensor::from<float>({4}, {1, 1, 2, 2}));
  const ValueId nearest = graph.add("nearest", resize({}), {wide, std::nullopt, scales});
  ResizeOptions bilinear;
  bilinear.mode = ResizeMode::kLinear;
  bilinear.coordinates = CoordinateMode::kAlignCorners;
  const ValueId linear = graph.add("linear", resize(bilinear), {wide, std::nullopt, scales});
  const ValueId joined2 = graph.add("joined2", Concat{1}, {nearest, large, linear, nearest});
  const ValueId merged = net.conv("merge", joined2, 32, 8);
  const ValueId leaky =
      graph.add("leaky", unary(UnaryFunction::kLeakyRelu, 0.1f),
                {net.conv_transpose(
                    "up3", merged, 8, 8, 3,
                    {.kernel = {}, .stride = {}, .dilation = {}, .pads = {1, 1, 1, 1}}, {1, 1})});
  const ValueId shuffled =
      graph.add("shuffled", depth_to_space(2, DepthOrder::kDepthColumnRow), {leaky});
  const ValueId gates = graph.add("gates", Sigmoid{}, {shuffled});
  return finished(
      net, "segmentation_decoder",
      graph.add("map", Conv2d{}, {gates, net.random("map.weight", {3, 2, 1, 1}, 0, 1)}));
}

std::vector<std::string> test_model_names() {
  return {"vision_transformer", "masked_transformer", "segmentation_decoder"};
}

Graph test_model(const std::string& name) {
  if (name == "vision_transformer") return vision_transformer();
  if (name == "masked_transformer") return masked_transformer();
  if (name == "segmentation_decoder") return segmentation_decoder();
  fail_unknown_name("test model", name, test_model_names());
}

}  // namespace octet
