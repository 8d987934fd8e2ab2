#pragma once

#include <map>
#include <string>
#include <vector>

#include "octet/base/rng.h"
#include "octet/graph/functions/arrangement.h"
#include "octet/graph/functions/elementwise.h"
#include "octet/graph/functions/resize.h"
#include "octet/graph/functions/window.h"
#include "octet/graph/graph.h"
#include "octet/graph/passes/passes.h"
#include "octet/quant/quant_assignment.h"

// Networks that the tests of this module quantize.

namespace octet::testing_graphs {

inline constexpr Clamp kRelu{.low = 0.0f};
inline constexpr Clamp kRelu6{.low = 0.0f, .high = 6.0f};

inline Tensor random_tensor(Shape shape, Rng& rng, float size = 1.0f) {
  Tensor tensor(DType::kFloat32, std::move(shape));
  for (float& value : tensor.mutable_data<float>()) value = rng.uniform(-size, size);
  return tensor;
}

/// input [N, 3, 8, 8] -> conv1 relu -> pool -> conv2, + shortcut, relu -> gap -> flatten -> fc
inline Graph residual_network(std::uint32_t seed = 1) {
  Rng rng(seed);
  Graph graph;
  const ValueId input = graph.add_input("input", DType::kFloat32, Shape{kDynamicDim, 3, 8, 8});
  const ValueId w1 = graph.add_constant("conv1.weight", random_tensor(Shape{4, 3, 3, 3}, rng));
  const ValueId b1 = graph.add_constant("conv1.bias", random_tensor(Shape{4}, rng));
  const ValueId w2 = graph.add_constant("conv2.weight", random_tensor(Shape{4, 4, 3, 3}, rng));
  const ValueId w3 = graph.add_constant("fc.weight", random_tensor(Shape{5, 4}, rng));
  const ValueId b3 = graph.add_constant("fc.bias", random_tensor(Shape{5}, rng));
  const Padding same{1, 1, 1, 1};
  const ValueId conv1 =
      graph.add("conv1", Conv2d{.padding = same, .activation = kRelu}, {input, w1, b1});
  const ValueId pool = graph.add("pool", MaxPool{{.kernel = {2, 2}, .stride = {2, 2}}}, {conv1});
  const ValueId conv2 = graph.add("conv2", Conv2d{.padding = same}, {pool, w2});
  const ValueId sum = graph.add("sum", Add{kRelu}, {conv2, pool});
  const ValueId gap = graph.add("gap", GlobalAveragePool{}, {sum});
  const ValueId flat = graph.add("flat", Flatten{}, {gap});
  const ValueId logits = graph.add_value("logits");
  graph.add_node("fc", Gemm{}, {flat, w3, b3}, {logits});
  graph.add_output(logits);
  infer_shapes(graph);
  return graph;
}

/// x / sqrt(2) -> Erf -> + 1 -> * x -> * 0.5, as exporters write a Gelu.
inline ValueId decomposed_gelu(Graph& graph, const std::string& name, ValueId x) {
  const auto scalar = [&](const std::string& part, float value) {
    return graph.add_constant(name + part, Tensor::from<float>(Shape{}, {value}));
  };
  const ValueId divided = graph.add(name + ".div", Div{}, {x, scalar(".sqrt2", 1.41421354f)});
  const ValueId erf = graph.add(name + ".erf", unary(UnaryFunction::kErf), {divided});
  const ValueId plus = graph.add(name + ".plus", Add{}, {erf, scalar(".one", 1.0f)});
  const ValueId times = graph.add(name + ".times", Mul{}, {x, plus});
  return graph.add(name, Mul{}, {times, scalar(".half", 0.5f)});
}

/// Layers, products, pooling, additions, concatenations, functions and what moves elements, at
/// random, then a linear layer.
class RandomNetwork {
 public:
  explicit RandomNetwork(Rng& rng) : rng_(rng) {}

