#include "octet/graph/functions/typed_ops.h"
#include "octet/graph/tensor_function.h"

namespace octet {

FunctionPointer window_function_of(const Op&) { return nullptr; }

}  // namespace octet
