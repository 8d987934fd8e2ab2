#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "octet/graph/graph.h"

namespace octet {

/// Takes a line about something in a file that was read over.
using WarningSink = std::function<void(const std::string&)>;

/// What of a file is read. The limits keep time and memory in proportion to what a file holds,
/// whatever it says; beyond one the file is refused by name.
struct ImportOptions {
  std::size_t max_file_bytes = (std::size_t{1} << 31) - 1;  ///< protobuf counts in an int
  std::size_t max_nodes = 200'000;    ///< and as many initializers, inputs, outputs
  std::size_t max_attributes = 256;   ///< of one node
  std::size_t max_name_bytes = 4096;  ///< of a node, a tensor, an attribute
  std::size_t max_string_bytes = std::size_t{1} << 20;  ///< of an attribute or metadata value
  int max_depth = 32;                    ///< of branches in branches, of calls in calls
  std::size_t max_expansions = 100'000;  ///< nodes that the model's functions stand for
  /// Of one folded constant (FoldLimits); all together may take this and four times the file's.
  std::int64_t max_fold_bytes = std::int64_t{64} << 20;
  /// Where external data may lie, here and in folders below; empty: they are refused. import_onnx
  /// of a file sets it to the file's folder.
  std::filesystem::path external_folder;
  std::int64_t max_external_bytes = std::int64_t{16} << 30;
  /// Graph inputs that become constants of this value: a scale, a shape or a Clip bound that a file
  /// leaves to its caller, but that octet has to know when it compiles. Error(kUsage) if the name
  /// is no input's, Error(kBadData) if dtype or shape do not fit.
  std::map<std::string, Tensor> fixed_inputs;
  /// The same for inputs whose every element is this number, whatever their dtype; unknown sizes
  /// are refused. Error(kUsage) for a number that the dtype does not have.
  std::map<std::string, double> fixed_numbers;
  WarningSink warn;  ///< may be empty
};

/// What a file says of itself besides the graph.
struct FileFacts {
  int opset = 0;  ///< of ONNX's own operators
  std::int64_t ir_version = 0;
  std::string producer;
};

/// Without limits but those of the format and of the stack: for a file that was read under limits,
/// or written by this program.
ImportOptions without_limits();

/// Reads an ONNX model (opsets 1 to 27, of each operator the versions since opset 7
/// and older ones that mean the same), infers shapes, runs import_passes and verifies it.
/// Never crashes on a damaged file: Error(kBadData) with a byte offset or node name,
/// Error(kUnsupported) for an operator, opset or dtype that octet does not know, Error(kNoInput).
/// Of a file, the weights are read straight into their tensors: the peak of memory is little more
/// than their size. `facts`, if given, is filled.
Graph import_onnx(const std::filesystem::path& file, const ImportOptions& options = {},
                  FileFacts* facts = nullptr);
Graph import_onnx(std::span<const std::byte> bytes, const ImportOptions& options = {});

/// An operator that import_onnx reads.
struct OperatorSupport {
  std::string_view name;
  int since;  ///< the first opset that has it
};
/// By name.
std::vector<OperatorSupport> supported_operators();

/// The model as ONNX: opset 13 (14 with HardSwish, 19 with a dilated AveragePool, which came then).
/// Fused activations become Relu and Clip nodes, so any runtime reads it; import_onnx followed by
/// the same passes gives back the same graph.
std::vector<std::byte> to_onnx(const Graph& graph);
/// Writes all or nothing, then reads the file again and compares: Error(kInternal) on a difference.
void export_onnx(const Graph& graph, const std::filesystem::path& file);

/// A TensorProto file (`.pb`), as the ONNX conformance cases use for inputs and outputs.
Tensor read_tensor_proto(const std::filesystem::path& file);
void write_tensor_proto(const Tensor& tensor, const std::filesystem::path& file);

}  // namespace octet
