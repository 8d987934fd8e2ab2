#include "octet/graph/functions/elementwise.h"

#include <limits>

#include "octet/graph/functions/typed_ops.h"
#include "octet/graph/tensor_function.h"

namespace octet {

FunctionPointer elementwise_function_of(const Op& op) {
  const auto definition = [](const Op& function) {
    return std::get<Function>(function).definition;
  };
  return std::visit(
      Overloaded{
          [&](const Add& add) { return definition(clamped_add(add.activation)); },
          [&](const Sub&) { return definition(binary(BinaryFunction::kSub)); },
          [&](const Mul&) { return definition(binary(BinaryFunction::kMul)); },
          [&](const Div&) { return definition(binary(BinaryFunction::kDiv)); },
          [&](const Relu&) {
            return definition(clamp_elements({0.0f, std::numeric_limits<float>::infinity()}));
          },
          [&](const Clip& clip) { return definition(clamp_elements(clip.range)); },
          [&](const Sigmoid&) { return definition(unary(UnaryFunction::kSigmoid)); },
          [&](const Tanh&) { return definition(unary(UnaryFunction::kTanh)); },
          [&](const HardSigmoid& op) {
            return definition(unary(UnaryFunction::kHardSigmoid, op.alpha, op.beta));
          },
          [&](const HardSwish&) { return definition(unary(UnaryFunction::kHardSwish)); },
          [&](const Cast& op) { return definition(cast(op.to)); },
          [&](const Identity&) { return definition(unary(UnaryFunction::kIdentity)); },
          [](const auto&) { return FunctionPointer(); },
      },
      op);
}

}  // namespace octet
