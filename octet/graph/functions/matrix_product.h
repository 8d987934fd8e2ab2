#pragma once

#include <cstdint>

#include "octet/graph/functions/typed_ops.h"

namespace octet {

/// MatMul in numpy's full meaning and Gemm (with bias and clamp), of float32, int32 and int64.
/// Integers wrap; floats are summed in float, as the GEMM kernels do.
FunctionPointer matrix_product_function_of(const Op& op);

}  // namespace octet
