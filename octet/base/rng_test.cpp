#include "octet/base/rng.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace octet {
namespace {

TEST(RngTest, APermutationEqualsNumpysForTheSameSeed) {
  std::vector<std::int32_t> order(10);
  std::iota(order.begin(), order.end(), 0);
  Rng(42).shuffle(order);
  EXPECT_THAT(order, testing::ElementsAre(8, 1, 5, 0, 7, 2, 9, 4, 3, 6));
}

TEST(RngTest, ASavedStateContinuesTheSameSequence) {
  Rng rng(7);
  rng.normal();
  Rng other(1);
  other.set_state(rng.state());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(rng.next_u32(), other.next_u32());
}

TEST(RngTest, NormalHasZeroMeanAndUnitVariance) {
  Rng rng(3);
  double sum = 0, squares = 0;
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = rng.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.02);
  EXPECT_NEAR(squares / kDraws, 1, 0.02);
}

}  // namespace
}  // namespace octet
