#include "octet/base/tensor.h"

#include <cassert>
#include <cstring>

#include "octet/base/error.h"
#include "octet/base/nibbles.h"

namespace octet {

std::string_view to_string(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return "float32";
    case DType::kInt8:
      return "int8";
    case DType::kUInt8:
      return "uint8";
    case DType::kInt32:
      return "int32";
    case DType::kInt64:
      return "int64";
    case DType::kBool:
      return "bool";
    case DType::kInt4:
      return "int4";
    case DType::kUInt4:
      return "uint4";
  }
  return "?";
}

std::size_t size_bytes(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
    case DType::kInt32:
      return 4;
    case DType::kInt64:
      return 8;
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kBool:
    case DType::kInt4:
    case DType::kUInt4:
      return 1;
  }
  return 0;
}

Tensor::Tensor(DType dtype, Shape shape)
    : dtype_(dtype), shape_(std::move(shape)), num_elements_(shape_.num_elements()) {
  storage_ = std::make_shared<AlignedBuffer>(size_bytes());
}

std::size_t Tensor::size_bytes() const {
  const auto elements = static_cast<std::size_t>(num_elements_);
  return is_packed(dtype_) ? (elements + 1) / 2 : elements * octet::size_bytes(dtype_);
}

template <typename T>
Tensor Tensor::from(Shape shape, std::span<const T> values) {
  Tensor tensor(dtype_of<T>(), std::move(shape));
  if (tensor.num_elements_ != static_cast<std::int64_t>(values.size())) {
    fail(ErrorKind::kInternal, "tensor of shape ", octet::to_string(tensor.shape_), " from ",
         values.size(), " values");
  }
  if (!values.empty()) std::memcpy(tensor.storage_->data(), values.data(), values.size_bytes());
  return tensor;
}

template <typename T>
std::span<const T> Tensor::data() const {
  assert(dtype_ == dtype_of<T>());
  if (!storage_) return {};
  return {storage_->as<T>(), static_cast<std::size_t>(num_elements_)};
}

template <typename T>
std::span<T> Tensor::mutable_data() {
  assert(dtype_ == dtype_of<T>());
  if (!storage_) return {};
  return {reinterpret_cast<T*>(mutable_raw()), static_cast<std::size_t>(num_elements_)};
}

std::byte* Tensor::mutable_raw() {
  if (!storage_) return nullptr;
  if (storage_.use_count() > 1) {
    auto copy = std::make_shared<AlignedBuffer>(size_bytes());
    std::memcpy(copy->data(), storage_->data(), size_bytes());
    storage_ = std::move(copy);
  }
  return storage_->data();
}

Tensor Tensor::reshaped(Shape shape) const {
  if (shape.num_elements() != num_elements_) {
    fail(ErrorKind::kInternal, "cannot reshape ", octet::to_string(shape_), " to ",
         octet::to_string(shape));
  }
  Tensor result = *this;
  result.shape_ = std::move(shape);
  return result;
}

bool operator==(const Tensor& a, const Tensor& b) {
  return a.dtype_ == b.dtype_ && a.shape_ == b.shape_ &&
         (a.num_elements_ == 0 || a.raw() == b.raw() ||
          std::memcmp(a.raw(), b.raw(), a.size_bytes()) == 0);
}

#define OCTET_INSTANTIATE(T)                                  \
  template Tensor Tensor::from<T>(Shape, std::span<const T>); \
  template std::span<const T> Tensor::data<T>() const;        \
  template std::span<T> Tensor::mutable_data<T>();
OCTET_INSTANTIATE(float)
OCTET_INSTANTIATE(std::int8_t)
OCTET_INSTANTIATE(std::uint8_t)
OCTET_INSTANTIATE(std::int32_t)
OCTET_INSTANTIATE(std::int64_t)
OCTET_INSTANTIATE(bool)
#undef OCTET_INSTANTIATE

}  // namespace octet
