#pragma once

#include "octet/onnx/onnx.h"

namespace octet_onnx {
class ModelProto;
}

namespace octet {

/// Puts the nodes of the model's own functions (PyTorch's exporters write some) in the place of the
/// nodes that call them, also in branches and in other functions, until no call is left. Values
/// inside get names of their own; attributes that refer to a parameter get what the call gives.
/// Error(kBadData) naming the function for one that calls itself, be it through others, that is
/// defined twice, or whose call does not fit; Error(kUnsupported) for one of another opset than the
/// model's, and past `max_depth` calls in calls, `max_expansions` nodes in all, or more bytes of
/// copied nodes than folded constants may take.
void inline_functions(octet_onnx::ModelProto& model, const ImportOptions& limits);

}  // namespace octet
