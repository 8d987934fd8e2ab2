#include <cmath>
#include <limits>

#include "octet/graph/functions/elementwise.h"
#include "octet/graph/functions/elementwise_arithmetic.h"
#include "octet/graph/functions/elementwise_loop.h"
#include "octet/graph/node_error.h"
#include "octet/graph/shape_rules.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

using enum BinaryFunction;

enum class Domain { kNumber, kInteger, kPowBase, kSlope, kNumberOrBool, kBool };

struct BinaryTraits {
  BinaryFunction function;
  std::string_view onnx_name;
  Domain domain = Domain::kNumber;
  bool to_bool = false;
  int opset = 13;
};

constexpr BinaryTraits kTraits[] = {
    {kAdd, "Add"},
    {kSub, "Sub"},
    {kMul, "Mul"},
    {kDiv, "Div"},
    {kMin, "Min"},
    {kMax, "Max"},
    {kMod, "Mod", Domain::kInteger},
    {kFmod, "Mod"},
    {kPow, "Pow", Domain::kPowBase},
    {kPRelu, "PRelu", Domain::kSlope},
    {kLess, "Less", Domain::kNumber, true},
    {kLessOrEqual, "LessOrEqual", Domain::kNumber, true},
    {kGreater, "Greater", Domain::kNumber, true},
    {kGreaterOrEqual, "GreaterOrEqual", Domain::kNumber, true},
    {kEqual, "Equal", Domain::kNumberOrBool, true},
    {kAnd, "And", Domain::kBool, true},
    {kOr, "Or", Domain::kBool, true},
    {kXor, "Xor", Domain::kBool, true},
    {kBitwiseAnd, "BitwiseAnd", Domain::kInteger, false, 18},
    {kBitwiseOr, "BitwiseOr", Domain::kInteger, false, 18},
    {kBitwiseXor, "BitwiseXor", Domain::kInteger, false, 18},
};

constexpr bool rows_follow_the_enum() {
  for (std::size_t i = 0; i < std::size(kTraits); ++i) {
    if (static_cast<std::size_t>(kTraits[i].function) != i) return false;
  }
  return static_cast<std::size_t>(kBitwiseXor) + 1 == std::size(kTraits);
}
static_assert(rows_follow_the_enum());

void require_domain(Domain domain, const FunctionInputs& inputs) {
  switch (domain) {
    case Domain::kNumber:
      inputs.require_dtype(
          0, {DType::kFloat32, DType::kInt8, DType::kUInt8, DType::kInt32, DType::kInt64});
      break;
    case Domain::kInteger:
      inputs.require_dtype(0, {DType::kInt8, DType::kUInt8, DType::kInt32, DType::kInt64});
      break;
    case Domain::kPowBase:
      inputs.require_dtype(0, {DType::kFloat32, DType::kInt32, DType::kInt64});
      inputs.require_dtype(
          1, {DType::kFloat32, DType::kInt8, DType::kUInt8, DType::kInt32, DType::kInt64});
      return;  // the two may differ
    case Domain::kSlope:
      inputs.require_dtype(0, {DType::kFloat32, DType::kInt32, DType::kInt64});
      break;
    case Domain::kNumberOrBool:
      inputs.require_dtype(0, {DType::kFloat32, DType::kInt8, DType::kUInt8, DType::kInt32,
                               DType::kInt64, DType::kBool});
      break;
    case Domain::kBool:
      inputs.require_dtype(0, {DType::kBool});
      break;
  }
  inputs.require_equal_dtypes();
}

/// base^exponent modulo 2^64 by squaring; false for 0 to a negative power.
bool integer_power(std::int64_t base, std::int64_t exponent, std::int64_t& result) {
  if (exponent < 0) {
    // 1 / base^-exponent without its fraction.
    if (base == 0) return false;
    const bool odd = exponent % 2 != 0;
    result = base == 1 ? 1 : base == -1 ? (odd ? -1 : 1) : 0;
    return true;
  }
  std::uint64_t power = 1, square = static_cast<std::uint64_t>(base);
  for (auto rest = static_cast<std::uint64_t>(exponent); rest != 0; rest >>= 1) {
    if (rest & 1) power *= square;
    square *= square;
  }
  result = static_cast<std::int64_t>(power);
  return true;
}

