#pragma once

#include <string>
#include <vector>

#include "octet/onnx/test_model.h"

// Small quantized networks in the exact forms of other tools: which nodes stand where, of which
// types and shapes their parameters are, and what is float. Weights are random and replay; scales
// are chosen such that codes use their range.

namespace octet {

struct ForeignModel {
  std::string name;
  TestModel model;
  /// Layers that have to run in float, with the reason that is given.
  std::vector<std::pair<std::string, std::string>> float_layers = {};
};

/// Every form; the input of each is "x", the output "y".
std::vector<ForeignModel> foreign_models();

}  // namespace octet
