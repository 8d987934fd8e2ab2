#include "octet/base/shape.h"

#include <gtest/gtest.h>

#include "octet/base/error.h"

namespace octet {
namespace {

TEST(ShapeTest, CountsElements) {
  EXPECT_EQ(Shape{}.num_elements(), 1);
  EXPECT_EQ((Shape{2, 3, 4}).num_elements(), 24);
  EXPECT_EQ((Shape{2, 0}).num_elements(), 0);
}

TEST(ShapeTest, ADynamicOrOverflowingShapeHasNoCount) {
  EXPECT_THROW((Shape{kDynamicDim, 3}).num_elements(), Error);
  EXPECT_THROW((Shape{std::int64_t{1} << 32, std::int64_t{1} << 32}).num_elements(), Error);
}

TEST(ShapeTest, TheBatchFillsDynamicDimensions) {
  const Shape shape{kDynamicDim, 3, 32, 32};
  EXPECT_FALSE(shape.is_static());
  EXPECT_EQ(to_string(shape), "[N, 3, 32, 32]");
  EXPECT_EQ(shape.with_batch(8), (Shape{8, 3, 32, 32}));
}

}  // namespace
}  // namespace octet
