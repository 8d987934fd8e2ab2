#pragma once

#include <cstdint>
#include <filesystem>

#include "octet/onnx/onnx.h"

namespace octet_onnx {
class ModelProto;
class TensorProto;
}  // namespace octet_onnx

namespace octet {

/// Replaces every tensor of the model whose data lie in another file by one that holds its data:
/// initializers, attributes, those of subgraphs and functions. All go through one opener that
/// cannot leave `folder`: the location is a relative path without "..", no component of which is a
/// link, to a regular file that has no second name; the bytes are read, never mapped, so that a
/// file that shrinks meanwhile is an error and not a signal.
/// Error(kBadData) naming the tensor for a location, offset or length that is none, or data that
/// end early; Error(kNoInput) for a file that is missing or not a regular one; Error(kUnsupported)
/// for a checksum, which octet cannot verify, and past `max_bytes` in total.
/// A key that octet does not know goes to `warn`, if given, once.
void read_external_data(octet_onnx::ModelProto& model, const std::filesystem::path& folder,
                        std::int64_t max_bytes, const WarningSink& warn = {});

}  // namespace octet
