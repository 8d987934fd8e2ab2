#include "octet/onnx/filled_tensor.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/base/error.h"

namespace octet {
namespace {

/// Whether T has the number; integers beyond 2^53 are not told apart by a double.
template <typename T>
bool has(double number) {
  if constexpr (std::is_same_v<T, float>) return !std::isnan(number);
  constexpr double kExact = 9007199254740992.0;
  return std::trunc(number) == number && std::abs(number) <= kExact &&
         number >= static_cast<double>(std::numeric_limits<T>::min()) &&
         number <= static_cast<double>(std::numeric_limits<T>::max());
}

template <typename T>
Tensor filled(DType dtype, const Shape& shape, double number, const std::string& where) {
  if (!has<T>(number)) {
    fail(ErrorKind::kUsage, where, ": fixed to ", number, ", accepted: a number that ",
         to_string(dtype), " has");
  }
  Tensor tensor(dtype, shape);
  std::ranges::fill(tensor.mutable_data<T>(), static_cast<T>(number));
  return tensor;
}

}  // namespace

Tensor filled_tensor(DType dtype, const Shape& shape, double number, const std::string& where) {
  if (!shape.is_static()) {
    fail(ErrorKind::kUsage, where, ": fixed to a number, but its shape is ", to_string(shape),
         ", accepted: a tensor");
  }
  switch (dtype) {
    case DType::kFloat32:
      return filled<float>(dtype, shape, number, where);
    case DType::kInt8:
      return filled<std::int8_t>(dtype, shape, number, where);
    case DType::kUInt8:
      return filled<std::uint8_t>(dtype, shape, number, where);
    case DType::kInt32:
      return filled<std::int32_t>(dtype, shape, number, where);
    case DType::kInt64:
      return filled<std::int64_t>(dtype, shape, number, where);
    case DType::kBool:
      return filled<bool>(dtype, shape, number, where);
    case DType::kInt4:
    case DType::kUInt4:
      break;
  }
  fail(ErrorKind::kUnsupported, where, ": fixed to a number, but it is ", to_string(dtype),
       ", accepted: float32, int8, uint8, int32, int64, bool");
}

}  // namespace octet