  Graph build() {
    const std::int64_t channels = 1 + rng_.below(4);
    maps_.push_back({graph_.add_input("input", DType::kFloat32, Shape{kDynamicDim, channels, 8, 8}),
                     channels, 8});
    const int layers = 2 + static_cast<int>(rng_.below(8));
    for (int layer = 0; layer < layers; ++layer) add_layer("layer" + std::to_string(layer));
    const Map last = maps_.back();
    const ValueId flat = graph_.add("flatten", Flatten{}, {last.value});
    const std::int64_t features = last.channels * last.size * last.size;
    const bool transpose = rng_.below(2) == 0;
    const ValueId weight = graph_.add_constant(
        "fc.weight", random_tensor(transpose ? Shape{3, features} : Shape{features, 3}, rng_));
    const ValueId bias = graph_.add_constant("fc.bias", random_tensor(Shape{3}, rng_));
    graph_.add_output(graph_.add("fc", Gemm{.transpose_b = transpose}, {flat, weight, bias}));
    // Sometimes a feature map that others read is an output as well.
    if (rng_.below(3) == 0 && maps_.size() > 2) graph_.add_output(maps_[1].value);
    infer_shapes(graph_);
    run_passes(graph_, inference_passes());
    return std::move(graph_);
  }

 private:
  struct Map {
    ValueId value;
    std::int64_t channels, size;
  };

  const Map& pick() { return maps_[rng_.below(static_cast<std::uint32_t>(maps_.size()))]; }
  Clamp pick_activation() {
    const std::uint32_t which = rng_.below(3);
    return which == 0 ? Clamp{} : which == 1 ? kRelu : kRelu6;
  }

  void add_conv(const std::string& name, const Map& x) {
    const std::int64_t out = 1 + rng_.below(5);
    std::vector<std::optional<ValueId>> inputs{
        x.value,
        graph_.add_constant(name + ".weight", random_tensor(Shape{out, x.channels, 3, 3}, rng_))};
    if (rng_.below(2) == 0) {
      inputs.emplace_back(graph_.add_constant(name + ".bias", random_tensor(Shape{out}, rng_)));
    }
    const Conv2d conv{.padding = {1, 1, 1, 1}, .activation = pick_activation()};
    maps_.push_back({graph_.add(name, conv, inputs), out, x.size});
  }

  ValueId random_constant(const std::string& name, const Shape& shape) {
    return graph_.add_constant(name, random_tensor(shape, rng_));
  }

  void add_conv_transpose(const std::string& name, const Map& x) {
    const std::int64_t groups = x.channels % 2 == 0 ? 2 : 1, out = 1 + rng_.below(2);
    const ConvTransposeOptions options{
        .window = {.kernel = {}, .stride = {2, 2}, .dilation = {}, .pads = {1, 1, 1, 1}},
        .groups = groups,
        .output_padding = {1, 1},
        .output_shape = {}};
    std::vector<std::optional<ValueId>> inputs{
        x.value, random_constant(name + ".weight", {x.channels, out, 3, 3})};
    if (rng_.below(2) == 0) inputs.emplace_back(random_constant(name + ".bias", {out * groups}));
    maps_.push_back(
        {graph_.add(name, conv_transpose_function(options), inputs), out * groups, x.size * 2});
  }

  /// A linear layer over the last axis, with or without a bias and a ReLU.
  void add_linear(const std::string& name, const Map& x) {
    ValueId y = graph_.add(name + ".product", MatMul{},
                           {x.value, random_constant(name + ".weight", {x.size, x.size})});
    if (rng_.below(2) == 0) {
      y = graph_.add(name, Add{pick_activation()}, {y, random_constant(name + ".bias", {x.size})});
    }
    maps_.push_back({y, x.channels, x.size});
  }

  void add_resize(const std::string& name, const Map& x) {
    ResizeOptions options;
    options.mode = rng_.below(2) == 0 ? ResizeMode::kNearest : ResizeMode::kLinear;
    const ValueId scales =
        graph_.add_constant(name + ".scales", Tensor::from<float>(Shape{4}, {1, 1, 2, 2}));
    maps_.push_back({graph_.add(name, resize(options), {x.value, std::nullopt, scales}), x.channels,
                     x.size * 2});
  }

  void add_split(const std::string& name, const Map& x) {
    const ValueId sizes = graph_.add_constant(
        name + ".sizes", Tensor::from<std::int64_t>(Shape{2}, {1, x.channels - 1}));
    const ValueId first = graph_.add_value(name + ".first"), rest = graph_.add_value(name);
    graph_.add_node(name, split(1, 0), {x.value, sizes}, {first, rest});
    maps_.push_back({first, 1, x.size});
    maps_.push_back({rest, x.channels - 1, x.size});
  }

