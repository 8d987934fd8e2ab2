#include <cmath>
#include <limits>
#include <numbers>

#include "octet/graph/functions/elementwise.h"
#include "octet/graph/functions/elementwise_loop.h"
#include "octet/graph/node_error.h"
#include "octet/graph/tensor_function.h"

namespace octet {
namespace {

float exponential(float x, float, float) { return std::exp(x); }
float logarithm(float x, float, float) { return std::log(x); }
float square_root(float x, float, float) { return std::sqrt(x); }
float reciprocal(float x, float, float) { return 1.0f / x; }
float floor_of(float x, float, float) { return std::floor(x); }
float ceil_of(float x, float, float) { return std::ceil(x); }
float round_half_even(float x, float, float) { return std::nearbyint(x); }
float sine(float x, float, float) { return std::sin(x); }
float cosine(float x, float, float) { return std::cos(x); }
float tangent(float x, float, float) { return std::tan(x); }
float arc_sine(float x, float, float) { return std::asin(x); }
float arc_cosine(float x, float, float) { return std::acos(x); }
float arc_tangent(float x, float, float) { return std::atan(x); }
float hyperbolic_sine(float x, float, float) { return std::sinh(x); }
float hyperbolic_cosine(float x, float, float) { return std::cosh(x); }
float hyperbolic_tangent(float x, float, float) { return std::tanh(x); }
float area_sine(float x, float, float) { return std::asinh(x); }
float area_cosine(float x, float, float) { return std::acosh(x); }
float area_tangent(float x, float, float) { return std::atanh(x); }
float elu(float x, float alpha, float) { return x < 0.0f ? alpha * std::expm1(x) : x; }
float celu(float x, float alpha, float) { return x < 0.0f ? alpha * std::expm1(x / alpha) : x; }
float selu(float x, float alpha, float gamma) {
  return gamma * (x <= 0.0f ? alpha * std::expm1(x) : x);
}
float leaky_relu(float x, float alpha, float) { return x < 0.0f ? alpha * x : x; }
float thresholded_relu(float x, float alpha, float) { return x <= alpha ? 0.0f : x; }
// Of large |x| too: exp(x) alone would overflow.
float softplus(float x, float, float) {
  return (x > 0.0f ? x : 0.0f) + std::log1p(std::exp(-std::abs(x)));
}
float softsign(float x, float, float) { return x / (1.0f + std::abs(x)); }
float mish(float x, float, float) { return x * std::tanh(softplus(x, 0.0f, 0.0f)); }
float gelu(float x, float, float) {
  return 0.5f * x * (1.0f + std::erf(x * (std::numbers::sqrt2_v<float> / 2.0f)));
}
float gelu_tanh(float x, float, float) {
  constexpr float kFactor = 0.797884561f;  // sqrt(2 / pi)
  return 0.5f * x * (1.0f + std::tanh(kFactor * (x + 0.044715f * x * x * x)));
}
float sigmoid(float x, float, float) { return 1.0f / (1.0f + std::exp(-x)); }
float hard_sigmoid(float x, float alpha, float beta) {
  return std::max(0.0f, std::min(1.0f, alpha * x + beta));
}
float hard_swish(float x, float, float) {
  return x * std::max(0.0f, std::min(1.0f, x * (1.0f / 6.0f) + 0.5f));
}

using FloatMap = bool (*)(const TensorView& y, const ConstTensorView& x, float, float) noexcept;

template <float (*kFunction)(float, float, float)>
bool map_floats(const TensorView& y, const ConstTensorView& x, float alpha, float beta) noexcept {
  return map_elements<float, float>(
      y, [=](float element) { return kFunction(element, alpha, beta); }, x);
}

enum class Domain { kFloat, kNumber, kSignedNumber, kBool, kAny };

struct UnaryTraits {
  UnaryFunction function;
  std::string_view onnx_name;
  Domain domain = Domain::kFloat;
  FloatMap map = nullptr;  ///< null: not of floats alone
  std::array<UnaryAttribute, 2> attributes{};
  int opset = 13;
};

using enum UnaryFunction;
constexpr float kSeluAlpha = 1.67326319217681884765625f;
constexpr float kSeluGamma = 1.05070102214813232421875f;

constexpr UnaryTraits kTraits[] = {
    {kAbs, "Abs", Domain::kNumber},
    {kNeg, "Neg", Domain::kSignedNumber},
    {kSign, "Sign", Domain::kNumber},
    {kErf, "Erf", Domain::kNumber},
    {kNot, "Not", Domain::kBool},
    {kIsNaN, "IsNaN"},
    {kExp, "Exp", Domain::kFloat, map_floats<exponential>},
    {kLog, "Log", Domain::kFloat, map_floats<logarithm>},
    {kSqrt, "Sqrt", Domain::kFloat, map_floats<square_root>},
    {kReciprocal, "Reciprocal", Domain::kFloat, map_floats<reciprocal>},
    {kFloor, "Floor", Domain::kFloat, map_floats<floor_of>},
    {kCeil, "Ceil", Domain::kFloat, map_floats<ceil_of>},
    {kRound, "Round", Domain::kFloat, map_floats<round_half_even>},
    {kSin, "Sin", Domain::kFloat, map_floats<sine>},
    {kCos, "Cos", Domain::kFloat, map_floats<cosine>},
    {kTan, "Tan", Domain::kFloat, map_floats<tangent>},
    {kAsin, "Asin", Domain::kFloat, map_floats<arc_sine>},
    {kAcos, "Acos", Domain::kFloat, map_floats<arc_cosine>},
    {kAtan, "Atan", Domain::kFloat, map_floats<arc_tangent>},
    {kSinh, "Sinh", Domain::kFloat, map_floats<hyperbolic_sine>},
    {kCosh, "Cosh", Domain::kFloat, map_floats<hyperbolic_cosine>},
    {kAsinh, "Asinh", Domain::kFloat, map_floats<area_sine>},
    {kAcosh, "Acosh", Domain::kFloat, map_floats<area_cosine>},
    {kAtanh, "Atanh", Domain::kFloat, map_floats<area_tangent>},
    {kElu, "Elu", Domain::kFloat, map_floats<elu>, {{{"alpha", 1.0f}}}},
    {kCelu, "Celu", Domain::kFloat, map_floats<celu>, {{{"alpha", 1.0f}}}},
    {kSelu,
     "Selu",
     Domain::kFloat,
     map_floats<selu>,
     {{{"alpha", kSeluAlpha}, {"gamma", kSeluGamma}}}},
    {kLeakyRelu, "LeakyRelu", Domain::kFloat, map_floats<leaky_relu>, {{{"alpha", 0.01f}}}},
    {kThresholdedRelu,
     "ThresholdedRelu",
     Domain::kFloat,
     map_floats<thresholded_relu>,
     {{{"alpha", 1.0f}}}},
    {kSoftplus, "Softplus", Domain::kFloat, map_floats<softplus>},
    {kSoftsign, "Softsign", Domain::kFloat, map_floats<softsign>},
    {kMish, "Mish", Domain::kFloat, map_floats<mish>, {}, 18},
    {kGelu, "Gelu", Domain::kFloat, map_floats<gelu>, {}, 20},
    {kGeluTanh, "Gelu", Domain::kFloat, map_floats<gelu_tanh>, {}, 20},
    {kIdentity, "Identity", Domain::kAny},
    {kSigmoid, "Sigmoid", Domain::kFloat, map_floats<sigmoid>},
    {kTanh, "Tanh", Domain::kFloat, map_floats<hyperbolic_tangent>},
    {kHardSigmoid,
     "HardSigmoid",
     Domain::kFloat,
     map_floats<hard_sigmoid>,
     {{{"alpha", 0.2f}, {"beta", 0.5f}}}},
    {kHardSwish, "HardSwish", Domain::kFloat, map_floats<hard_swish>, {}, 14},
};

constexpr bool rows_follow_the_enum() {
  for (std::size_t i = 0; i < std::size(kTraits); ++i) {
    if (static_cast<std::size_t>(kTraits[i].function) != i) return false;
  }
  return static_cast<std::size_t>(kHardSwish) + 1 == std::size(kTraits);
}
static_assert(rows_follow_the_enum());

const UnaryTraits& traits_of(UnaryFunction function) {
  return kTraits[static_cast<std::size_t>(function)];
}

/// Wraps: the magnitude of the smallest integer is itself.
template <typename T>
T negative(T x) {
  if constexpr (std::is_same_v<T, float>) return -x;
  return static_cast<T>(std::uint64_t{0} - static_cast<std::uint64_t>(x));
}

template <typename T>
bool map_numbers(UnaryFunction function, const TensorView& y, const ConstTensorView& x) noexcept {
  const auto map = [&](auto f) { return map_elements<T, T>(y, f, x); };
  switch (function) {
    case kAbs:
      if constexpr (std::is_same_v<T, float>) return map([](T v) { return std::abs(v); });
      return map([](T v) { return v < T{0} ? negative(v) : v; });
    case kNeg:
      return map([](T v) { return negative(v); });
    case kSign:
      if constexpr (std::is_same_v<T, float>) {
        return map([](T v) { return v > 0.0f ? 1.0f : v < 0.0f ? -1.0f : v; });  // NaN stays
      }
      return map([](T v) { return static_cast<T>((v > T{0}) - (v < T{0})); });
    case kErf:
      return map([](T v) {
        using Wide = std::conditional_t<std::is_same_v<T, float>, float, double>;
        return static_cast<T>(std::erf(static_cast<Wide>(v)));
      });
    default:
      return false;
  }
}

class Unary final : public TensorFunction {
 public:
  Unary(UnaryFunction function, float alpha, float beta)
      : function_(function), alpha_(alpha), beta_(beta) {}

