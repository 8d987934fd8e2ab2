#pragma once

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "octet/graph/graph.h"
#include "octet/graph/tensor_function.h"

namespace octet {

/// ONNX's If: input 0, one bool, says which branch gives the outputs; the other inputs are what the
/// branches read of the graph around them. It is never computed as such: inline_branches puts the
/// chosen branch in its place once the condition is known.
class Conditional final : public TensorFunction {
 public:
  Conditional(Branch if_true, Branch if_false)
      : branches_{std::move(if_false), std::move(if_true)} {}

  std::string_view onnx_name() const override { return "If"; }
  std::span<const Branch> branches() const override { return branches_; }
  FunctionArity arity() const override;
  /// Of the chosen branch; before that is known, what both branches agree on.
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override;
  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte* scratch) const noexcept override;

 private:
  std::array<Branch, 2> branches_;
};

/// The branches of a Conditional, none of any other op.
std::span<const Branch> branches_of(const Op& op);
inline bool is_conditional(const Op& op) { return !branches_of(op).empty(); }

/// Gives the input of a branch the type of the value that it stands for.
void set_captured_type(Value& input, DType dtype, const Shape& shape);

/// The network of one branch of `node` with its types inferred from those around it; nullopt if
/// they contradict it, which is to say that it cannot be the chosen one.
std::optional<Graph> typed_branch(const Graph& around, const Node& node, const Branch& branch);

/// Puts one branch of a Conditional in its place. Values of a normalized branch keep their names.
void inline_branch(Graph& graph, NodeId node, bool condition);

/// Puts the chosen branch in the place of every Conditional whose condition is a constant, also of
/// those inside of branches. Returns whether there was one.
bool inline_branches(Graph& graph);

/// Rewrites every branch, with the types that its inputs have in `graph`, which must be known.
/// `rewrite` keeps inputs and outputs. A branch that contradicts these types stays as it is.
void rewrite_branches(Graph& graph, const std::function<void(Graph& branch)>& rewrite);

/// Brings every Conditional, also those inside of branches, into the form in which a file holds it:
/// - the constants that a branch reads lie in it;
/// - its inputs are what its nodes read of the graph around it, each once, in the order in which
///   they do, under the names that they have there; the inputs of the Conditional are the
///   condition, what the branch for false reads, what that for true reads;
/// - no other value has a name of the graphs around it, but a constant that equals the one there;
/// - its outputs are different values, none of them an input.
void normalize_branches(Graph& graph);

}  // namespace octet