  /// Layers beyond those of a convolutional network; false where `a` does not suit the one drawn.
  bool add_other(const std::string& name, const Map& a, const Map& b) {
    constexpr std::int64_t kLarge = 10;
    const bool same = a.channels == b.channels && a.size == b.size;
    const std::uint32_t which = rng_.below(9);
    if ((which == 0 || which == 1) && a.size > kLarge) return false;
    switch (which) {
      case 0:
        add_conv_transpose(name, a);
        return true;
      case 1:
        add_resize(name, a);
        return true;
      case 2:
        add_linear(name, a);
        return true;
      case 3:
        if (!same) return false;
        maps_.push_back({graph_.add(name, MatMul{}, {a.value, b.value}), a.channels, a.size});
        return true;
      case 4:
        if (a.channels < 2) return false;
        add_split(name, a);
        return true;
      case 5: {
        const UnaryFunction function =
            rng_.below(2) == 0 ? UnaryFunction::kLeakyRelu : UnaryFunction::kGelu;
        maps_.push_back({graph_.add(name, unary(function, 0.1f), {a.value}), a.channels, a.size});
        return true;
      }
      case 6:
        maps_.push_back({decomposed_gelu(graph_, name, a.value), a.channels, a.size});
        return true;
      case 7:
        maps_.push_back(
            {graph_.add(name, Mul{},
                        {random_constant(name + ".scale", {a.channels, 1, 1}), a.value}),
             a.channels, a.size});
        return true;
      default:
        maps_.push_back({graph_.add(name, Add{pick_activation()},
                                    {a.value, random_constant(name + ".shift", {1, 1, a.size})}),
                         a.channels, a.size});
        return true;
    }
  }

  void add_layer(const std::string& name) {
    const Map a = pick(), b = pick();
    const bool same = a.channels == b.channels && a.size == b.size;
    if (rng_.below(3) == 0 && add_other(name, a, b)) return;
    switch (rng_.below(9)) {
      case 0:
        if (a.size < 2) return add_conv(name, a);
        maps_.push_back({graph_.add(name, MaxPool{{.kernel = {2, 2}, .stride = {2, 2}}}, {a.value}),
                         a.channels, a.size / 2});
        return;
      case 1:
        if (!same) return add_conv(name, a);
        maps_.push_back(
            {graph_.add(name, Add{pick_activation()}, {a.value, b.value}), a.channels, a.size});
        return;
      case 2:
        if (!same) return add_conv(name, a);
        maps_.push_back({graph_.add(name, Mul{}, {a.value, b.value}), a.channels, a.size});
        return;
      case 3:
        if (a.size != b.size) return add_conv(name, a);
        maps_.push_back(
            {graph_.add(name, Concat{1}, {a.value, b.value}), a.channels + b.channels, a.size});
        return;
      case 4:
        maps_.push_back({graph_.add(name, HardSwish{}, {a.value}), a.channels, a.size});
        return;
      case 5:
        maps_.push_back({graph_.add(name, Pad{{0, 0, 1, 1, 0, 0, 1, 1}, 0.0f}, {a.value}),
                         a.channels, a.size + 2});
        return;
      default:
        add_conv(name, a);
    }
  }

  Rng& rng_;
  Graph graph_;
  std::vector<Map> maps_;
};

inline std::map<ValueId, Range> random_ranges(const Graph& graph, Rng& rng) {
  std::map<ValueId, Range> ranges;
  for (const ValueId point : activation_points(graph)) {
    ranges[point] = {-rng.uniform(0.0f, 3.0f), rng.uniform(0.5f, 8.0f)};
  }
  return ranges;
}

inline const Value& value_named(const Graph& graph, const std::string& name) {
  return graph.value(graph.find_value(name).value());
}

inline std::vector<std::string> names_of(const Graph& graph, const std::vector<ValueId>& values) {
  std::vector<std::string> names;
  for (const ValueId value : values) names.push_back(graph.value(value).name);
  return names;
}

}  // namespace octet::testing_graphs
