#include "octet/graph/functions/typed_ops.h"

#include "octet/graph/tensor_function.h"

namespace octet {

std::shared_ptr<const TensorFunction> function_of(const Op& op) {
  if (const auto* function = std::get_if<Function>(&op)) return function->definition;
  for (const auto family : {elementwise_function_of, arrangement_function_of, reduction_function_of,
                            window_function_of, quantization_function_of}) {
    if (auto definition = family(op)) return definition;
  }
  return nullptr;
}

ElementFlow element_flow(const Op& op) {
  const FunctionPointer function = function_of(op);
  return function ? function->flow() : ElementFlow::kGeneral;
}

}  // namespace octet
