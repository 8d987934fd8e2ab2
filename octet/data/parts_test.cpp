#include "octet/data/parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "octet/data/test_files.h"

namespace octet {
namespace {

/// Sample i holds the value i and the label i % 2.
Dataset numbered(std::int64_t count) {
  Dataset data = make_dataset("numbered", {1}, DType::kFloat32, count, {"a", "b"});
  for (std::int64_t i = 0; i < count; ++i) {
    data.samples.mutable_data<float>()[static_cast<std::size_t>(i)] = static_cast<float>(i);
    data.labels[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i % 2);
  }
  return data;
}

std::vector<float> values(const Dataset& data) {
  const auto span = data.samples.data<float>();
  return {span.begin(), span.end()};
}

TEST(PartsTest, ValidationLeavesTheBeginningOfTrainInItsStoredOrder) {
  const auto [train, validation] =
      split_validation(numbered(3000), {.seed = 5, .validation_fraction = 0.2});
  EXPECT_EQ(train.size(), 2400);
  EXPECT_EQ(validation.size(), 600);
  const std::vector<float> kept = values(train), taken = values(validation);
  for (std::size_t i = 0; i < kProtectedTrainSamples; ++i) ASSERT_EQ(kept[i], i);
  EXPECT_TRUE(std::ranges::is_sorted(kept));
  EXPECT_TRUE(std::ranges::is_sorted(taken));
  std::set<float> all(kept.begin(), kept.end());
  all.insert(taken.begin(), taken.end());
  EXPECT_EQ(all.size(), 3000u);
  EXPECT_NE(taken.back() - taken.front(), 599) << "drawn from everywhere, not one block";
  for (std::int64_t i = 0; i < validation.size(); ++i) {
    ASSERT_EQ(validation.labels[static_cast<std::size_t>(i)],
              static_cast<int>(taken[static_cast<std::size_t>(i)]) % 2);
  }
}

TEST(PartsTest, TheSeedChoosesTheValidationSamples) {
  const auto of_seed = [](std::uint32_t seed) {
    return values(split_validation(numbered(2000), {.seed = seed}).second);
  };
  EXPECT_EQ(of_seed(1), of_seed(1));
  EXPECT_NE(of_seed(1), of_seed(2));
}

TEST(PartsTest, ASmallSetGivesItsEndAndNothingKeepsEverything) {
  const auto [train, validation] = split_validation(numbered(10), {.validation_fraction = 0.2});
  EXPECT_THAT(values(validation), testing::ElementsAre(8, 9));
  const auto [whole, none] = split_validation(numbered(10), {.validation_fraction = 0});
  EXPECT_EQ(whole.size(), 10);
  EXPECT_EQ(none.size(), 0);
  EXPECT_EQ(none.sample_shape, whole.sample_shape);
  EXPECT_EQ(none.class_names, whole.class_names);
}

TEST(PartsTest, FractionsOutsideOfZeroToOneAreUsageErrors) {
  for (const double fraction : {-0.1, 1.0, 2.0, std::nan("")}) {
    EXPECT_EQ(error_of([&] { validation_count(fraction, 10); }).kind(), ErrorKind::kUsage);
  }
  EXPECT_EQ(validation_count(0.99, 1), 0) << "never the whole set";
  EXPECT_EQ(validation_count(0.1, 50000), 5000);
}

TEST(PartsTest, TheTestPartIsTheBeginningOfThePermutation) {
  const TrainTestIndices split = split_test(10, 42);
  EXPECT_THAT(split.test, testing::ElementsAre(8, 1));
  EXPECT_THAT(split.train, testing::ElementsAre(5, 0, 7, 2, 9, 4, 3, 6));
  EXPECT_EQ(split_test(11, 42).test.size(), 3u) << "rounded up";
}

}  // namespace
}  // namespace octet
