#pragma once

#include <memory>

#include "octet/graph/op.h"

// The ops of the closed set as functions, family by family; null for an op of another family.

namespace octet {

using FunctionPointer = std::shared_ptr<const TensorFunction>;

FunctionPointer elementwise_function_of(const Op& op);   ///< Add, Relu, Cast ...
FunctionPointer arrangement_function_of(const Op& op);   ///< Concat, Gather, Pad ...
FunctionPointer reduction_function_of(const Op& op);     ///< Softmax, BatchNorm, MatMul ...
FunctionPointer window_function_of(const Op& op);        ///< Conv, pools
FunctionPointer quantization_function_of(const Op& op);  ///< QuantizeLinear ...

}  // namespace octet
