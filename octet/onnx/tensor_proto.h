#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "octet/base/tensor.h"

namespace octet_onnx {
class TensorProto;
}

namespace octet {

/// Largest rank that octet accepts.
inline constexpr int kMaxRank = 8;

/// The dtype of an ONNX data type number. Error(kUnsupported) for those octet does not have; the
/// message starts with `where`.
DType dtype_from_onnx(int data_type, std::string_view where);
int dtype_to_onnx(DType dtype);

/// Bytes of the raw data of a tensor of this type and shape. Errors as tensor_from_proto.
std::int64_t data_bytes(const octet_onnx::TensorProto& proto, std::string_view where);

/// Checks every length against the dimensions before it allocates. Error(kBadData) for data that
/// contradicts itself, Error(kUnsupported) for external data and foreign dtypes.
Tensor tensor_from_proto(const octet_onnx::TensorProto& proto, std::string_view where);
/// The same for a tensor whose raw_data, `raw_bytes` of them, lie elsewhere: `read` fetches them.
using RawReader = std::function<void(std::span<std::byte> bytes)>;
Tensor tensor_from_raw(const octet_onnx::TensorProto& proto, std::size_t raw_bytes,
                       const RawReader& read, std::string_view where);
/// Writes dtype, dimensions and raw_data.
void tensor_to_proto(const Tensor& tensor, octet_onnx::TensorProto& proto);

}  // namespace octet
