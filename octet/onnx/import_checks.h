#pragma once

#include <string>
#include <string_view>

#include "octet/onnx/onnx.h"

namespace octet_onnx {
class GraphProto;
class ModelProto;
}  // namespace octet_onnx

namespace octet {

// What is asked of a file before its operators are read: versions, counts, names.

inline constexpr std::string_view kImport = "onnx import";  ///< where the errors of import happen
inline constexpr int kMinOpset = 1, kMaxOpset = 27;

/// "onnx import: node 'conv1'"
std::string where_of(std::string_view kind, std::string_view name);

bool is_default_domain(std::string_view domain);

/// Error(kBadData) for a name that is too long, or that a terminal should not see.
void check_name(std::string_view kind, std::string_view name, const ImportOptions& limits);

/// The version of ONNX's own operators that the model asks for. Error(kUnsupported) for an IR
/// version or opset that octet does not read. Other domains do not matter here: a node that uses
/// one is refused by name.
int read_opset(const octet_onnx::ModelProto& model);

/// Error(kUnsupported) for more nodes, initializers, inputs or outputs than the limits allow and
/// for sparse initializers; Error(kBadData) without an output.
void check_graph(const octet_onnx::GraphProto& graph, const ImportOptions& limits);

/// Copies metadata_props. Error(kBadData) for a key that is given twice or a text that is too long.
void read_metadata(const octet_onnx::ModelProto& model, const ImportOptions& limits, Graph& graph);

}  // namespace octet
