#pragma once

#include "octet/base/tensor.h"

namespace octet {

/// Whether a Tensor of this dtype keeps two elements per byte, the first one in the low nibble, as
/// ONNX files do; the last nibble of an odd number is 0. int4 is two's complement.
constexpr bool is_packed(DType dtype) { return dtype == DType::kInt4 || dtype == DType::kUInt4; }

/// The dtype with a byte per element that holds the elements of `dtype` (int8 those of int4).
constexpr DType byte_type(DType dtype) {
  return dtype == DType::kInt4 ? DType::kInt8 : dtype == DType::kUInt4 ? DType::kUInt8 : dtype;
}
/// The elements with a byte each: int4 becomes int8, uint4 uint8. Other tensors are returned as
/// they are.
Tensor unpack_nibbles(const Tensor& tensor);
/// The low nibbles of an int8 or uint8 tensor, as int4 or uint4. REQUIRES is_packed(dtype).
Tensor pack_nibbles(const Tensor& bytes, DType dtype);

}  // namespace octet
