#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "octet/graph/graph.h"

namespace octet {

struct ModelOptions {
  int classes = 0;     ///< 0: the model's customary number
  int input_size = 0;  ///< height and width; 0: the customary one
  std::uint32_t seed = 1;
};

/// Builds `traffic_net`, `mnist_mlp`, `small_cnn`, `mobilenet_v2`, `resnet20`,
/// `mobilenet_v3_large`, `resnet18` or `vgg11_bn` with freshly drawn weights: an unfused float
/// graph with batch norm, input "input" [N, ...], output "logits". The customary number of classes
/// is 10, or 1,000 for the last three. Error(kUsage) with the nearest name for an unknown one, or
/// for an input size the model cannot take.
Graph build_model(const std::string& name, const ModelOptions& options = {});
std::vector<std::string> model_names();

}  // namespace octet
