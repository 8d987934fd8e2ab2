#pragma once

#include <string>

#include "octet/base/tensor.h"

namespace octet {

/// A tensor of one number. Error(kUsage) starting with `where` if a size of the shape is not known
/// or the dtype does not have the number.
Tensor filled_tensor(DType dtype, const Shape& shape, double number, const std::string& where);

}  // namespace octet
