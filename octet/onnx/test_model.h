#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "octet/base/error.h"
#include "octet/graph/graph.h"
#include "octet_onnx.pb.h"

namespace octet {

/// An ONNX file under construction, for tests: right or wrong on purpose.
class TestModel {
 public:
  explicit TestModel(int opset = 13, int ir_version = 8);

  octet_onnx::ModelProto proto;

  octet_onnx::GraphProto& graph() { return *proto.mutable_graph(); }
  /// A dimension of kDynamicDim is written as the symbol "N".
  TestModel& input(const std::string& name, const Shape& shape, DType dtype = DType::kFloat32);
  TestModel& constant(const std::string& name, const Tensor& tensor);
  TestModel& output(const std::string& name);
  /// The node is named after its first output.
  octet_onnx::NodeProto& node(const std::string& op_type, const std::vector<std::string>& inputs,
                              const std::vector<std::string>& outputs);

  std::vector<std::byte> bytes() const;
  /// Reads the file with import_onnx.
  Graph read() const;
};

void set_int(octet_onnx::NodeProto& node, const std::string& name, std::int64_t value);
void set_ints(octet_onnx::NodeProto& node, const std::string& name,
              const std::vector<std::int64_t>& values);
void set_float(octet_onnx::NodeProto& node, const std::string& name, float value);
void set_floats(octet_onnx::NodeProto& node, const std::string& name,
                const std::vector<float>& values);
void set_string(octet_onnx::NodeProto& node, const std::string& name, const std::string& value);
void set_tensor(octet_onnx::NodeProto& node, const std::string& name, const Tensor& value);

Tensor floats(const Shape& shape, const std::vector<float>& values);
Tensor ints(const std::vector<std::int64_t>& values);
/// float values 0.01, 0.02, ... of any shape.
Tensor ramp(const Shape& shape);

/// "v7"
std::string numbered(std::string prefix, std::int64_t number);

/// The error that `action` throws; fails the test if it throws none or of another kind.
std::string expect_error(ErrorKind kind, const std::function<void()>& action);

/// Runs inference_passes, writes and reads. Both graphs must print the same, hold the same ops and
/// the same constants, and be written as the same bytes.
void expect_round_trip(Graph graph);

/// The only node of type OpType in the graph, null if there is none.
template <typename OpType>
const OpType* find_op(const Graph& graph) {
  for (const Node& node : graph.nodes()) {
    if (const auto* op = std::get_if<OpType>(&node.op)) return op;
  }
  return nullptr;
}

}  // namespace octet
