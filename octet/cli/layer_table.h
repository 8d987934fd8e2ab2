#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "octet/graph/graph.h"
#include "octet/runtime/plan.h"

namespace octet::cli {

/// A compute node with what is fused into it, as the file describes it and the plan runs it.
struct LayerInfo {
  std::string name, op;
  std::string kernel;     ///< empty without a plan
  std::string why_float;  ///< empty if it runs on integers or the model is float
  std::int64_t macs = 0;
  std::string weight_dtype;  ///< empty without constant weights
  int weight_bits = 0;       ///< the fewest bits that hold every integer weight; 32 for float
  std::vector<float> weight_scale;
  std::optional<float> input_scale, output_scale;
  std::optional<int> input_zero_point, output_zero_point;
  std::optional<Tensor> weight;
  double sparsity = 0;  ///< share of weights that are exactly 0
};

std::vector<LayerInfo> layer_table(const Graph& graph, std::span<const PlanLayer> plan);
nlohmann::ordered_json to_json_document(const LayerInfo& layer);

}  // namespace octet::cli
