#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "octet/graph/known_elements.h"
#include "octet/graph/tensor_view.h"

// The open part of the operator set. Operators that passes, quantization, training or fast kernels
// treat by type are alternatives of `Op`; every other one is a TensorFunction: its definition in
// one place (arity, types, arithmetic, attributes), which constant folding and the runtime share.

namespace octet {

/// dtype and shape of a tensor.
struct TensorType {
  DType dtype = DType::kFloat32;
  Shape shape;
};

/// An attribute as ONNX writes it.
struct Attribute {
  std::string name;
  std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>,
               std::vector<std::string>>
      value;
  friend bool operator==(const Attribute&, const Attribute&) = default;
};

/// How many inputs and outputs an operator has. Optional inputs may be absent in the middle.
struct FunctionArity {
  std::size_t inputs = 1;  ///< required ones, which come first
  std::size_t max_inputs = 1;
  std::size_t outputs = 1;
  std::size_t max_outputs = 1;
};

/// The inputs of a node as far as they are known without running the network.
class FunctionInputs {
 public:
  FunctionInputs(const Graph& graph, const Node& node, const KnownValues& known)
      : graph_(graph), node_(node), known_(known) {}

  const Node& node() const { return node_; }  ///< for fail_node
  std::size_t size() const { return node_.inputs.size(); }
  bool has(std::size_t input) const { return input < size() && node_.inputs[input].has_value(); }
  const Shape& shape(std::size_t input) const;
  DType dtype(std::size_t input) const;
  /// The elements of an int64, int32 or bool input of at most kMaxKnownElements; nullopt if they
  /// are not known. With `allow_symbols` an element that only the run will tell stands there as
  /// kDynamicDim (the batch) or kUnknownDim; without, one such element makes the result nullopt.
  std::optional<std::vector<std::int64_t>> integers(std::size_t input,
                                                    bool allow_symbols = false) const;
  /// The elements of a small constant float input.
  std::optional<std::vector<float>> floats(std::size_t input) const;

  /// Error(kBadData) naming the node unless the input's dtype is one of these.
  void require_dtype(std::size_t input, std::initializer_list<DType> accepted) const;
  /// Error(kBadData) unless every present input has the dtype of the first.
  void require_equal_dtypes() const;

 private:
  const Graph& graph_;
  const Node& node_;
  const KnownValues& known_;
};

/// How elements flow through a function: what quantization and the runtime need to know of one that
/// they do not know by type.
enum class ElementFlow {
  kGeneral,
  kElementwise,  ///< each output element depends on one element of each (broadcast) input
  kMoves,   ///< outputs hold elements of input 0, of any dtype; the other inputs only say which
  kBlends,  ///< outputs lie within the range of the elements of input 0
};

/// A network inside an operator, whose inputs are values of the graph around it: one side of an If.
struct Branch {
  std::shared_ptr<const Graph> graph;
  std::vector<std::size_t> captures;  ///< for each input of `graph`, the input of the node

  /// Equal captures, nodes, wiring and constants; names do not matter.
  friend bool operator==(const Branch& a, const Branch& b);
};

/// The definition of one operator with its attributes. Immutable; graphs share it.
class TensorFunction {
 public:
  virtual ~TensorFunction() = default;

  virtual std::string_view onnx_name() const = 0;
  /// All attributes that ONNX needs to say the same: for export, printing and comparison.
  virtual std::vector<Attribute> attributes() const { return {}; }
  /// The networks inside the operator: of an If the one for false, then the one for true.
  virtual std::span<const Branch> branches() const { return {}; }
  /// The first opset from 13 on in which ONNX's operator means this.
  virtual int opset() const { return 13; }
  virtual FunctionArity arity() const { return {}; }
  virtual ElementFlow flow() const { return ElementFlow::kGeneral; }

  /// dtype and shape of every output (of max_outputs). A dimension that depends on data unknown
  /// before the run is kUnknownDim. Error(kBadData) or Error(kUnsupported) by fail_node.
  virtual std::vector<TensorType> output_types(const FunctionInputs& inputs) const = 0;

  /// Bytes of scratch memory that compute() needs for inputs and outputs of these static types.
  virtual std::size_t scratch_bytes(std::span<const TensorType> inputs,
                                    std::span<const TensorType> outputs) const;
  /// Computes every present output. Views have the inferred types. Neither allocates nor throws.
  /// False: the result is not defined for these elements (an index out of range, a division of
  /// integers by zero); the outputs then hold anything, but no memory outside them was touched.
  virtual bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
                       std::byte* scratch) const noexcept = 0;

  /// Equal name, attributes and branches.
  friend bool operator==(const TensorFunction& a, const TensorFunction& b);
};

/// The definition of an op of the closed set, for constant folding and for forms that have no
/// kernel of their own; null if it has none.
std::shared_ptr<const TensorFunction> function_of(const Op& op);
/// The flow of a Function, or of the definition of an op of the closed set.
ElementFlow element_flow(const Op& op);

/// Runs a function on whole tensors. nullopt where compute() says that the result is not defined.
std::optional<std::vector<Tensor>> apply(const TensorFunction& function,
                                         std::span<const std::optional<Tensor>> inputs,
                                         std::span<const TensorType> outputs);

}  // namespace octet
