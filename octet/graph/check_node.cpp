#include "octet/graph/check_node.h"

#include <algorithm>
#include <cmath>

#include "octet/graph/node_error.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

constexpr std::size_t kMany = 1 << 20;

/// How many inputs an op takes; those from `required` on may be absent.
struct Arity {
  std::size_t required, max;
  std::size_t outputs = 1, max_outputs = 1;
};

Arity arity_of(const Op& op) {
  return std::visit(
      Overloaded{
          [](const Conv2d&) {
            return Arity{2, 3};
          },
          [](const Gemm&) {
            return Arity{2, 3};
          },
          [](const MatMul&) {
            return Arity{2, 2};
          },
          [](const Add&) {
            return Arity{2, 2};
          },
          [](const Mul&) {
            return Arity{2, 2};
          },
          [](const Sub&) {
            return Arity{2, 2};
          },
          [](const Div&) {
            return Arity{2, 2};
          },
          [](const BatchNorm&) {
            return Arity{5, 5};
          },
          [](const Relu&) {
            return Arity{1, 1};
          },
          [](const Clip&) {
            return Arity{1, 1};
          },
          [](const Sigmoid&) {
            return Arity{1, 1};
          },
          [](const Tanh&) {
            return Arity{1, 1};
          },
          [](const HardSigmoid&) {
            return Arity{1, 1};
          },
          [](const HardSwish&) {
            return Arity{1, 1};
          },
          [](const Softmax&) {
            return Arity{1, 1};
          },
          [](const MaxPool&) {
            return Arity{1, 1};
          },
          [](const AveragePool&) {
            return Arity{1, 1};
          },
          [](const GlobalAveragePool&) {
            return Arity{1, 1};
          },
          [](const Concat&) {
            return Arity{1, kMany};
          },
          [](const Flatten&) {
            return Arity{1, 1};
          },
          [](const Reshape& reshape) {
            return Arity{1, reshape.dims.empty() ? 2u : 1u};
          },
          [](const Transpose&) {
            return Arity{1, 1};
          },
          [](const Squeeze& squeeze) {
            return Arity{1, squeeze.axes.empty() ? 2u : 1u};
          },
          [](const Unsqueeze& unsqueeze) {
            return Arity{1, unsqueeze.axes.empty() ? 2u : 1u};
          },
          [](const Slice& slice) {
            return Arity{1, slice.axes.empty() ? 5u : 1u};
          },
          [](const Pad& pad) {
            return Arity{1, pad.pads.empty() ? 4u : 1u};
          },
          [](const Identity&) {
            return Arity{1, 1};
          },
          [](const ShapeOf&) {
            return Arity{1, 1};
          },
          [](const Gather&) {
            return Arity{2, 2};
          },
          [](const Cast&) {
            return Arity{1, 1};
          },
          [](const ConstantOfShape&) {
            return Arity{1, 1};
          },
          [](const QuantizeLinear&) {
            return Arity{1, 1};
          },
          [](const DequantizeLinear&) {
            return Arity{1, 1};
          },
          [](const DynamicQuantizeLinear&) {
            return Arity{1, 1, 3};
          },
          [](const MatMulInteger&) {
            return Arity{2, 4};
          },
          [](const Function& function) {
            const FunctionArity arity = function.definition->arity();
            return Arity{arity.inputs, arity.max_inputs, arity.outputs, arity.max_outputs};
          },
      },
      op);
}

void check_arity(const Node& node) {
  const Arity arity = arity_of(node.op);
  if (node.inputs.size() < arity.required || node.inputs.size() > arity.max) {
    fail_node(ErrorKind::kBadData, node, node.inputs.size(), " inputs, accepted: ", arity.required,
              arity.max == kMany           ? std::string(" or more")
              : arity.max > arity.required ? " to " + std::to_string(arity.max)
                                           : std::string());
  }
  // Concat's inputs are all required, as are a Slice's starts and ends and a Pad's pads.
  std::size_t required = arity.max == kMany ? node.inputs.size() : arity.required;
  if (std::holds_alternative<Slice>(node.op) && node.inputs.size() > 1) required = 3;
  if (std::holds_alternative<Pad>(node.op) && node.inputs.size() > 1) required = 2;
  for (std::size_t i = 0; i < required; ++i) {
    if (i >= node.inputs.size() || !node.inputs[i]) {
      fail_node(ErrorKind::kBadData, node, "input ", i, " is absent, accepted: a value");
    }
  }
  if (node.outputs.size() < arity.outputs ||
      node.outputs.size() > std::max(arity.outputs, arity.max_outputs)) {
    fail_node(ErrorKind::kBadData, node, node.outputs.size(),
              " outputs, accepted: ", arity.outputs);
  }
}

void require_all(const Node& node, std::span<const int> values, int lowest, const char* what) {
  for (int value : values) {
    if (value < lowest) {
      fail_node(ErrorKind::kBadData, node, what, " ", value, ", accepted: ", lowest, " or more");
    }
  }
}

