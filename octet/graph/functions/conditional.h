#pragma once

#include <memory>
#include <vector>

#include "octet/graph/tensor_function.h"

namespace octet {

/// One side of a Conditional: a network whose inputs are values of the graph around it.
struct Branch {
  std::shared_ptr<const Graph> graph;
  std::vector<std::size_t> captures;  ///< for each input of `graph`, the input of the node
};

/// ONNX's If: input 0, one bool, says which branch gives the outputs; the other inputs are what the
/// branches read of the graph around them. It is never computed as such: inline_branches puts the
/// chosen branch in its place once the condition is known.
class Conditional final : public TensorFunction {
 public:
  Conditional(Branch if_true, Branch if_false)
      : if_true_(std::move(if_true)), if_false_(std::move(if_false)) {}

  const Branch& branch(bool condition) const { return condition ? if_true_ : if_false_; }

  std::string_view onnx_name() const override { return "If"; }
  FunctionArity arity() const override;
  /// Of the chosen branch; before that is known, what both branches agree on.
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override;
  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte* scratch) const noexcept override;

 private:
  Branch if_true_, if_false_;
};

/// Null if the op is none.
const Conditional* conditional_of(const Op& op);

/// Puts the chosen branch in the place of every Conditional whose condition is a constant, also of
/// those inside of branches. Returns whether there was one.
bool inline_branches(Graph& graph);

}  // namespace octet
