#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace octet {

/// A dimension whose size is known only at run time: the batch.
inline constexpr std::int64_t kDynamicDim = -1;
/// Any other dimension that is known only at run time: a sequence length, a product with the batch.
inline constexpr std::int64_t kUnknownDim = -2;

/// The dimensions of a tensor, outermost first. A scalar has rank 0.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : dims_(dims) {}
  explicit Shape(std::vector<std::int64_t> dims) : dims_(std::move(dims)) {}

  int rank() const { return static_cast<int>(dims_.size()); }
  std::int64_t operator[](int axis) const { return dims_[static_cast<std::size_t>(axis)]; }
  std::int64_t& operator[](int axis) { return dims_[static_cast<std::size_t>(axis)]; }
  const std::vector<std::int64_t>& dims() const { return dims_; }

  bool is_static() const;
  /// Product of the dimensions, 1 for a scalar. Throws Error(kBadData) if a dimension is dynamic or
  /// negative, or if the product of those that are not 0 exceeds 2^40.
  std::int64_t num_elements() const;
  /// The shape with every dynamic dimension replaced by `batch`.
  Shape with_batch(std::int64_t batch) const;

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::vector<std::int64_t> dims_;
};

/// "[N, 3, 32, 32]"; the batch prints as N, an unknown dimension as ?.
std::string to_string(const Shape& shape);

}  // namespace octet
