#pragma once

#include "octet/graph/functions/typed_ops.h"

namespace octet {

/// a, b (each int8 or uint8), a's zero point (scalar or one per row), b's (scalar or one per
/// column) -> int32, for matrices and stacks of them as numpy's matmul.
FunctionPointer mat_mul_integer_function();

}  // namespace octet
