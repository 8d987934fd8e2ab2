#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "octet/base/error.h"
#include "octet/base/rng.h"
#include "octet/eval/evaluate.h"

namespace octet {
namespace {

using ::testing::HasSubstr;

Dataset labelled(int classes, std::vector<std::int32_t> labels) {
  Dataset data;
  data.name = "test";
  data.sample_shape = Shape{1};
  for (int c = 0; c < classes; ++c) data.class_names.push_back("class" + std::to_string(c));
  data.labels = std::move(labels);
  data.samples = Tensor(DType::kFloat32, Shape{data.size(), 1});
  return data;
}

Predictions from_logits(int classes, std::vector<float> logits) {
  Predictions predictions;
  predictions.classes = classes;
  predictions.logits = std::move(logits);
  for (std::size_t i = 0; i < predictions.logits.size(); i += static_cast<std::size_t>(classes)) {
    const auto row = predictions.logits.begin() + static_cast<std::ptrdiff_t>(i);
    predictions.predicted.push_back(
        static_cast<std::int32_t>(std::max_element(row, row + classes) - row));
  }
  return predictions;
}

Predictions random_predictions(int classes, std::int64_t samples, Rng& rng) {
  std::vector<float> logits;
  // Few distinct values, so that ties are frequent.
  for (std::int64_t i = 0; i < samples * classes; ++i) {
    logits.push_back(static_cast<float>(rng.below(6)));
  }
  return from_logits(classes, logits);
}

Dataset random_labels(int classes, std::int64_t samples, Rng& rng) {
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < samples; ++i) {
    labels.push_back(static_cast<std::int32_t>(rng.below(static_cast<std::uint32_t>(classes))));
  }
  return labelled(classes, labels);
}

TEST(Accuracy, ByHand) {
  // Sample 1 is right, 2 wrong but in the best five, 3 is the worst of six.
  const Predictions predictions = from_logits(6, {9, 1, 1, 1, 1, 1,  //
                                                  1, 5, 4, 3, 2, 0,  //
                                                  1, 2, 3, 4, 5, 0});
  const AccuracyRecord record = accuracy(predictions, labelled(6, {0, 4, 5}));
  EXPECT_EQ(record.samples, 3);
  EXPECT_EQ(record.correct, 1);
  EXPECT_DOUBLE_EQ(record.top1, 100.0 / 3);
  EXPECT_DOUBLE_EQ(record.top5, 200.0 / 3);
  EXPECT_EQ(record.per_class.size(), 3u);  // classes without samples are absent
  EXPECT_EQ(record.per_class.at("class0"), 100.0);
  EXPECT_EQ(record.per_class.at("class5"), 0.0);
  EXPECT_FALSE(record.agreement);
}

TEST(Accuracy, TiesGoToTheLowestIndex) {
  const Predictions predictions = from_logits(7, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  EXPECT_EQ(accuracy(predictions, labelled(7, {0, 4})).top1, 50.0);
  EXPECT_EQ(accuracy(predictions, labelled(7, {4, 4})).top5, 100.0);
  EXPECT_EQ(accuracy(predictions, labelled(7, {5, 5})).top5, 0.0);
}

TEST(Accuracy, Top5OfFewerThanFiveClassesIsEverything) {
  Rng rng(3);
  for (int classes = 1; classes <= 5; ++classes) {
    const Dataset data = random_labels(classes, 50, rng);
    EXPECT_EQ(accuracy(random_predictions(classes, 50, rng), data).top5, 100.0);
  }
}

TEST(Accuracy, LossIsTheMeanCrossEntropy) {
  const Predictions predictions = from_logits(2, {0, 0, 1, 3});
  const double expected = (std::log(2.0) + std::log1p(std::exp(2.0))) / 2;
  EXPECT_NEAR(accuracy(predictions, labelled(2, {0, 0})).loss, expected, 1e-12);
}

TEST(Accuracy, LossOfHugeLogitsDoesNotOverflow) {
  const Predictions predictions = from_logits(2, {1e38f, -1e38f, 5000, 4000});
  const double loss = accuracy(predictions, labelled(2, {0, 1})).loss;
  EXPECT_NEAR(loss, 500.0, 1e-9);
}

TEST(Accuracy, Top1IsAtMostTop5AndTheWeightedMeanOfItsClasses) {
  Rng rng(static_cast<std::uint32_t>(testing::UnitTest::GetInstance()->random_seed()) + 1);
  for (int round = 0; round < 50; ++round) {
    const int classes = 1 + static_cast<int>(rng.below(12));
    const std::int64_t samples = 1 + rng.below(200);
    const Dataset data = random_labels(classes, samples, rng);
    const AccuracyRecord record = accuracy(random_predictions(classes, samples, rng), data);
    ASSERT_LE(record.top1, record.top5);
    double weighted = 0;
    for (int c = 0; c < classes; ++c) {
      const auto count = std::ranges::count(data.labels, c);
      const std::string& name = data.class_names[static_cast<std::size_t>(c)];
      ASSERT_EQ(record.per_class.contains(name), count > 0);
      if (count > 0) weighted += record.per_class.at(name) * static_cast<double>(count);
    }
    ASSERT_NEAR(weighted / static_cast<double>(samples), record.top1, 1e-9);
  }
}

TEST(Accuracy, RefusesBadLabelsEmptySetsAndOtherSizes) {
  const Predictions predictions = from_logits(2, {0, 1});
  EXPECT_THROW(accuracy(predictions, labelled(2, {2})), Error);
  EXPECT_THROW(accuracy(predictions, labelled(2, {-1})), Error);
  EXPECT_THROW(accuracy(predictions, labelled(3, {0})), Error);
  EXPECT_THROW(accuracy(predictions, labelled(2, {0, 1})), Error);
  EXPECT_THROW(accuracy(from_logits(2, {}), labelled(2, {})), Error);
}

TEST(ComparePredictions, AModelAgreesWithItself) {
  Rng rng(5);
  const Dataset data = random_labels(10, 100, rng);
  const Predictions predictions = random_predictions(10, 100, rng);
  AccuracyRecord record = accuracy(predictions, data);
  compare_predictions(predictions, predictions, data, record);
  EXPECT_EQ(record.agreement, 100.0);
  EXPECT_EQ(record.mcnemar_p, 1.0);
  EXPECT_EQ(record.top1_drop_pp, 0.0);
}

TEST(ComparePredictions, ByHand) {
  // Reference right on samples 0..3, this model on 0 only; sample 4 differs and both are wrong.
  const Dataset data = labelled(3, {0, 0, 0, 0, 0});
  const Predictions reference = from_logits(3, {9, 0, 0, 9, 0, 0, 9, 0, 0, 9, 0, 0, 0, 9, 0});
  const Predictions other = from_logits(3, {9, 0, 0, 0, 9, 0, 0, 9, 0, 0, 9, 0, 0, 0, 9});
  AccuracyRecord record = accuracy(other, data);
  compare_predictions(other, reference, data, record);
  EXPECT_DOUBLE_EQ(*record.agreement, 20.0);
  EXPECT_DOUBLE_EQ(*record.mcnemar_p, 0.25);  // 2 * (1/2)^3
  EXPECT_DOUBLE_EQ(*record.top1_drop_pp, 60.0);
}

TEST(ComparePredictions, TheDropIsTheDifferenceOfTheAccuracies) {
  Rng rng(6);
  for (int round = 0; round < 20; ++round) {
    const Dataset data = random_labels(4, 97, rng);
    const Predictions a = random_predictions(4, 97, rng), b = random_predictions(4, 97, rng);
    AccuracyRecord record = accuracy(a, data);
    compare_predictions(a, b, data, record);
    ASSERT_NEAR(*record.top1_drop_pp, accuracy(b, data).top1 - record.top1, 1e-9);
  }
}

/// The definition, term by term.
double mcnemar_by_definition(int a, int b) {
  double sum = 0;
  for (int i = 0; i <= std::min(a, b); ++i) {
    double term = 1;
    for (int j = 1; j <= i; ++j) term *= static_cast<double>(a + b - i + j) / j;
    sum += term * std::pow(0.5, a + b);
  }
  return std::min(1.0, 2 * sum);
}

TEST(McNemar, EqualsTheDefinitionAndIsSymmetric) {
  for (int a = 0; a <= 25; ++a) {
    for (int b = 0; b <= 25; ++b) {
      ASSERT_NEAR(mcnemar_p(a, b), mcnemar_by_definition(a, b), 1e-12) << a << ' ' << b;
      ASSERT_EQ(mcnemar_p(a, b), mcnemar_p(b, a));
    }
  }
}

TEST(McNemar, KnownValues) {
  EXPECT_EQ(mcnemar_p(0, 0), 1.0);
  EXPECT_EQ(mcnemar_p(7, 7), 1.0);
  EXPECT_EQ(mcnemar_p(0, 1), 1.0);
  EXPECT_DOUBLE_EQ(mcnemar_p(0, 6), 0.03125);
  EXPECT_NEAR(mcnemar_p(2, 10), 0.0385742, 1e-7);
  // Thousands of pairs: no overflow, no zero where there is none.
  EXPECT_GT(mcnemar_p(4900, 5100), 0.04);
  EXPECT_LT(mcnemar_p(4900, 5100), 0.05);
  EXPECT_GT(mcnemar_p(0, 1000), 0.0);
}

TEST(Sqnr, ByHand) {
  const std::vector<float> expected{3, 4};
  EXPECT_NEAR(sqnr_db(expected, std::vector<float>{3, 4.5f}), 20.0, 1e-9);
  EXPECT_EQ(sqnr_db(expected, expected), std::numeric_limits<double>::infinity());
  EXPECT_EQ(sqnr_db(std::vector<float>{0, 0}, expected), -std::numeric_limits<double>::infinity());
  EXPECT_THROW(sqnr_db(expected, std::vector<float>{3}), Error);
}

}  // namespace
}  // namespace octet
