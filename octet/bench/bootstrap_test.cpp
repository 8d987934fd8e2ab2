#include "octet/bench/bootstrap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "octet/bench/latency.h"

namespace octet {
namespace {

TEST(PercentileTest, InterpolatesAsNumpyDoes) {
  // numpy.percentile([4, 1, 3, 2], [0, 25, 50, 95, 99, 100])
  const std::vector<double> values = {4, 1, 3, 2};
  EXPECT_DOUBLE_EQ(percentile(values, 0.00), 1);
  EXPECT_DOUBLE_EQ(percentile(values, 0.25), 1.75);
  EXPECT_DOUBLE_EQ(percentile(values, 0.50), 2.5);
  EXPECT_DOUBLE_EQ(percentile(values, 0.95), 3.85);
  EXPECT_DOUBLE_EQ(percentile(values, 0.99), 3.97);
  EXPECT_DOUBLE_EQ(percentile(values, 1.00), 4);
}

TEST(PercentileTest, OfOneValueIsThatValue) {
  for (const double fraction : {0.0, 0.5, 1.0}) EXPECT_EQ(percentile({7.5}, fraction), 7.5);
}

TEST(MedianIntervalTest, HoldsTheMedianInsideTheRange) {
  Rng data(11);
  for (const int count : {1, 2, 10, 201}) {
    std::vector<double> values;
    for (int i = 0; i < count; ++i) values.push_back(5 + data.normal());
    Rng rng(3);
    const auto [low, high] = median_interval(values, rng);
    EXPECT_LE(low, percentile(values, 0.5)) << count;
    EXPECT_GE(high, percentile(values, 0.5)) << count;
    EXPECT_GE(low, *std::ranges::min_element(values)) << count;
    EXPECT_LE(high, *std::ranges::max_element(values)) << count;
  }
}

TEST(MedianIntervalTest, CoversTheTrueMedianAboutNineteenTimesInTwenty) {
  Rng rng(5);
  int covered = 0;
  constexpr int kTrials = 200;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> values;
    for (int i = 0; i < 51; ++i) values.push_back(rng.normal());
    const auto [low, high] = median_interval(values, rng);
    covered += low <= 0 && 0 <= high;
  }
  EXPECT_GE(covered, kTrials * 0.90);
  EXPECT_LE(covered, kTrials * 0.99);
}

TEST(MedianIntervalTest, TheSameSeedGivesTheSameInterval) {
  std::vector<double> values;
  for (int i = 0; i < 40; ++i) values.push_back(i * i);
  Rng a(9), b(9);
  EXPECT_EQ(median_interval(values, a), median_interval(values, b));
}

}  // namespace
}  // namespace octet
