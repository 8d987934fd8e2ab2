#pragma once

#include <string>

namespace octet_onnx {
class GraphProto;
}

namespace octet {

/// Rewrites the operators on codes that ONNX Runtime's QOperator tool writes (QLinearAdd,
/// QLinearConcat and others of the domain com.microsoft) as what they are defined to be:
/// DequantizeLinear of every operand, an operator of ONNX's own, QuantizeLinear. New nodes stand at
/// the end. Error(kBadData) naming a node with a wrong number of inputs, Error(kUnsupported) naming
/// one of another layout (channels_last).
void expand_qlinear(octet_onnx::GraphProto& graph, int opset);

/// "QLinearAdd, QLinearAveragePool, ...": for messages.
std::string expanded_operator_names();

}  // namespace octet
