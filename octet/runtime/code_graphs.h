#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "octet/base/rng.h"
#include "octet/graph/graph.h"
#include "octet/runtime/plan.h"

// Graphs of codes for the tests of what runs on integers, which include gtest before this.

namespace octet::code_graphs {

inline Tensor random_codes(DType dtype, const Shape& shape, Rng& rng) {
  Tensor tensor(dtype, shape);
  for (std::byte& byte : std::span(tensor.mutable_raw(), tensor.size_bytes())) {
    byte = static_cast<std::byte>(rng.below(256));
  }
  return tensor;
}

inline Tensor random_floats(const Shape& shape, Rng& rng, float size = 1.0f) {
  Tensor tensor(DType::kFloat32, shape);
  for (float& value : tensor.mutable_data<float>()) value = rng.uniform(-size, size);
  return tensor;
}

inline TensorQuantParams params_of(float scale, std::int32_t zero, DType dtype = DType::kUInt8) {
  return {{scale}, {zero}, std::nullopt, dtype};
}

/// A graph whose inputs and outputs are codes.
class CodeGraph {
 public:
  /// A graph input of codes, dequantized.
  ValueId input(const Tensor& codes, const TensorQuantParams& params,
                std::optional<Shape> shape = std::nullopt) {
    const std::string name = numbered("x", inputs_.size());
    const ValueId x = graph.add_input(name, codes.dtype(), shape.value_or(codes.shape()));
    inputs_.push_back(codes);
    return graph.add(name + "_dq", DequantizeLinear{params}, {x});
  }
  ValueId constant(const std::string& name, Tensor codes, const TensorQuantParams& params) {
    const ValueId id = graph.add_constant(name, std::move(codes));
    return graph.add(name + "_dq", DequantizeLinear{params}, {id});
  }
  void output(ValueId real, const TensorQuantParams& params) {
    const ValueId codes = graph.add_value(numbered("y", graph.outputs().size()));
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
  /// Appended: GCC 12 warns of the sum (GCC bug 105651).
  static std::string numbered(std::string name, std::size_t number) {
    name += std::to_string(number);
    return name;
  }

  std::vector<Tensor> inputs_;
};

/// Clause 5.
inline std::uint8_t requantized(std::int64_t acc, float multiplier, std::int32_t zero,
                                float low = -1e9f, float high = 1e9f, float scale = 1.0f) {
  const auto bound = [&](float x) { return quantize(x, {.scale = scale, .zero_point = zero}); };
  const float product = static_cast<float>(static_cast<std::int32_t>(acc)) * multiplier;
  const double code = std::nearbyint(product) + double{static_cast<float>(zero)};
  return static_cast<std::uint8_t>(std::clamp<double>(code, bound(low), bound(high)));
}

inline std::int64_t code_at(const Tensor& tensor, std::int64_t index) {
  return tensor.dtype() == DType::kInt8
             ? tensor.data<std::int8_t>()[static_cast<std::size_t>(index)]
             : tensor.data<std::uint8_t>()[static_cast<std::size_t>(index)];
}

}  // namespace octet::code_graphs