template <typename Base, typename Exponent>
bool map_power(const ConstTensorView& a, const ConstTensorView& b, const TensorView& c) noexcept {
  bool defined = true;
  const bool mapped = map_elements<Base, Base, Exponent>(
      c,
      [&](Base x, Exponent y) -> Base {
        if constexpr (std::is_same_v<Base, float> && std::is_same_v<Exponent, float>) {
          return std::pow(x, y);
        } else if constexpr (std::is_same_v<Base, float>) {
          return static_cast<float>(std::pow(double{x}, static_cast<double>(y)));
        } else if constexpr (std::is_same_v<Exponent, float>) {
          return static_cast<Base>(whole_part(std::pow(static_cast<double>(x), double{y})));
        } else {
          std::int64_t result = 0;
          defined = integer_power(x, y, result) && defined;
          return static_cast<Base>(result);
        }
      },
      a, b);
  return mapped && defined;
}

bool power(const ConstTensorView& a, const ConstTensorView& b, const TensorView& c) noexcept {
  const auto with_base = [&]<typename Base>(Base) {
    return with_number(
        b.dtype, [&]<typename Exponent>(Exponent) { return map_power<Base, Exponent>(a, b, c); });
  };
  switch (a.dtype) {
    case DType::kFloat32:
      return with_base(float{});
    case DType::kInt32:
      return with_base(std::int32_t{});
    case DType::kInt64:
      return with_base(std::int64_t{});
    default:
      return false;
  }
}

/// Division and remainder of integers; false where a divisor is 0.
template <typename T>
bool divide(BinaryFunction function, const ConstTensorView& a, const ConstTensorView& b,
            const TensorView& c) noexcept {
  bool defined = true;
  const auto map = [&](auto f) {
    const bool mapped = map_elements<T, T, T>(
        c,
        [&](T x, T y) -> T {
          if (y == T{0}) {
            defined = false;
            return T{0};
          }
          return f(x, y);
        },
        a, b);
    return mapped && defined;
  };
  // The smallest integer divided by -1 overflows, and traps on x86, so -1 goes its own way.
  const auto is_minus_one = [](T y) { return std::is_signed_v<T> && y == static_cast<T>(-1); };
  if (function == kDiv) {
    return map([=](T x, T y) {
      return is_minus_one(y) ? wrapped_difference(T{0}, x) : static_cast<T>(x / y);
    });
  }
  const bool like_divisor = function == kMod;
  return map([=](T x, T y) {
    const T rest = is_minus_one(y) ? T{0} : static_cast<T>(x % y);
    const bool moves = like_divisor && rest != T{0} && (rest < T{0}) != (y < T{0});
    return moves ? static_cast<T>(rest + y) : rest;
  });
}

template <typename T>
bool arithmetic(BinaryFunction function, const Clamp& clamp, const ConstTensorView& a,
                const ConstTensorView& b, const TensorView& c) noexcept {
  const auto map = [&](auto f) { return map_elements<T, T, T>(c, f, a, b); };
  switch (function) {
    case kAdd: {
      const Bounds<T> bounds = bounds_of<T>(clamp);
      return map([=](T x, T y) { return clamped(wrapped_sum(x, y), bounds); });
    }
    case kSub:
      return map([](T x, T y) { return wrapped_difference(x, y); });
    case kMul:
      return map([](T x, T y) { return wrapped_product(x, y); });
    case kPRelu:
      return map([](T x, T y) { return x < T{0} ? wrapped_product(x, y) : x; });
    case kMin:
      return map([](T x, T y) { return smaller(x, y); });
    case kMax:
      return map([](T x, T y) { return larger(x, y); });
    case kDiv:
    case kMod:
    case kFmod:
      if constexpr (!std::is_same_v<T, float>) return divide<T>(function, a, b, c);
      if constexpr (std::is_same_v<T, float>) {
        if (function == kDiv) return map([](T x, T y) { return x / y; });
        if (function == kFmod) return map([](T x, T y) { return std::fmod(x, y); });
      }
      return false;
    default:
      return false;
  }
}

template <typename T>
bool bits(BinaryFunction function, const ConstTensorView& a, const ConstTensorView& b,
          const TensorView& c) noexcept {
  const auto map = [&](auto f) { return map_elements<T, T, T>(c, f, a, b); };
  if constexpr (!std::is_same_v<T, float>) {
    if (function == kBitwiseAnd) return map([](T x, T y) { return static_cast<T>(x & y); });
    if (function == kBitwiseOr) return map([](T x, T y) { return static_cast<T>(x | y); });
    if (function == kBitwiseXor) return map([](T x, T y) { return static_cast<T>(x ^ y); });
  }
  return false;
}

