#pragma once

#include <optional>
#include <vector>

#include "octet/base/error.h"
#include "octet/graph/op.h"

// For tests of operator definitions.

namespace octet {

using OptionalTensors = std::vector<std::optional<Tensor>>;

/// The outputs of the op's definition on these inputs, whose elements shape inference knows (so
/// that no output shape stays open). Runs twice, on dense tensors and on tensors whose first axis
/// is innermost, and fails the test unless both give the same. nullopt: not defined.
std::optional<std::vector<Tensor>> run_function(const Op& op, const OptionalTensors& inputs,
                                                std::size_t outputs = 1);
/// The only output, which must be defined.
Tensor run_one(const Op& op, const OptionalTensors& inputs);

/// The inferred type's shape where the inputs' elements are not known, only dtypes and shapes.
Shape inferred_shape(const Op& op, const std::vector<std::pair<DType, Shape>>& inputs);
/// The error of inferring the op's types on these inputs; fails the test unless it is of this kind.
std::string error_of_types(ErrorKind kind, const Op& op, const OptionalTensors& inputs);

template <typename T>
Tensor tensor(Shape shape, const std::vector<T>& values) {
  return Tensor::from(std::move(shape), values);
}
Tensor bools(Shape shape, const std::vector<int>& values);
template <typename T>
std::vector<T> elements(const Tensor& tensor) {
  const auto data = tensor.data<T>();
  return {data.begin(), data.end()};
}
/// Integers from -9 to 9 in an order that the seed decides, as elements of `dtype` (float32, int32,
/// int64): small enough that float sums of them are exact.
Tensor small_numbers(DType dtype, const Shape& shape, unsigned seed);

}  // namespace octet
