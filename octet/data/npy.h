#pragma once

#include <filesystem>

#include "octet/base/tensor.h"

namespace octet {

/// A tensor from a `.npy` file. float64 is narrowed to float32, every other type is kept.
/// Errors as NpyArray::read.
Tensor read_npy(const std::filesystem::path& file);
/// Writes format 1.0, all or nothing. Error(kUnsupported) for bool tensors.
void write_npy(const Tensor& tensor, const std::filesystem::path& file);

}  // namespace octet
