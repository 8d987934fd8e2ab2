#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "octet/base/rng.h"
#include "octet/data/dataset.h"
#include "octet/graph/graph.h"

// For the tests of train/ only: data and networks small enough to train in milliseconds.

namespace octet {

/// A table whose label is the largest of its first `classes` columns.
inline Dataset toy_table(std::int64_t samples, std::int64_t features, int classes,
                         std::uint32_t seed) {
  Rng rng(seed);
  Dataset data;
  data.name = "toy_table";
  data.sample_shape = Shape{features};
  for (int c = 0; c < classes; ++c) data.class_names.push_back(std::to_string(c));
  data.samples = Tensor(DType::kFloat32, Shape{samples, features});
  float* row = data.samples.mutable_data<float>().data();
  for (std::int64_t i = 0; i < samples; ++i, row += features) {
    for (std::int64_t f = 0; f < features; ++f) row[f] = rng.normal();
    data.labels.push_back(static_cast<std::int32_t>(std::max_element(row, row + classes) - row));
  }
  data.preprocessing = {1.0f, std::vector<float>(static_cast<std::size_t>(features), 0.0f),
                        std::vector<float>(static_cast<std::size_t>(features), 1.0f)};
  return data;
}

/// Noisy 8x8 colour images whose class is the brightest channel.
inline Dataset toy_images(std::int64_t samples, std::uint32_t seed) {
  Rng rng(seed);
  Dataset data;
  data.name = "toy_images";
  data.sample_shape = Shape{3, 8, 8};
  data.class_names = {"red", "green", "blue"};
  data.samples = Tensor(DType::kUInt8, Shape{samples, 3, 8, 8});
  std::uint8_t* pixel = data.samples.mutable_data<std::uint8_t>().data();
  for (std::int64_t i = 0; i < samples; ++i) {
    const auto label = static_cast<std::int32_t>(rng.below(3));
    data.labels.push_back(label);
    for (int c = 0; c < 3; ++c) {
      for (int p = 0; p < 64; ++p) {
        *pixel++ = static_cast<std::uint8_t>(rng.below(200) + (c == label ? 40 : 0));
      }
    }
  }
  data.preprocessing = {255.0f, {0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}};
  return data;
}

/// Numbers around 0 with standard deviation `scale`.
inline Tensor random_tensor(Shape shape, Rng& rng, float scale) {
  Tensor tensor(DType::kFloat32, std::move(shape));
  for (float& value : tensor.mutable_data<float>()) value = rng.normal() * scale;
  return tensor;
}

inline Tensor filled(Shape shape, float value) {
  Tensor tensor(DType::kFloat32, std::move(shape));
  for (float& element : tensor.mutable_data<float>()) element = value;
  return tensor;
}

/// logits = x weight^T + bias
inline Graph linear_model(std::int64_t features, std::int64_t classes, std::uint32_t seed) {
  Rng rng(seed);
  Graph graph;
  const ValueId x = graph.add_input("input", DType::kFloat32, Shape{kDynamicDim, features});
  const ValueId weight =
      graph.add_constant("weight", random_tensor(Shape{classes, features}, rng, 0.3f));
  const ValueId bias = graph.add_constant("bias", random_tensor(Shape{classes}, rng, 0.3f));
  graph.add_output(graph.add("logits", Gemm{}, {x, weight, bias}));
  infer_shapes(graph);
  return graph;
}

inline ValueId add_conv_bn_relu(Graph& graph, const std::string& name, ValueId x, std::int64_t ic,
                                std::int64_t oc, Rng& rng) {
  Conv2d conv;
  conv.padding = {1, 1, 1, 1};
  const float scale = 1.0f / std::sqrt(9.0f * static_cast<float>(ic));
  const ValueId weight =
      graph.add_constant(name + ".weight", random_tensor(Shape{oc, ic, 3, 3}, rng, scale));
  const ValueId y = graph.add(name, conv, {x, weight});
  const ValueId normalized =
      graph.add(name + "_bn", BatchNorm{},
                {y, graph.add_constant(name + "_bn.scale", filled(Shape{oc}, 1)),
                 graph.add_constant(name + "_bn.shift", filled(Shape{oc}, 0)),
                 graph.add_constant(name + "_bn.mean", filled(Shape{oc}, 0)),
                 graph.add_constant(name + "_bn.variance", filled(Shape{oc}, 1))});
  return graph.add(name + "_relu", Relu{}, {normalized});
}

/// conv-bn-relu, a residual conv-bn-relu, max pool, global average pool, linear: 3x8x8 to 3.
inline Graph toy_cnn(std::uint32_t seed) {
  Rng rng(seed);
  Graph graph;
  const ValueId x = graph.add_input("input", DType::kFloat32, Shape{kDynamicDim, 3, 8, 8});
  const ValueId a = add_conv_bn_relu(graph, "conv1", x, 3, 8, rng);
  const ValueId b = add_conv_bn_relu(graph, "conv2", a, 8, 8, rng);
  const ValueId sum = graph.add("residual", Add{}, {a, b});
  MaxPool pool;
  pool.window = {.kernel = {2, 2}, .stride = {2, 2}};
  const ValueId pooled = graph.add("pool", pool, {sum});
  const ValueId mean = graph.add("gap", GlobalAveragePool{}, {pooled});
  const ValueId flat = graph.add("flatten", Flatten{}, {mean});
  const ValueId weight = graph.add_constant("fc.weight", random_tensor(Shape{3, 8}, rng, 0.3f));
  const ValueId bias = graph.add_constant("fc.bias", filled(Shape{3}, 0));
  graph.add_output(graph.add("logits", Gemm{}, {flat, weight, bias}));
  infer_shapes(graph);
  return graph;
}

/// Where the real data sets lie, if they do.
inline std::optional<std::filesystem::path> real_data_dir() {
  if (const char* given = std::getenv("OCTET_DATA_DIR")) return given;
  const std::filesystem::path beside =
      std::filesystem::path(OCTET_SOURCE_DIR).parent_path() / "shared/data";
  if (std::filesystem::exists(beside)) return beside;
  return std::nullopt;
}

}  // namespace octet
