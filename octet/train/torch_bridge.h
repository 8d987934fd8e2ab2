#pragma once

#include <ATen/ATen.h>

#include <string>

#include "octet/base/tensor.h"

// Internal to train/: the passage between octet's and libtorch's world.

namespace octet {

/// A copy on `device`.
at::Tensor to_torch(const Tensor& tensor, const at::Device& device);
/// A dense row-major copy. float32, int64, int32, int8, uint8 and bool.
Tensor from_torch(const at::Tensor& tensor);

/// "cpu" or "cuda". Error(kUsage) for another name, Error(kUnsupported) if libtorch has no CUDA.
at::Device torch_device(const std::string& name);

/// Sets libtorch's thread count (0: the cores this process may use) and deterministic algorithms
/// for its lifetime. The counts of libtorch are global: one session at a time.
class TorchSession {
 public:
  TorchSession(int threads, const at::Device& device);
  ~TorchSession();
  TorchSession(const TorchSession&) = delete;
  TorchSession& operator=(const TorchSession&) = delete;

 private:
  int previous_threads_;
};
/// What `threads` = 0 stands for.
int resolve_threads(int threads);

/// The first line of a libtorch error: the rest is its stack.
std::string first_line(const c10::Error& error);

}  // namespace octet