void check_clamp(const Node& node, const Clamp& clamp) {
  if (!(clamp.low <= clamp.high)) {  // written so that NaN fails
    fail_node(ErrorKind::kBadData, node, "clamp to [", clamp.low, ", ", clamp.high,
              "], accepted: low <= high");
  }
}

void check_window(const Node& node, const PoolWindow& window) {
  require_all(node, window.kernel, 1, "kernel");
  require_all(node, window.stride, 1, "stride");
  require_all(node, window.dilation, 1, "dilation");
  require_all(node, window.padding, 0, "padding");
  for (std::size_t side = 0; side < 4; ++side) {
    const std::size_t axis = side % 2;
    const std::int64_t extent = std::int64_t{window.kernel[axis] - 1} * window.dilation[axis] + 1;
    if (window.padding[side] >= extent) {
      fail_node(ErrorKind::kBadData, node, "padding ", window.padding[side],
                " under a window of extent ", extent, ", accepted: less than the window");
    }
  }
}

void check_quantization(const Node& node, const TensorQuantParams& params) {
  const DType dtype = params.dtype;
  if (dtype != DType::kInt8 && dtype != DType::kUInt8 &&
      !(dtype == DType::kInt32 && std::holds_alternative<DequantizeLinear>(node.op))) {
    fail_node(ErrorKind::kBadData, node, "integers of type ", to_string(dtype),
              ", accepted: int8, uint8, and int32 to dequantize");
  }
  if (params.scale.empty() || params.scale.size() != params.zero_point.size()) {
    fail_node(ErrorKind::kBadData, node, params.scale.size(), " scales and ",
              params.zero_point.size(), " zero points, accepted: as many of each, 1 or more");
  }
  if (!params.axis && params.scale.size() != 1) {
    fail_node(ErrorKind::kBadData, node, params.scale.size(),
              " scales without an axis, accepted: 1");
  }
  for (float scale : params.scale) {
    if (!(scale > 0) || !std::isfinite(scale)) {
      fail_node(ErrorKind::kBadData, node, "scale ", scale, ", accepted: positive and finite");
    }
  }
  const std::int32_t low = dtype == DType::kInt8 ? -128 : 0;
  const std::int32_t high = dtype == DType::kInt8 ? 127 : dtype == DType::kUInt8 ? 255 : 0;
  for (std::int32_t zero_point : params.zero_point) {
    if (zero_point < low || zero_point > high) {
      fail_node(ErrorKind::kBadData, node, "zero point ", zero_point, " of ", to_string(dtype),
                ", accepted: ", low, " to ", high);
    }
  }
}

void check_batch_norm(const Graph& graph, const Node& node, const BatchNorm& norm) {
  if (!(norm.epsilon >= 0) || !std::isfinite(norm.epsilon)) {
    fail_node(ErrorKind::kBadData, node, "epsilon ", norm.epsilon, ", accepted: finite, 0 or more");
  }
  const std::optional<Tensor>& variance = graph.value(*node.inputs[4]).constant;
  if (!variance || variance->dtype() != DType::kFloat32) return;
  for (float element : variance->data<float>()) {
    if (!(element >= 0) || !(double{element} + norm.epsilon > 0)) {
      fail_node(ErrorKind::kBadData, node, "variance ", element, " with epsilon ", norm.epsilon,
                ", accepted: variance >= 0 and a positive sum");
    }
  }
}

}  // namespace

void check_attributes(const Graph& graph, const Node& node, const Op& node_op) {
  std::visit(
      Overloaded{
          [&](const Conv2d& conv) {
            require_all(node, conv.stride, 1, "stride");
            require_all(node, conv.dilation, 1, "dilation");
            require_all(node, conv.padding, 0, "padding");
            if (conv.groups < 1) {
              fail_node(ErrorKind::kBadData, node, "group ", conv.groups, ", accepted: 1 or more");
            }
            check_clamp(node, conv.activation);
          },
          [&](const Gemm& gemm) { check_clamp(node, gemm.activation); },
          [&](const Add& add) { check_clamp(node, add.activation); },
          [&](const Clip& clip) { check_clamp(node, clip.range); },
          [&](const BatchNorm& norm) { check_batch_norm(graph, node, norm); },
          [&](const MaxPool& pool) { check_window(node, pool.window); },
          [&](const AveragePool& pool) { check_window(node, pool.window); },
          [&](const Slice& slice) {
            if (slice.starts.size() != slice.axes.size() ||
                slice.ends.size() != slice.axes.size() || slice.steps.size() != slice.axes.size()) {
              fail_node(ErrorKind::kBadData, node, slice.starts.size(), " starts, ",
                        slice.ends.size(), " ends, ", slice.axes.size(), " axes, ",
                        slice.steps.size(), " steps, accepted: equal numbers");
            }
            if (std::ranges::find(slice.steps, 0) != slice.steps.end()) {
              fail_node(ErrorKind::kBadData, node, "step 0, accepted: any other step");
            }
          },
          [&](const ConstantOfShape& fill) {
            if (fill.value.num_elements() != 1) {
              fail_node(ErrorKind::kBadData, node, "value of ", fill.value.num_elements(),
                        " elements, accepted: 1");
            }
          },
          [&](const QuantizeLinear& op) { check_quantization(node, op.params); },
          [&](const DequantizeLinear& op) { check_quantization(node, op.params); },
          [](const auto&) {},  // the rest has no attribute, or one whose range the shape gives
      },
      node_op);
}

