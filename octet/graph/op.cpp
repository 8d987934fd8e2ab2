#include "octet/graph/op.h"

#include "octet/graph/tensor_function.h"

namespace octet {

bool operator==(const Function& a, const Function& b) { return *a.definition == *b.definition; }

std::string_view op_name(const Op& op) {
  using Name = std::string_view;
  return std::visit(
      Overloaded{
          [](const Conv2d&) -> Name { return "Conv"; },
          [](const Gemm&) -> Name { return "Gemm"; },
          [](const MatMul&) -> Name { return "MatMul"; },
          [](const Add&) -> Name { return "Add"; },
          [](const Mul&) -> Name { return "Mul"; },
          [](const Sub&) -> Name { return "Sub"; },
          [](const Div&) -> Name { return "Div"; },
          [](const BatchNorm&) -> Name { return "BatchNormalization"; },
          [](const Relu&) -> Name { return "Relu"; },
          [](const Clip&) -> Name { return "Clip"; },
          [](const Sigmoid&) -> Name { return "Sigmoid"; },
          [](const Tanh&) -> Name { return "Tanh"; },
          [](const HardSigmoid&) -> Name { return "HardSigmoid"; },
          [](const HardSwish&) -> Name { return "HardSwish"; },
          [](const Softmax&) -> Name { return "Softmax"; },
          [](const MaxPool&) -> Name { return "MaxPool"; },
          [](const AveragePool&) -> Name { return "AveragePool"; },
          [](const GlobalAveragePool&) -> Name { return "GlobalAveragePool"; },
          [](const Concat&) -> Name { return "Concat"; },
          [](const Flatten&) -> Name { return "Flatten"; },
          [](const Reshape&) -> Name { return "Reshape"; },
          [](const Transpose&) -> Name { return "Transpose"; },
          [](const Squeeze&) -> Name { return "Squeeze"; },
          [](const Unsqueeze&) -> Name { return "Unsqueeze"; },
          [](const Slice&) -> Name { return "Slice"; },
          [](const Pad&) -> Name { return "Pad"; },
          [](const Identity&) -> Name { return "Identity"; },
          [](const ShapeOf&) -> Name { return "Shape"; },
          [](const Gather&) -> Name { return "Gather"; },
          [](const Cast&) -> Name { return "Cast"; },
          [](const ConstantOfShape&) -> Name { return "ConstantOfShape"; },
          [](const QuantizeLinear&) -> Name { return "QuantizeLinear"; },
          [](const DequantizeLinear&) -> Name { return "DequantizeLinear"; },
          [](const DynamicQuantizeLinear&) -> Name { return "DynamicQuantizeLinear"; },
          [](const MatMulInteger&) -> Name { return "MatMulInteger"; },
          [](const Function& function) -> Name { return function.definition->onnx_name(); },
      },
      op);
}

}  // namespace octet
