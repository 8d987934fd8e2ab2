#include "octet/graph/functions/elementwise.h"
#include "octet/graph/functions/elementwise_arithmetic.h"
#include "octet/graph/functions/elementwise_loop.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

/// The low four bits as a number.
std::int8_t low_nibble(std::int64_t x) { return static_cast<std::int8_t>(((x & 15) ^ 8) - 8); }

template <typename From, typename To>
To converted(From x) {
  if constexpr (std::is_same_v<To, bool>) {
    return x != From{0};
  } else if constexpr (std::is_same_v<From, float> && !std::is_same_v<To, float>) {
    return static_cast<To>(whole_part(double{x}));
  } else {
    return static_cast<To>(x);
  }
}

bool convert(const ConstTensorView& x, const TensorView& y) noexcept {
  return with_type(x.dtype, [&]<typename From>(From) {
    if (y.dtype == DType::kInt4) {
      return map_elements<std::int8_t, From>(
          y, [](From v) { return low_nibble(converted<From, std::int64_t>(v)); }, x);
    }
    if (y.dtype == DType::kUInt4) {
      return map_elements<std::uint8_t, From>(
          y,
          [](From v) { return static_cast<std::uint8_t>(converted<From, std::int64_t>(v) & 15); },
          x);
    }
    return with_type(y.dtype, [&]<typename To>(To) {
      return map_elements<To, From>(y, converted<From, To>, x);
    });
  });
}

class CastTo final : public TensorFunction {
 public:
  explicit CastTo(DType to) : to_(to) {}

  std::string_view onnx_name() const override { return "Cast"; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    return {{to_, inputs.shape(0)}};
  }
  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    return convert(inputs[0], outputs[0]);
  }

 private:
  DType to_;
};

class CastLike final : public TensorFunction {
 public:
  std::string_view onnx_name() const override { return "CastLike"; }
  int opset() const override { return 15; }
  FunctionArity arity() const override { return {.inputs = 2, .max_inputs = 2}; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    return {{inputs.dtype(1), inputs.shape(0)}};
  }
  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    return convert(inputs[0], outputs[0]);
  }
};

}  // namespace

Op cast(DType to) { return Function{std::make_shared<CastTo>(to)}; }
Op cast_like() { return Function{std::make_shared<CastLike>()}; }

}  // namespace octet
