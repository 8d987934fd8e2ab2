#include "octet/onnx/tensor_proto.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/base/nibbles.h"
#include "octet/onnx/container.h"
#include "octet/onnx/onnx.h"
#include "octet_onnx.pb.h"

// raw_data is little-endian and copied as it is.
static_assert(std::endian::native == std::endian::little);

namespace octet {
namespace {

using octet_onnx::TensorProto;

/// ONNX's numbers up to the newest release; the schema at hand may know fewer.
constexpr std::string_view kDataTypeNames[] = {
    "undefined",      "float",    "uint8",        "int8",           "uint16",
    "int16",          "int32",    "int64",        "string",         "bool",
    "float16",        "double",   "uint32",       "uint64",         "complex64",
    "complex128",     "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2",
    "float8e5m2fnuz", "uint4",    "int4",         "float4e2m1",     "float8e8m0",
    "uint2",          "int2"};

/// Data types that came after the schema at hand.
constexpr int kOnnxUInt4 = 21, kOnnxInt4 = 22;

/// The padding of an odd number of elements is 0 in every tensor, whatever a file holds there.
void clear_padding(Tensor& tensor) {
  if (!is_packed(tensor.dtype()) || tensor.num_elements() % 2 == 0) return;
  tensor.mutable_raw()[tensor.size_bytes() - 1] &= std::byte{15};
}

Shape shape_of(const TensorProto& proto, std::string_view where) {
  if (proto.dims_size() > kMaxRank) {
    fail(ErrorKind::kUnsupported, where, ": rank ", proto.dims_size(), ", accepted: at most ",
         kMaxRank);
  }
  std::vector<std::int64_t> dims(proto.dims().begin(), proto.dims().end());
  for (const std::int64_t dim : dims) {
    if (dim < 0) fail(ErrorKind::kBadData, where, ": dimension ", dim, ", accepted: 0 or more");
  }
  return Shape(std::move(dims));
}

/// The element count, once the dimensions are known not to overflow.
std::int64_t count_of(const Shape& shape, std::string_view where) {
  try {
    return shape.num_elements();
  } catch (const Error& error) {
    fail(ErrorKind::kBadData, where, ": ", error.what());
  }
}

[[noreturn]] void fail_length(std::string_view where, std::string_view field, std::size_t found,
                              std::string_view unit, std::size_t accepted, DType dtype,
                              const Shape& shape) {
  fail(ErrorKind::kBadData, where, ": ", field, " holds ", found, " ", unit,
       ", accepted: ", accepted, " for ", to_string(dtype), " ", to_string(shape));
}

std::size_t raw_bytes(DType dtype, std::int64_t count) {
  const auto elements = static_cast<std::size_t>(count);
  return is_packed(dtype) ? (elements + 1) / 2 : elements * size_bytes(dtype);
}

/// `read` fetches the `size` bytes of raw_data.
Tensor from_raw(std::size_t size, const RawReader& read, DType dtype, Shape shape,
                std::int64_t count, std::string_view where) {
  const std::size_t expected = raw_bytes(dtype, count);
  if (size != expected) {
    fail_length(where, "raw_data", size, "bytes", expected, dtype, shape);
  }
  Tensor tensor(dtype, std::move(shape));
  const std::span bytes(tensor.mutable_raw(), size);
  read(bytes);
  if (dtype == DType::kBool) {
    // A bool that holds neither 0 nor 1 would be undefined behaviour to read.
    for (std::byte& byte : bytes)
      byte = std::byte{byte != std::byte{0} ? std::uint8_t{1} : std::uint8_t{0}};
  }
  clear_padding(tensor);
  return tensor;
}

template <typename T, typename Field>
Tensor from_field(const Field& values, std::string_view field, Shape shape, std::int64_t count,
                  std::string_view where) {
  if (values.size() != count) {
    fail_length(where, field, static_cast<std::size_t>(values.size()), "values",
                static_cast<std::size_t>(count), dtype_of<T>(), shape);
  }
  Tensor tensor(dtype_of<T>(), std::move(shape));
  const std::span<T> out = tensor.mutable_data<T>();
  for (int i = 0; i < values.size(); ++i) {
    if constexpr (!std::is_same_v<T, float>) {
      const std::int64_t value = values.Get(i);
      if (value < std::int64_t{std::numeric_limits<T>::min()} ||
          value > std::int64_t{std::numeric_limits<T>::max()}) {
        fail(ErrorKind::kBadData, where, ": ", field, "[", i, "] = ", value, " does not fit ",
             to_string(dtype_of<T>()));
      }
    }
    out[static_cast<std::size_t>(i)] = static_cast<T>(values.Get(i));
  }
  return tensor;
}

}  // namespace

DType dtype_from_onnx(int data_type, std::string_view where) {
  switch (data_type) {
    case TensorProto::FLOAT:
      return DType::kFloat32;
    case TensorProto::UINT8:
      return DType::kUInt8;
    case TensorProto::INT8:
      return DType::kInt8;
    case TensorProto::INT32:
      return DType::kInt32;
    case TensorProto::INT64:
      return DType::kInt64;
    case TensorProto::BOOL:
      return DType::kBool;
    case kOnnxInt4:
      return DType::kInt4;
    case kOnnxUInt4:
      return DType::kUInt4;
    default:
      break;
  }
  const bool known = data_type >= 0 && data_type < static_cast<int>(std::size(kDataTypeNames));
  fail(ErrorKind::kUnsupported, where, ": data type ", data_type, " (",
       known ? kDataTypeNames[data_type] : "unknown",
       "), accepted: float, int8, uint8, int32, int64, bool, int4, uint4");
}

int dtype_to_onnx(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return TensorProto::FLOAT;
    case DType::kInt8:
      return TensorProto::INT8;
    case DType::kUInt8:
      return TensorProto::UINT8;
    case DType::kInt32:
      return TensorProto::INT32;
    case DType::kInt64:
      return TensorProto::INT64;
    case DType::kBool:
      return TensorProto::BOOL;
    case DType::kInt4:
      return kOnnxInt4;
    case DType::kUInt4:
      return kOnnxUInt4;
  }
  return TensorProto::UNDEFINED;
}

