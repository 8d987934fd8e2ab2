#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "octet/base/error.h"
#include "octet/eval/evaluate.h"

namespace octet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Sample i holds the two floats (i, -i); class of sample i is i % 3.
Dataset counting_data(std::int64_t count) {
  Dataset data;
  data.name = "counting";
  data.sample_shape = Shape{2};
  data.class_names = {"a", "b", "c"};
  data.preprocessing = {.divisor = 1.0f, .mean = {0.0f}, .std = {1.0f}};
  data.samples = Tensor(DType::kFloat32, Shape{count, 2});
  for (std::int64_t i = 0; i < count; ++i) {
    data.samples.mutable_data<float>()[static_cast<std::size_t>(2 * i)] = static_cast<float>(i);
    data.samples.mutable_data<float>()[static_cast<std::size_t>(2 * i + 1)] =
        -static_cast<float>(i);
    data.labels.push_back(static_cast<std::int32_t>(i % 3));
  }
  return data;
}

/// Right on every sample; records the batches it was given.
Classifier oracle(std::vector<int>& batches) {
  return [&batches](std::span<const float> samples, int batch, std::span<float> logits) {
    ASSERT_EQ(samples.size(), static_cast<std::size_t>(2 * batch));
    ASSERT_EQ(logits.size(), static_cast<std::size_t>(3 * batch));
    batches.push_back(batch);
    for (int i = 0; i < batch; ++i) {
      const auto sample = static_cast<std::size_t>(samples[static_cast<std::size_t>(2 * i)]);
      for (std::size_t c = 0; c < 3; ++c) {
        logits[static_cast<std::size_t>(3 * i) + c] = c == sample % 3 ? 1.0f : 0.0f;
      }
    }
  };
}

TEST(Predict, RunsEverySampleOnceInOrderWithASmallerLastBatch) {
  const Dataset data = counting_data(11);
  std::vector<int> batches;
  std::vector<std::int64_t> done;
  const Predictions predictions = predict(oracle(batches), data, data.preprocessing, 4,
                                          [&](std::int64_t count) { done.push_back(count); });
  EXPECT_THAT(batches, ElementsAre(4, 4, 3));
  EXPECT_THAT(done, ElementsAre(4, 8, 11));
  EXPECT_EQ(predictions.classes, 3);
  EXPECT_EQ(predictions.predicted, data.labels);
  EXPECT_EQ(accuracy(predictions, data).correct, 11);
}

TEST(Predict, TheBatchSizeDoesNotChangeTheResult) {
  const Dataset data = counting_data(10);
  std::vector<int> batches;
  const Predictions one = predict(oracle(batches), data, data.preprocessing, 1);
  for (const int batch : {3, 10, 64}) {
    const Predictions other = predict(oracle(batches), data, data.preprocessing, batch);
    EXPECT_EQ(other.logits, one.logits);
    EXPECT_EQ(other.predicted, one.predicted);
  }
}

TEST(Predict, AppliesTheModelsPreprocessing) {
  const Dataset data = counting_data(2);
  std::vector<float> seen;
  predict(
      [&](std::span<const float> samples, int, std::span<float> logits) {
        seen.assign(samples.begin(), samples.end());
        std::ranges::fill(logits, 0.0f);
      },
      data, {.divisor = 2.0f, .mean = {1.0f, 1.0f}, .std = {0.5f, 0.5f}}, 2);
  EXPECT_THAT(seen, ElementsAre(-2.0f, -2.0f, -1.0f, -3.0f));
}

TEST(Predict, ANonFiniteLogitNamesItsSample) {
  const Dataset data = counting_data(9);
  const Classifier broken = [](std::span<const float> samples, int, std::span<float> logits) {
    std::ranges::fill(logits, 0.0f);
    if (samples[0] == 4.0f) logits[5] = std::numeric_limits<float>::quiet_NaN();
  };
  try {
    predict(broken, data, data.preprocessing, 4);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    EXPECT_THAT(error.what(), HasSubstr("sample 5: logit 2 is"));
  }
}

TEST(Predict, NoSamplesAreNoPredictionsAndBatchZeroIsRefused) {
  const Dataset data = counting_data(0);
  std::vector<int> batches;
  EXPECT_TRUE(predict(oracle(batches), data, data.preprocessing, 4).predicted.empty());
  EXPECT_TRUE(batches.empty());
  EXPECT_THROW(predict(oracle(batches), data, data.preprocessing, 0), Error);
}

}  // namespace
}  // namespace octet
