#pragma once

#include <string>

#include "octet/quant/calibration.h"
#include "octet/quant/quant_assignment.h"

namespace octet {

/// The prepared model: one line per observed value with its range, one per weight.
///   input: observer min=-1.9889 max=2.1264
///   conv1 (Conv): weight [32, 3, 3, 3], output observer min=0 max=8.7406
std::string to_text(const Graph& graph, const Calibration& calibration);

/// The converted model: dtype, scale and zero point of every quantized value, layer by layer.
///   input: uint8 scale=0.032409 zero_point=61
///   conv1 (Conv): weight int8 per channel scale=0.00087948..0.010759, output uint8 scale=...
std::string describe_assignment(const Graph& graph, const QuantAssignment& assignment);

}  // namespace octet
