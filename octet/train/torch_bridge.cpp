#include "octet/train/torch_bridge.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>

#include "octet/base/error.h"
#include "octet/base/names.h"

namespace octet {
namespace {

at::ScalarType scalar_type(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return at::kFloat;
    case DType::kInt8:
      return at::kChar;
    case DType::kUInt8:
      return at::kByte;
    case DType::kInt32:
      return at::kInt;
    case DType::kInt64:
      return at::kLong;
    case DType::kBool:
      return at::kBool;
    case DType::kInt4:
    case DType::kUInt4:
      break;
  }
  fail(ErrorKind::kInternal, "train: unknown dtype ", static_cast<int>(dtype));
}

DType dtype_of_torch(at::ScalarType type) {
  for (const DType dtype :
       {DType::kFloat32, DType::kInt8, DType::kUInt8, DType::kInt32, DType::kInt64, DType::kBool}) {
    if (scalar_type(dtype) == type) return dtype;
  }
  fail(ErrorKind::kInternal, "train: no dtype for libtorch's ", c10::toString(type));
}

}  // namespace

at::Tensor to_torch(const Tensor& tensor, const at::Device& device) {
  at::Tensor result = at::empty(tensor.shape().dims(), at::dtype(scalar_type(tensor.dtype())));
  if (tensor.num_elements() > 0) {
    std::memcpy(result.data_ptr(), tensor.raw(), tensor.size_bytes());
  }
  return result.to(device);
}

Tensor from_torch(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.detach().to(at::kCPU).contiguous();
  Tensor result(dtype_of_torch(dense.scalar_type()), Shape(dense.sizes().vec()));
  if (result.num_elements() > 0) {
    std::memcpy(result.mutable_raw(), dense.data_ptr(), result.size_bytes());
  }
  return result;
}

at::Device torch_device(const std::string& name) {
  if (name == "cpu") return at::Device(at::kCPU);
  if (name != "cuda") {
    const std::array<std::string, 2> accepted{"cpu", "cuda"};
    fail_unknown_name("device", name, accepted);
  }
  if (!at::hasCUDA()) {
    fail(ErrorKind::kUnsupported,
         "device 'cuda': this libtorch finds no CUDA device, accepted: cpu");
  }
  return at::Device(at::kCUDA, 0);
}

int resolve_threads(int threads) {
  if (threads > 0) return threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

TorchSession::TorchSession(int threads, const at::Device& device)
    : previous_threads_(at::get_num_threads()) {
  at::set_num_threads(resolve_threads(threads));
  if (device.is_cuda()) {
    at::globalContext().setBenchmarkCuDNN(false);
    at::globalContext().setDeterministicCuDNN(true);
    // Warnings only: cuBLAS wants an environment variable that a library must not set.
    at::globalContext().setDeterministicAlgorithms(true, true);
    at::globalContext().setAllowTF32CuDNN(false);
    at::globalContext().setAllowTF32CuBLAS(false);
  }
}

TorchSession::~TorchSession() { at::set_num_threads(previous_threads_); }

std::string first_line(const c10::Error& error) {
  const std::string text = error.what_without_backtrace();
  return text.substr(0, text.find('\n'));
}

}  // namespace octet
