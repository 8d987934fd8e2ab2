#include "octet/report/compare.h"

#include <gtest/gtest.h>

#include "octet/base/error.h"
#include "octet/report/sample_run.h"

namespace octet {
namespace {

Figures accuracy_figures(double top1, double samples) {
  return {.file_bytes = 1, .p50_ms = 1, .ci95_ms = {1, 1}, .top1 = top1, .samples = samples};
}

TEST(CompareTest, LatenciesTieWhileTheirIntervalsTouch) {
  const Figures a{.ci95_ms = {1.0, 2.0}};
  const Figures touching{.ci95_ms = {2.0, 3.0}};
  const Figures apart{.ci95_ms = {2.001, 3.0}};
  EXPECT_EQ(compare_latency(a, touching), Order::kTie);
  EXPECT_EQ(compare_latency(a, apart), Order::kBetter);
  EXPECT_EQ(compare_latency(apart, a), Order::kWorse);
}

TEST(CompareTest, AccuraciesTieInsideTheBinomialIntervalOfTheDifference) {
  // sd of the difference at 90 % and 10,000 samples: sqrt(2 * 0.09 / 10000) = 0.424 pp; x 1.96.
  EXPECT_EQ(compare_accuracy(accuracy_figures(90.0, 1e4), accuracy_figures(89.2, 1e4)),
            Order::kTie);
  EXPECT_EQ(compare_accuracy(accuracy_figures(90.0, 1e4), accuracy_figures(89.1, 1e4)),
            Order::kBetter);
  EXPECT_EQ(compare_accuracy(accuracy_figures(90.0, 100), accuracy_figures(83.0, 100)),
            Order::kTie);
}

TEST(CompareTest, ThePairedTestAgainstTheBaselineOverrulesTheBinomialInterval) {
  Figures baseline = accuracy_figures(90.0, 1e4);
  baseline.is_baseline = true;
  Figures other = accuracy_figures(89.5, 1e4);
  EXPECT_EQ(compare_accuracy(baseline, other), Order::kTie);
  other.mcnemar_p = 0.001;
  EXPECT_EQ(compare_accuracy(baseline, other), Order::kBetter);
  EXPECT_EQ(compare_accuracy(other, baseline), Order::kWorse);
  other.mcnemar_p = 0.2;
  EXPECT_EQ(compare_accuracy(baseline, other), Order::kTie);
}

TEST(CompareTest, ThePairedTestSaysNothingAboutTwoConfigurationsThatAreNotTheBaseline) {
  Figures a = accuracy_figures(90.0, 1e4), b = accuracy_figures(89.5, 1e4);
  a.mcnemar_p = 0.001;
  b.mcnemar_p = 0.9;
  EXPECT_EQ(compare_accuracy(a, b), Order::kTie);
}

TEST(CompareTest, AgreementWithTheBaselineNarrowsTheIntervalOfTheDifference) {
  // 0.5 + 0.5 % of 10,000 samples at most: 1.96 * sqrt(0.01 / 10000) + 0.01 pp = 0.206 pp.
  Figures a = accuracy_figures(90.0, 1e4);
  a.agreement = 99.5;
  Figures near = accuracy_figures(89.8, 1e4), far = accuracy_figures(89.79, 1e4);
  near.agreement = far.agreement = 99.5;
  EXPECT_EQ(compare_accuracy(a, near), Order::kTie);
  EXPECT_EQ(compare_accuracy(a, far), Order::kBetter);
  far.agreement.reset();
  EXPECT_EQ(compare_accuracy(a, far), Order::kTie) << "without it the unpaired interval decides";
  far.agreement = 0;
  EXPECT_EQ(compare_accuracy(a, far), Order::kTie) << "a loose bound never widens the interval";
}

TEST(CompareTest, FiveImagesOfAsManyDisagreementsAreNoiseAndSixAreNot) {
  // As the exact test has it: 2 * 2^-5 = 0.0625 and 2 * 2^-6 = 0.031.
  for (const int images : {5, 6}) {
    Figures a = accuracy_figures(50.0, 1e4), b = accuracy_figures(50.0 - 0.01 * images, 1e4);
    a.agreement = 100;
    b.agreement = 100 - 0.01 * images;
    EXPECT_EQ(compare_accuracy(a, b), images == 5 ? Order::kTie : Order::kBetter) << images;
  }
}

TEST(CompareTest, WilsonIntervalMatchesPublishedValues) {
  // Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662; 0 of 20 gives 0 to 0.1611.
  AccuracyRecord accuracy{.samples = 263, .correct = 81, .top1 = 100.0 * 81 / 263};
  EXPECT_NEAR(top1_interval(accuracy)[0], 25.53, 0.005);
  EXPECT_NEAR(top1_interval(accuracy)[1], 36.62, 0.005);
  accuracy = {.samples = 20, .correct = 0, .top1 = 0};
  EXPECT_NEAR(top1_interval(accuracy)[0], 0, 1e-12);
  EXPECT_NEAR(top1_interval(accuracy)[1], 16.11, 0.005);
}

}  // namespace
}  // namespace octet