template <typename T>
bool compare(BinaryFunction function, const ConstTensorView& a, const ConstTensorView& b,
             const TensorView& c) noexcept {
  const auto map = [&](auto f) { return map_elements<bool, T, T>(c, f, a, b); };
  switch (function) {
    case kLess:
      return map([](T x, T y) { return x < y; });
    case kLessOrEqual:
      return map([](T x, T y) { return x <= y; });
    case kGreater:
      return map([](T x, T y) { return x > y; });
    case kGreaterOrEqual:
      return map([](T x, T y) { return x >= y; });
    case kEqual:
      return map([](T x, T y) { return x == y; });
    default:
      return false;
  }
}

bool logic(BinaryFunction function, const ConstTensorView& a, const ConstTensorView& b,
           const TensorView& c) noexcept {
  const auto map = [&](auto f) { return map_elements<bool, bool, bool>(c, f, a, b); };
  switch (function) {
    case kAnd:
      return map([](bool x, bool y) { return x && y; });
    case kOr:
      return map([](bool x, bool y) { return x || y; });
    case kXor:
      return map([](bool x, bool y) { return x != y; });
    case kEqual:
      return map([](bool x, bool y) { return x == y; });
    default:
      return false;
  }
}

class Binary final : public TensorFunction {
 public:
  Binary(BinaryFunction function, Clamp clamp) : function_(function), clamp_(clamp) {}

  std::string_view onnx_name() const override { return traits().onnx_name; }
  int opset() const override { return traits().opset; }
  FunctionArity arity() const override { return {.inputs = 2, .max_inputs = 2}; }
  std::vector<Attribute> attributes() const override {
    if (function_ == kMod) return {{"fmod", std::int64_t{0}}};
    if (function_ == kFmod) return {{"fmod", std::int64_t{1}}};
    return {};
  }

  ElementFlow flow() const override { return ElementFlow::kElementwise; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    const Node& node = inputs.node();
    if (function_ == kMod && inputs.dtype(0) == DType::kFloat32) {
      fail_node(ErrorKind::kBadData, node, "fmod = 0 of float32, accepted: 1, or integers");
    }
    require_domain(traits().domain, inputs);
    Shape shape = broadcast_shape(node, inputs.shape(0), inputs.shape(1));
    if (function_ == kPRelu) {
      if (shape.rank() != inputs.shape(0).rank() || !grows_nowhere(inputs.shape(0), shape)) {
        fail_node(ErrorKind::kBadData, node, "slope ", to_string(inputs.shape(1)), " of ",
                  to_string(inputs.shape(0)), ", accepted: a shape that broadcasts to the input's");
      }
      shape = inputs.shape(0);
    }
    return {{traits().to_bool ? DType::kBool : inputs.dtype(0), std::move(shape)}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const ConstTensorView &a = inputs[0], &b = inputs[1];
    const TensorView& c = outputs[0];
    if (function_ == kPow) return power(a, b, c);
    if (a.dtype == DType::kBool) return logic(function_, a, b, c);
    return with_number(a.dtype, [&]<typename T>(T) {
      if (traits().to_bool) return compare<T>(function_, a, b, c);
      if (function_ >= kBitwiseAnd) return bits<T>(function_, a, b, c);
      return arithmetic<T>(function_, clamp_, a, b, c);
    });
  }

 private:
  const BinaryTraits& traits() const { return kTraits[static_cast<std::size_t>(function_)]; }

  /// Whether no axis of `x` is repeated in `broadcast`.
  static bool grows_nowhere(const Shape& x, const Shape& broadcast) {
    for (int axis = 0; axis < x.rank(); ++axis) {
      if (x[axis] == 1 && broadcast[axis] != 1 && broadcast[axis] != kUnknownDim) return false;
    }
    return true;
  }

  BinaryFunction function_;
  Clamp clamp_;
};

}  // namespace

Op binary(BinaryFunction function) { return Function{std::make_shared<Binary>(function, Clamp{})}; }

Op clamped_add(const Clamp& clamp) { return Function{std::make_shared<Binary>(kAdd, clamp)}; }

}  // namespace octet
