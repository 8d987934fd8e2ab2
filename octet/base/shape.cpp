#include "octet/base/shape.h"

#include <algorithm>

#include "octet/base/error.h"

namespace octet {
namespace {
constexpr std::int64_t kMaxElements = std::int64_t{1} << 40;
}  // namespace

bool Shape::is_static() const {
  return std::ranges::none_of(dims_, [](std::int64_t dim) { return dim < 0; });
}

std::int64_t Shape::num_elements() const {
  std::int64_t count = 1;
  bool empty = false;
  for (std::int64_t dim : dims_) {
    if (dim < 0)
      fail(ErrorKind::kBadData, "shape ", to_string(*this), " has no known element count");
    empty = empty || dim == 0;
    if (dim == 0) continue;
    // Also of a tensor without elements: strides are products of its other dimensions.
    if (count > kMaxElements / dim) {
      fail(ErrorKind::kBadData, "shape ", to_string(*this), " has more than 2^40 elements");
    }
    count *= dim;
  }
  return empty ? 0 : count;
}

Shape Shape::with_batch(std::int64_t batch) const {
  Shape result = *this;
  std::ranges::replace(result.dims_, kDynamicDim, batch);
  return result;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (axis > 0) text += ", ";
    text += shape[axis] == kDynamicDim   ? "N"
            : shape[axis] == kUnknownDim ? "?"
                                         : std::to_string(shape[axis]);
  }
  return text + "]";
}

}  // namespace octet
