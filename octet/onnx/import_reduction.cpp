// Reductions, and what is one in disguise: ArgMax, global pools.

#include "octet/graph/functions/reduction.h"
#include "octet/graph/tensor_view.h"
#include "octet/onnx/import_ops.h"

namespace octet {

void import_reduce(NodeReader& node, Reduction reduction) {
  const bool axes_are_input = node.opset() >= (reduction == Reduction::kSum ? 13 : 18);
  Reduce options{.reduction = reduction};
  options.keep_dims = node.attributes.get_int("keepdims", 1) != 0;
  std::vector<std::optional<ValueId>> inputs;
  if (axes_are_input) {
    node.expect_inputs(1, 2);
    options.noop_with_empty_axes = node.attributes.get_int("noop_with_empty_axes", 0) != 0;
    inputs.emplace_back(node.input(0));
    if (node.has_input(1)) inputs.emplace_back(node.input(1));
  } else {
    node.expect_inputs(1, 1);
    inputs.emplace_back(node.input(0));
    if (const auto axes = node.attributes.find_ints("axes"); axes && !axes->empty()) {
      const auto count = static_cast<std::int64_t>(axes->size());
      inputs.emplace_back(node.add_constant("axes", Tensor::from(Shape{count}, *axes)));
    }
  }
  node.emit(reduce(options), std::move(inputs));
}

void import_arg_extreme(NodeReader& node, bool of_max) {
  node.expect_inputs(1, 1);
  ArgExtreme options{.of_max = of_max};
  options.axis = node.attributes.get_int_between("axis", 0, -kMaxViewRank, kMaxViewRank - 1);
  options.keep_dims = node.attributes.get_int("keepdims", 1) != 0;
  if (node.opset() >= 12) {
    options.select_last_index = node.attributes.get_int("select_last_index", 0) != 0;
  }
  node.emit(arg_extreme(options), {node.input(0)});
}

void import_global_max_pool(NodeReader& node) {
  node.expect_inputs(1, 1);
  node.emit(global_pool(true), {node.input(0)});
}

}  // namespace octet
