#pragma once

#include <map>
#include <string>
#include <vector>

#include "octet/base/rng.h"
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

/// Convolutions, pooling, additions, concatenations and activations at random, then a linear layer.
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

  void add_layer(const std::string& name) {
    const Map a = pick(), b = pick();
    const bool same = a.channels == b.channels && a.size == b.size;
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
