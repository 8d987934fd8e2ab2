#pragma once

#include <string>
#include <vector>

#include "octet/cli/calibration_calls.h"
#include "octet/cli/measure.h"

namespace octet::cli {

/// A branch of an If that a static configuration leaves in float, and why.
struct FloatBranch {
  std::string node, branch, why;
};

/// Quantizes a network as quantize_model does, and the branches of its Ifs one by one: each is
/// calibrated on the calls that chose it. One that no call chose stays in float, as do Ifs inside
/// of branches; `left` names them.
QuantizedModel quantize_with_branches(const Graph& model, const QuantSpec& spec,
                                      const CalibrationCalls& calls, const GlobalOptions& global,
                                      std::vector<FloatBranch>& left);

}  // namespace octet::cli
