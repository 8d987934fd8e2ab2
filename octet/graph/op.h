#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "octet/base/overloaded.h"
#include "octet/base/tensor.h"
#include "octet/graph/quant_params.h"

// The closed set of operators. Inputs are listed in order; tensors are NCHW and row-major as in
// ONNX (the runtime chooses its own layout). Adding one: docs/adding-an-op.md.

namespace octet {

/// A clamp of the output to [low, high], fused into the op that produces it: ReLU is [0, inf],
/// ReLU6 is [0, 6]. The default clamps nothing.
struct Clamp {
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  bool is_identity() const {
    return low == -std::numeric_limits<float>::infinity() &&
           high == std::numeric_limits<float>::infinity();
  }
  friend bool operator==(const Clamp&, const Clamp&) = default;
};

/// Zero padding of a 2-D window: top, left, bottom, right (ONNX order).
using Padding = std::array<int, 4>;

// ---- compute: these may carry a fused activation ----

/// x [n, ic, h, w], weight [oc, ic / groups, kh, kw], optional bias [oc].
struct Conv2d {
  std::array<int, 2> stride{1, 1};
  std::array<int, 2> dilation{1, 1};
  Padding padding{0, 0, 0, 0};
  int groups = 1;
  Clamp activation;
  friend bool operator==(const Conv2d&, const Conv2d&) = default;
};
/// x [m, k], weight [n, k] if transpose_b else [k, n], optional bias [n]. alpha = beta = 1.
struct Gemm {
  bool transpose_b = true;
  Clamp activation;
  friend bool operator==(const Gemm&, const Gemm&) = default;
};
/// numpy matmul of two tensors of rank >= 2.
struct MatMul {
  friend bool operator==(const MatMul&, const MatMul&) = default;
};
/// a + b with numpy broadcasting.
struct Add {
  Clamp activation;
  friend bool operator==(const Add&, const Add&) = default;
};
/// a * b with numpy broadcasting.
struct Mul {
  friend bool operator==(const Mul&, const Mul&) = default;
};
/// a - b and a / b with numpy broadcasting; int64 division truncates.
struct Sub {
  friend bool operator==(const Sub&, const Sub&) = default;
};
struct Div {
  friend bool operator==(const Div&, const Div&) = default;
};

/// x [n, c, ...], scale, bias, mean, variance, each [c]: inference-time normalization.
/// momentum is PyTorch's: running = (1 - momentum) * running + momentum * batch.
struct BatchNorm {
  float epsilon = 1e-5f;
  float momentum = 0.1f;
  friend bool operator==(const BatchNorm&, const BatchNorm&) = default;
};

// ---- activations ----
struct Relu {
  friend bool operator==(const Relu&, const Relu&) = default;
};
struct Clip {
  Clamp range;
  friend bool operator==(const Clip&, const Clip&) = default;
};
struct Sigmoid {
  friend bool operator==(const Sigmoid&, const Sigmoid&) = default;
};
struct Tanh {
  friend bool operator==(const Tanh&, const Tanh&) = default;
};
/// max(0, min(1, alpha * x + beta))
struct HardSigmoid {
  float alpha = 0.2f;
  float beta = 0.5f;
  friend bool operator==(const HardSigmoid&, const HardSigmoid&) = default;
};
/// x * max(0, min(1, x / 6 + 1 / 2))
struct HardSwish {
  friend bool operator==(const HardSwish&, const HardSwish&) = default;
};
struct Softmax {
  int axis = -1;
  friend bool operator==(const Softmax&, const Softmax&) = default;
};

// ---- pooling ----
struct PoolWindow {
  std::array<int, 2> kernel{1, 1};
  std::array<int, 2> stride{1, 1};
  std::array<int, 2> dilation{1, 1};
  Padding padding{0, 0, 0, 0};
  bool ceil_mode = false;
  friend bool operator==(const PoolWindow&, const PoolWindow&) = default;
};
struct MaxPool {
  PoolWindow window;
  friend bool operator==(const MaxPool&, const MaxPool&) = default;
};
struct AveragePool {
  PoolWindow window;
  bool count_include_pad = false;
  friend bool operator==(const AveragePool&, const AveragePool&) = default;
};
/// [n, c, h, w] -> [n, c, 1, 1]
struct GlobalAveragePool {
  friend bool operator==(const GlobalAveragePool&, const GlobalAveragePool&) = default;
};

// ---- shape ----
struct Concat {
  int axis = 1;
  friend bool operator==(const Concat&, const Concat&) = default;
};
struct Flatten {
  int axis = 1;
  friend bool operator==(const Flatten&, const Flatten&) = default;
};
/// Target dimensions with ONNX's meaning: 0 copies the input's dimension, one -1 is inferred.
/// Empty: the shape is the second input (only before constants are folded).
struct Reshape {
  std::vector<std::int64_t> dims;
  friend bool operator==(const Reshape&, const Reshape&) = default;
};
struct Transpose {
  std::vector<int> perm;
  friend bool operator==(const Transpose&, const Transpose&) = default;
};
struct Squeeze {
  std::vector<std::int64_t> axes;
  friend bool operator==(const Squeeze&, const Squeeze&) = default;
};
struct Unsqueeze {
  std::vector<std::int64_t> axes;
  friend bool operator==(const Unsqueeze&, const Unsqueeze&) = default;
};
/// One entry per sliced axis, ONNX semantics (negative counts from the end, clamped).
/// Empty `axes`: bounds are inputs 1..4 (only before constants are folded).
struct Slice {
  std::vector<std::int64_t> starts, ends, axes, steps;
  friend bool operator==(const Slice&, const Slice&) = default;
};
/// Constant padding; `pads` holds the begins of all axes, then the ends.
/// Empty `pads`: they are input 1, the value input 2 (only before constants are folded).
struct Pad {
  std::vector<std::int64_t> pads;
  float value = 0.0f;
  friend bool operator==(const Pad&, const Pad&) = default;
};
struct Identity {
  friend bool operator==(const Identity&, const Identity&) = default;
};
// Shape arithmetic; removed by constant folding or refused by the runtime.
struct ShapeOf {
  friend bool operator==(const ShapeOf&, const ShapeOf&) = default;
};
struct Gather {
  int axis = 0;
  friend bool operator==(const Gather&, const Gather&) = default;
};
struct Cast {
  DType to = DType::kFloat32;
  friend bool operator==(const Cast&, const Cast&) = default;
};
/// Input: the shape. `value` is one element of the output's dtype.
struct ConstantOfShape {
  Tensor value = Tensor(DType::kFloat32, Shape{1});
  friend bool operator==(const ConstantOfShape&, const ConstantOfShape&) = default;
};

// ---- quantization ----
/// float -> params.dtype
struct QuantizeLinear {
  TensorQuantParams params;
  friend bool operator==(const QuantizeLinear&, const QuantizeLinear&) = default;
};
/// params.dtype -> float
struct DequantizeLinear {
  TensorQuantParams params;
  friend bool operator==(const DequantizeLinear&, const DequantizeLinear&) = default;
};
/// x float -> y uint8, scale float scalar, zero point uint8 scalar, from the range of the whole x.
struct DynamicQuantizeLinear {
  friend bool operator==(const DynamicQuantizeLinear&, const DynamicQuantizeLinear&) = default;
};
/// a uint8 [m, k], b int8 [k, n], a zero point (uint8 scalar), b zero point (int8, scalar or [n])
/// -> int32 [m, n]
struct MatMulInteger {
  friend bool operator==(const MatMulInteger&, const MatMulInteger&) = default;
};

// ---- everything else ----
class TensorFunction;
/// An operator of the open set, known by its definition (tensor_function.h).
struct Function {
  std::shared_ptr<const TensorFunction> definition;
  friend bool operator==(const Function& a, const Function& b);
};

using Op =
    std::variant<Conv2d, Gemm, MatMul, Add, Mul, Sub, Div, BatchNorm, Relu, Clip, Sigmoid, Tanh,
                 HardSigmoid, HardSwish, Softmax, MaxPool, AveragePool, GlobalAveragePool, Concat,
                 Flatten, Reshape, Transpose, Squeeze, Unsqueeze, Slice, Pad, Identity, ShapeOf,
                 Gather, Cast, ConstantOfShape, QuantizeLinear, DequantizeLinear,
                 DynamicQuantizeLinear, MatMulInteger, Function>;

/// Calls `visit` with an op of each alternative but Function, attributes at their defaults.
template <typename Visit>
void for_each_typed_op(Visit visit) {
  [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    (visit(Op(std::in_place_index<kIndex>)), ...);
  }
  (std::make_index_sequence<std::variant_size_v<Op> - 1>());
  static_assert(
      std::is_same_v<std::variant_alternative_t<std::variant_size_v<Op> - 1, Op>, Function>);
}

/// The ONNX name of the operator: "Conv", "Gemm", "QuantizeLinear".
std::string_view op_name(const Op& op);

}  // namespace octet