  std::string_view onnx_name() const override { return traits().onnx_name; }
  int opset() const override { return traits().opset; }
  std::vector<Attribute> attributes() const override {
    std::vector<Attribute> result;
    const float values[] = {alpha_, beta_};
    for (std::size_t i = 0; i < 2; ++i) {
      const UnaryAttribute& attribute = traits().attributes[i];
      if (!attribute.name.empty()) result.push_back({std::string(attribute.name), values[i]});
    }
    if (function_ == kGelu) result.push_back({"approximate", std::string("none")});
    if (function_ == kGeluTanh) result.push_back({"approximate", std::string("tanh")});
    return result;
  }

  ElementFlow flow() const override { return ElementFlow::kElementwise; }
  std::vector<TensorType> output_types(const FunctionInputs& inputs) const override {
    switch (traits().domain) {
      case Domain::kFloat:
        inputs.require_dtype(0, {DType::kFloat32});
        break;
      case Domain::kNumber:
        inputs.require_dtype(
            0, {DType::kFloat32, DType::kInt8, DType::kUInt8, DType::kInt32, DType::kInt64});
        break;
      case Domain::kSignedNumber:
        inputs.require_dtype(0, {DType::kFloat32, DType::kInt8, DType::kInt32, DType::kInt64});
        break;
      case Domain::kBool:
        inputs.require_dtype(0, {DType::kBool});
        break;
      case Domain::kAny:
        break;
    }
    return {{function_ == kIsNaN ? DType::kBool : inputs.dtype(0), inputs.shape(0)}};
  }

  bool compute(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs,
               std::byte*) const noexcept override {
    const ConstTensorView& x = inputs[0];
    const TensorView& y = outputs[0];
    if (traits().map != nullptr) return traits().map(y, x, alpha_, beta_);
    switch (function_) {
      case kNot:
        return map_elements<bool, bool>(
            y, [](bool v) { return !v; }, x);
      case kIsNaN:
        return map_elements<bool, float>(
            y, [](float v) { return std::isnan(v); }, x);
      case kIdentity:
        return with_type(x.dtype, [&]<typename T>(T) {
          return map_elements<T, T>(
              y, [](T v) { return v; }, x);
        });
      default:
        return with_number(x.dtype, [&]<typename T>(T) { return map_numbers<T>(function_, y, x); });
    }
  }

 private:
  const UnaryTraits& traits() const { return traits_of(function_); }

  UnaryFunction function_;
  float alpha_, beta_;
};

}  // namespace

std::array<UnaryAttribute, 2> unary_attributes(UnaryFunction function) {
  return traits_of(function).attributes;
}

Op unary(UnaryFunction function, float alpha, float beta) {
  return Function{std::make_shared<Unary>(function, alpha, beta)};
}

}  // namespace octet
