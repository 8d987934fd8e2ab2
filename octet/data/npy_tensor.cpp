#include <algorithm>
#include <cstring>
#include <string>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/data/npy.h"
#include "octet/data/npy_file.h"

namespace octet {
namespace {

DType dtype_of_array(NpyType type) {
  switch (type) {
    case NpyType::kFloat32:
    case NpyType::kFloat64:
      return DType::kFloat32;
    case NpyType::kUInt8:
      return DType::kUInt8;
    case NpyType::kInt8:
      return DType::kInt8;
    case NpyType::kInt32:
      return DType::kInt32;
    case NpyType::kInt64:
      return DType::kInt64;
  }
  return DType::kFloat32;
}

std::string descriptor(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return "<f4";
    case DType::kUInt8:
      return "|u1";
    case DType::kInt8:
      return "|i1";
    case DType::kInt32:
      return "<i4";
    case DType::kInt64:
      return "<i8";
    case DType::kBool:
    case DType::kInt4:
    case DType::kUInt4:
      break;
  }
  fail(ErrorKind::kUnsupported, "npy: tensors of type ", to_string(dtype), " cannot be written");
}

/// "(2, 3)", and "(2,)" for one dimension: a Python tuple.
std::string shape_tuple(const Shape& shape) {
  std::string text = "(";
  for (int axis = 0; axis < shape.rank(); ++axis) text += std::to_string(shape[axis]) + ", ";
  if (shape.rank() > 1) text.resize(text.size() - 2);
  if (shape.rank() == 1) text.pop_back();
  return text + ")";
}

}  // namespace

Tensor read_npy(const std::filesystem::path& file) {
  const NpyArray array = NpyArray::read(file);
  Tensor tensor(dtype_of_array(array.type()), Shape(array.shape()));
  if (array.type() == NpyType::kFloat64) {
    std::ranges::transform(array.to_doubles(), tensor.mutable_data<float>().begin(),
                           [](double value) { return static_cast<float>(value); });
  } else if (tensor.size_bytes() > 0) {
    std::memcpy(tensor.mutable_raw(), array.raw().data(), tensor.size_bytes());
  }
  return tensor;
}

void write_npy(const Tensor& tensor, const std::filesystem::path& file) {
  std::string header = "{'descr': '" + descriptor(tensor.dtype()) +
                       "', 'fortran_order': False, 'shape': " + shape_tuple(tensor.shape()) + ", }";
  // Magic, version and length take 10 bytes; the data begin at a multiple of 64.
  constexpr std::size_t kPreamble = 10, kAlignment = 64;
  const std::size_t total =
      (kPreamble + header.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  header.resize(total - kPreamble - 1, ' ');
  header += '\n';
  std::string bytes = "\x93NUMPY";
  bytes += '\x01';
  bytes += '\0';
  bytes += static_cast<char>(header.size() & 0xFF);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(tensor.raw()), tensor.size_bytes());
  write_file(file, bytes);
}

}  // namespace octet
