#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "octet/base/aligned_buffer.h"
#include "octet/base/shape.h"

namespace octet {

/// Tensors of kInt4 and kUInt4 hold two elements per byte (nibbles.h); views of them a byte for
/// each.
enum class DType : std::uint8_t { kFloat32, kInt8, kUInt8, kInt32, kInt64, kBool, kInt4, kUInt4 };

/// "float32", "int8", "uint8", "int32", "int64", "bool", "int4", "uint4"
std::string_view to_string(DType dtype);
std::size_t size_bytes(DType dtype);

template <typename T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::kFloat32;
  if constexpr (std::is_same_v<T, std::int8_t>) return DType::kInt8;
  if constexpr (std::is_same_v<T, std::uint8_t>) return DType::kUInt8;
  if constexpr (std::is_same_v<T, std::int32_t>) return DType::kInt32;
  if constexpr (std::is_same_v<T, std::int64_t>) return DType::kInt64;
  if constexpr (std::is_same_v<T, bool>) return DType::kBool;
}

/// A dense row-major array with value semantics. Copies share the storage until one is written
/// (`mutable_data` detaches), so passing weights by value costs a pointer.
class Tensor {
 public:
  Tensor() = default;
  /// Zero-filled. `shape` must be static.
  Tensor(DType dtype, Shape shape);

  /// A tensor holding a copy of `values`; their number must equal shape.num_elements().
  template <typename T>
  static Tensor from(Shape shape, std::span<const T> values);
  template <typename T>
  static Tensor from(Shape shape, const std::vector<T>& values) {
    return from(std::move(shape), std::span<const T>(values));
  }
  template <typename T>
  static Tensor scalar(T value) {
    return from(Shape{}, std::span<const T>(&value, 1));
  }

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  std::int64_t num_elements() const { return num_elements_; }
  std::size_t size_bytes() const;

  /// The elements. Asserts that T holds the tensor's dtype.
  template <typename T>
  std::span<const T> data() const;
  template <typename T>
  std::span<T> mutable_data();
  const std::byte* raw() const { return storage_ ? storage_->data() : nullptr; }
  std::byte* mutable_raw();

  /// The same elements under another shape of equal element count.
  Tensor reshaped(Shape shape) const;

  /// Equal dtype, shape and bytes.
  friend bool operator==(const Tensor& a, const Tensor& b);

 private:
  DType dtype_ = DType::kFloat32;
  Shape shape_{0};
  std::int64_t num_elements_ = 0;
  std::shared_ptr<AlignedBuffer> storage_;
};

}  // namespace octet
