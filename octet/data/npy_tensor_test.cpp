#include <gtest/gtest.h>
#include <unistd.h>

#include "octet/data/npy.h"

namespace octet {
namespace {

TEST(NpyTensorTest, WhatIsWrittenIsReadBack) {
  const auto file = std::filesystem::temp_directory_path() /
                    ("octet_npy_tensor_" + std::to_string(::getpid()) + ".npy");
  for (const Tensor& tensor : {Tensor::from<float>({2, 3}, {0, 1, 2, 3, 4, 5}),
                               Tensor::from<std::int64_t>({3}, {-1, 0, 7}),
                               Tensor::from<std::uint8_t>({1, 1, 2}, {9, 255}),
                               Tensor::scalar<float>(1.5f), Tensor(DType::kInt32, {0, 4})}) {
    write_npy(tensor, file);
    EXPECT_EQ(read_npy(file), tensor) << to_string(tensor.shape());
  }
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace octet