namespace {

void require_dtype(const Graph& graph, const Node& node, std::size_t input,
                   std::initializer_list<DType> accepted) {
  if (input >= node.inputs.size() || !node.inputs[input]) return;
  const Value& value = graph.value(*node.inputs[input]);
  if (std::ranges::find(accepted, value.dtype) != accepted.end()) return;
  std::string names;
  for (DType dtype : accepted) names += (names.empty() ? "" : ", ") + std::string(to_string(dtype));
  fail_node(ErrorKind::kBadData, node, "input '", value.name, "' is ", to_string(value.dtype),
            ", accepted: ", names);
}

void require_equal_dtypes(const Graph& graph, const Node& node) {
  const DType first = graph.value(*node.inputs[0]).dtype;
  for (std::size_t i = 1; i < node.inputs.size(); ++i) require_dtype(graph, node, i, {first});
}

void check_dtypes(const Graph& graph, const Node& node) {
  const auto all_float = [&] {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      require_dtype(graph, node, i, {DType::kFloat32});
    }
  };
  const auto binary = [&] {
    require_dtype(graph, node, 0,
                  {DType::kFloat32, DType::kInt64, DType::kInt32, DType::kInt8, DType::kUInt8});
    require_equal_dtypes(graph, node);
  };
  const auto product = [&] {
    require_dtype(graph, node, 0, {DType::kFloat32, DType::kInt64, DType::kInt32});
    require_equal_dtypes(graph, node);
  };
  const auto ordered = [&] {
    require_dtype(graph, node, 0,
                  {DType::kFloat32, DType::kInt64, DType::kInt32, DType::kInt8, DType::kUInt8});
  };
  const auto shape_inputs = [&] {
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
      require_dtype(graph, node, i, {DType::kInt64, DType::kInt32});
    }
  };
  const auto any = [] {};
  std::visit(
      Overloaded{
          [&](const Conv2d&) { all_float(); },
          [&](const Gemm&) { product(); },
          [&](const MatMul&) { product(); },
          [&](const Add&) { binary(); },
          [&](const Mul&) { binary(); },
          [&](const Sub&) { binary(); },
          [&](const Div&) { binary(); },
          [&](const BatchNorm&) { all_float(); },
          [&](const Relu&) { ordered(); },
          [&](const Clip&) { ordered(); },
          [&](const Sigmoid&) { all_float(); },
          [&](const Tanh&) { all_float(); },
          [&](const HardSigmoid&) { all_float(); },
          [&](const HardSwish&) { all_float(); },
          [&](const Softmax&) { all_float(); },
          [&](const MaxPool&) {
            require_dtype(graph, node, 0, {DType::kFloat32, DType::kInt8, DType::kUInt8});
          },
          [&](const AveragePool&) { all_float(); },
          [&](const GlobalAveragePool&) { all_float(); },
          [&](const Concat&) { require_equal_dtypes(graph, node); },
          [&](const Flatten&) { any(); },
          [&](const Reshape&) { shape_inputs(); },
          [&](const Transpose&) { any(); },
          [&](const Squeeze&) { shape_inputs(); },
          [&](const Unsqueeze&) { shape_inputs(); },
          [&](const Slice&) { shape_inputs(); },
          [&](const Pad&) {
            require_dtype(graph, node, 1, {DType::kInt64, DType::kInt32});
            require_dtype(graph, node, 2, {graph.value(*node.inputs[0]).dtype});
            require_dtype(graph, node, 3, {DType::kInt64, DType::kInt32});
          },
          [&](const Identity&) { any(); },
          [&](const ShapeOf&) { any(); },
          [&](const Gather&) { shape_inputs(); },
          [&](const Cast&) { any(); },
          [&](const ConstantOfShape&) { require_dtype(graph, node, 0, {DType::kInt64}); },
          [&](const QuantizeLinear&) { all_float(); },
          [&](const DequantizeLinear& op) { require_dtype(graph, node, 0, {op.params.dtype}); },
          [&](const DynamicQuantizeLinear&) { all_float(); },
          [&](const Function&) { any(); },  // with the shapes, by output_types
          [&](const MatMulInteger&) {
            require_dtype(graph, node, 0, {DType::kUInt8, DType::kInt8});
            require_dtype(graph, node, 1, {DType::kInt8, DType::kUInt8});
            for (std::size_t zero_point : {2, 3}) {
              if (zero_point >= node.inputs.size()) break;
              require_dtype(graph, node, zero_point,
                            {graph.value(*node.inputs[zero_point - 2]).dtype});
            }
          },
      },
      node.op);
}

}  // namespace

void check_node(const Graph& graph, const Node& node) {
  check_arity(node);
  check_dtypes(graph, node);
  check_attributes(graph, node, node.op);
}

}  // namespace octet
