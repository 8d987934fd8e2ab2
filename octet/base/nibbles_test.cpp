#include "octet/base/nibbles.h"

#include <gtest/gtest.h>

#include <vector>

namespace octet {
namespace {

TEST(Nibbles, TheFirstElementIsInTheLowNibbleAndTheLastOneIsPadded) {
  const Tensor bytes = Tensor::from(Shape{3}, std::vector<std::int8_t>{-8, 7, -1});
  const Tensor packed = pack_nibbles(bytes, DType::kInt4);
  EXPECT_EQ(packed.dtype(), DType::kInt4);
  EXPECT_EQ(packed.shape(), Shape{3});
  EXPECT_EQ(packed.num_elements(), 3);
  ASSERT_EQ(packed.size_bytes(), 2u);
  EXPECT_EQ(packed.raw()[0], std::byte{0x78});
  EXPECT_EQ(packed.raw()[1], std::byte{0x0f});
  EXPECT_EQ(unpack_nibbles(packed), bytes);
}

TEST(Nibbles, EveryValueOfBothTypesSurvives) {
  Tensor unsigned_bytes(DType::kUInt8, Shape{16}), signed_bytes(DType::kInt8, Shape{4, 4});
  for (int i = 0; i < 16; ++i) {
    unsigned_bytes.mutable_data<std::uint8_t>()[static_cast<std::size_t>(i)] =
        static_cast<std::uint8_t>(i);
    signed_bytes.mutable_data<std::int8_t>()[static_cast<std::size_t>(i)] =
        static_cast<std::int8_t>(i - 8);
  }
  EXPECT_EQ(unpack_nibbles(pack_nibbles(unsigned_bytes, DType::kUInt4)), unsigned_bytes);
  EXPECT_EQ(unpack_nibbles(pack_nibbles(signed_bytes, DType::kInt4)), signed_bytes);
}

TEST(Nibbles, ATensorOfFourBitsTakesHalfTheBytes) {
  EXPECT_EQ(Tensor(DType::kInt4, Shape{3, 5}).size_bytes(), 8u);
  EXPECT_EQ(Tensor(DType::kUInt4, Shape{}).size_bytes(), 1u);
  EXPECT_EQ(Tensor(DType::kUInt4, Shape{0, 5}).size_bytes(), 0u);
  EXPECT_EQ(unpack_nibbles(Tensor(DType::kInt4, Shape{0, 5})), Tensor(DType::kInt8, Shape{0, 5}));
}

TEST(Nibbles, OtherTensorsStayAsTheyAre) {
  const Tensor floats = Tensor::from(Shape{2}, std::vector<float>{1, 2});
  EXPECT_EQ(unpack_nibbles(floats), floats);
}

}  // namespace
}  // namespace octet
