#pragma once

#include <functional>
#include <string>

#include "octet/onnx/import_state.h"

namespace octet_onnx {
class GraphProto;
}

namespace octet {

/// Fills the state of a branch, whose `outer` is set, from its graph.
using ImportGraph = std::function<void(ImportState& branch, octet_onnx::GraphProto& proto)>;

/// Reads ONNX's If: both branches as networks of their own, with what they read of the graphs
/// around them as inputs.
void import_if(ImportState& state, octet_onnx::NodeProto& node, const std::string& name,
               const ImportGraph& import_graph);

}  // namespace octet