std::int64_t data_bytes(const TensorProto& proto, std::string_view where) {
  const DType dtype = dtype_from_onnx(proto.data_type(), where);
  return static_cast<std::int64_t>(raw_bytes(dtype, count_of(shape_of(proto, where), where)));
}

namespace {

void require_embedded(const TensorProto& proto, std::string_view where) {
  if (proto.data_location() == TensorProto::EXTERNAL || proto.external_data_size() > 0) {
    fail(ErrorKind::kUnsupported, where,
         ": data in an external file, accepted: data inside the model, or beside a model file");
  }
  if (proto.has_segment()) fail(ErrorKind::kUnsupported, where, ": data in segments");
}

int typed_elements(const TensorProto& proto) {
  return proto.float_data_size() + proto.int32_data_size() + proto.int64_data_size() +
         proto.double_data_size() + proto.uint64_data_size() + proto.string_data_size();
}

}  // namespace

Tensor tensor_from_raw(const TensorProto& proto, std::size_t raw_bytes, const RawReader& read,
                       std::string_view where) {
  require_embedded(proto, where);
  const DType dtype = dtype_from_onnx(proto.data_type(), where);
  Shape shape = shape_of(proto, where);
  const std::int64_t count = count_of(shape, where);
  if (typed_elements(proto) > 0) {
    fail(ErrorKind::kBadData, where, ": both raw_data and typed data");
  }
  return from_raw(raw_bytes, read, dtype, std::move(shape), count, where);
}

Tensor tensor_from_proto(const TensorProto& proto, std::string_view where) {
  const std::string& raw = proto.raw_data();
  if (proto.has_raw_data() && (typed_elements(proto) == 0 || !raw.empty())) {
    const auto copy = [&](std::span<std::byte> bytes) {
      if (!raw.empty()) std::memcpy(bytes.data(), raw.data(), raw.size());
    };
    return tensor_from_raw(proto, raw.size(), copy, where);
  }
  require_embedded(proto, where);
  const DType dtype = dtype_from_onnx(proto.data_type(), where);
  Shape shape = shape_of(proto, where);
  const std::int64_t count = count_of(shape, where);
  switch (dtype) {
    case DType::kFloat32:
      return from_field<float>(proto.float_data(), "float_data", std::move(shape), count, where);
    case DType::kInt8:
      return from_field<std::int8_t>(proto.int32_data(), "int32_data", std::move(shape), count,
                                     where);
    case DType::kUInt8:
      return from_field<std::uint8_t>(proto.int32_data(), "int32_data", std::move(shape), count,
                                      where);
    case DType::kInt32:
      return from_field<std::int32_t>(proto.int32_data(), "int32_data", std::move(shape), count,
                                      where);
    case DType::kBool:
      return from_field<bool>(proto.int32_data(), "int32_data", std::move(shape), count, where);
    case DType::kInt4:
    case DType::kUInt4: {
      // Each number holds one byte of the packed data.
      const Tensor bytes = from_field<std::uint8_t>(proto.int32_data(), "int32_data",
                                                    Shape{(count + 1) / 2}, (count + 1) / 2, where);
      const RawReader read = [&](std::span<std::byte> packed) {
        std::copy_n(bytes.raw(), packed.size(), packed.begin());
      };
      return from_raw(bytes.size_bytes(), read, dtype, std::move(shape), count, where);
    }
    case DType::kInt64:
      break;
  }
  return from_field<std::int64_t>(proto.int64_data(), "int64_data", std::move(shape), count, where);
}

void tensor_to_proto(const Tensor& tensor, TensorProto& proto) {
  proto.set_data_type(dtype_to_onnx(tensor.dtype()));
  for (const std::int64_t dim : tensor.shape().dims()) proto.add_dims(dim);
  proto.set_raw_data(tensor.raw(), tensor.size_bytes());
}

Tensor read_tensor_proto(const std::filesystem::path& file) {
  const std::vector<std::byte> bytes = read_file(file, kMaxProtoBytes);
  TensorProto proto;
  parse_proto(bytes, proto, file.string());
  return tensor_from_proto(proto, file.string());
}

void write_tensor_proto(const Tensor& tensor, const std::filesystem::path& file) {
  TensorProto proto;
  tensor_to_proto(tensor, proto);
  write_file(file, std::span<const std::byte>(serialize_proto(proto, file.string())));
}

}  // namespace octet
