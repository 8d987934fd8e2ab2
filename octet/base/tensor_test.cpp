#include "octet/base/tensor.h"

#include <gtest/gtest.h>

#include "octet/base/error.h"

namespace octet {
namespace {

TEST(TensorTest, IsZeroFilledAndAligned) {
  const Tensor tensor(DType::kInt32, {3, 5});
  EXPECT_EQ(tensor.size_bytes(), 60u);
  for (std::int32_t value : tensor.data<std::int32_t>()) EXPECT_EQ(value, 0);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.raw()) % AlignedBuffer::kAlignment, 0u);
}

TEST(TensorTest, ACopyIsIndependentOnceWritten) {
  Tensor a = Tensor::from<float>({2}, {1.0f, 2.0f});
  Tensor b = a;
  EXPECT_EQ(a.raw(), b.raw());
  b.mutable_data<float>()[0] = 5.0f;
  EXPECT_EQ(a.data<float>()[0], 1.0f);
  EXPECT_EQ(b.data<float>()[0], 5.0f);
}

TEST(TensorTest, ReshapeKeepsTheElements) {
  const Tensor a = Tensor::from<float>({2, 3}, {0, 1, 2, 3, 4, 5});
  EXPECT_EQ(a.reshaped({3, 2}).data<float>()[4], 4.0f);
  EXPECT_THROW(a.reshaped({4}), Error);
}

TEST(TensorTest, EqualityComparesTypeShapeAndBytes) {
  EXPECT_EQ(Tensor::from<float>({1}, {1.0f}), Tensor::from<float>({1}, {1.0f}));
  EXPECT_FALSE(Tensor::from<float>({1}, {1.0f}) == Tensor::from<float>({}, {1.0f}));
  EXPECT_FALSE(Tensor::from<float>({1}, {1.0f}) == Tensor::from<std::int32_t>({1}, {1}));
}

}  // namespace
}  // namespace octet
