#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "octet/graph/op.h"

// Operators whose every output element depends on one element of each input. Numbers are float32,
// int8, uint8, int32 and int64; integer arithmetic wraps as two's complement.

namespace octet {

/// y = f(x).
enum class UnaryFunction {
  kAbs,
  kNeg,
  kSign,
  kErf,
  kNot,
  kIsNaN,
  kExp,
  kLog,
  kSqrt,
  kReciprocal,
  kFloor,
  kCeil,
  kRound,  ///< half to even
  kSin,
  kCos,
  kTan,
  kAsin,
  kAcos,
  kAtan,
  kSinh,
  kCosh,
  kAsinh,
  kAcosh,
  kAtanh,
  kElu,
  kCelu,
  kSelu,
  kLeakyRelu,
  kThresholdedRelu,
  kSoftplus,
  kSoftsign,
  kMish,
  kGelu,
  kGeluTanh,  ///< Gelu by its approximation with tanh
  // The definitions of typed ops.
  kIdentity,
  kSigmoid,
  kTanh,
  kHardSigmoid,
  kHardSwish,
};
/// A float attribute with ONNX's default; without a name there is none.
struct UnaryAttribute {
  std::string_view name;
  float value = 0.0f;
};
/// The attributes of `function` with their defaults: alpha, then Selu's gamma or HardSigmoid's
/// beta.
std::array<UnaryAttribute, 2> unary_attributes(UnaryFunction function);
/// `alpha` and `beta` are the values of its attributes.
Op unary(UnaryFunction function, float alpha = 0.0f, float beta = 0.0f);

/// c = f(a, b) with numpy broadcasting. Of floats, Min and Max are NaN where one element is.
enum class BinaryFunction {
  kAdd,
  kSub,
  kMul,
  kDiv,  ///< of integers: truncates; not defined for a divisor of 0; min / -1 wraps to min
  kMin,
  kMax,
  kMod,   ///< of integers alone, with the divisor's sign; not defined for a divisor of 0
  kFmod,  ///< with the dividend's sign
  /// a to the power b, with a's dtype. Integers wrap; of an integer to a negative power only the
  /// whole part remains, and 0 to a negative power is not defined.
  kPow,
  kPRelu,  ///< a < 0 ? b * a : a, where b broadcasts to a
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kEqual,
  kAnd,
  kOr,
  kXor,
  kBitwiseAnd,
  kBitwiseOr,
  kBitwiseXor,
};
Op binary(BinaryFunction function);
/// a + b, then the clamp: the definition of Add. A bound that is no integer counts as the next one
/// inside the range where the elements are integers.
Op clamped_add(const Clamp& clamp);

/// Relu and Clip with bounds that are part of the op, for any dtype of number.
Op clamp_elements(const Clamp& clamp);
/// ONNX's Clip with its bounds as optional inputs 1 and 2. Where min > max every element is max.
Op clip_by_inputs();
/// condition ? a : b, all three broadcast.
Op where();

/// Conversion to `to`. From float: the fraction is dropped and the rest, held within int64, is
/// treated as an integer; NaN is 0. From integers: the low bits are kept. Anything but 0 is true.
Op cast(DType to);
/// Conversion to the dtype of input 1.
Op cast_like();

/// ONNX's Dropout: x, ratio (0.5), training_mode (false) -> y, mask. In training an element is kept
/// where a draw from [0, 1) is not below the ratio, which must lie in [0, 1). The draws are those
/// of ONNX's reference, numpy's RandomState(seed), made anew by every run; without a seed it is 0.
Op dropout(std::optional<std::int64_t> seed);

}  // namespace octet
