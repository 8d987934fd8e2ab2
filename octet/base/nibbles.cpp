#include "octet/base/nibbles.h"

#include <cstddef>

namespace octet {

Tensor unpack_nibbles(const Tensor& tensor) {
  if (!is_packed(tensor.dtype())) return tensor;
  const bool is_signed = tensor.dtype() == DType::kInt4;
  Tensor bytes(is_signed ? DType::kInt8 : DType::kUInt8, tensor.shape());
  const std::byte* from = tensor.raw();
  std::byte* to = bytes.mutable_raw();
  for (std::int64_t i = 0; i < tensor.num_elements(); ++i) {
    const std::byte pair = from[i / 2];
    const int nibble = std::to_integer<int>(i % 2 == 0 ? pair & std::byte{15} : pair >> 4);
    to[i] = static_cast<std::byte>(is_signed && nibble > 7 ? nibble - 16 : nibble);
  }
  return bytes;
}

Tensor pack_nibbles(const Tensor& bytes, DType dtype) {
  Tensor tensor(dtype, bytes.shape());
  const std::byte* from = bytes.raw();
  std::byte* to = tensor.mutable_raw();
  for (std::int64_t i = 0; i < bytes.num_elements(); ++i) {
    const std::byte nibble = from[i] & std::byte{15};
    to[i / 2] |= i % 2 == 0 ? nibble : nibble << 4;
  }
  return tensor;
}

}  // namespace octet
