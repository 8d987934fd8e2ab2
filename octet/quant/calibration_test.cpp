#include "octet/quant/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "octet/base/error.h"
#include "octet/quant/test_graphs.h"

namespace octet {
namespace {

using ::testing::HasSubstr;
using testing_graphs::residual_network;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

void observe(RangeObserver& observer, std::vector<float> values) { observer.observe(values); }

TEST(RangeObserver, MinMaxKeepsTheExtremesOfAllBatches) {
  RangeObserver observer(CalibrationMethod::kMinMax);
  observe(observer, {1.0f, 2.0f});
  EXPECT_EQ(observer.range(), (Range{1.0f, 2.0f}));
  observe(observer, {-3.0f, 1.5f});
  EXPECT_EQ(observer.range(), (Range{-3.0f, 2.0f}));
  EXPECT_EQ(observer.seen(), 4);
}

TEST(RangeObserver, MovingAverageStartsAtTheFirstBatchAndMovesByOneHundredth) {
  RangeObserver observer(CalibrationMethod::kMovingAverage);
  observe(observer, {-1.0f, 2.0f});
  EXPECT_EQ(observer.range(), (Range{-1.0f, 2.0f}));
  observe(observer, {-2.0f, 4.0f});
  EXPECT_FLOAT_EQ(observer.range().min, -1.01f);
  EXPECT_FLOAT_EQ(observer.range().max, 2.02f);
  observe(observer, {0.0f, 0.0f});
  EXPECT_FLOAT_EQ(observer.range().min, -0.9999f);
  EXPECT_FLOAT_EQ(observer.range().max, 1.9998f);
}

TEST(RangeObserver, TheAveragingConstantCanBeChosen) {
  RangeObserver observer(CalibrationMethod::kMovingAverage, 0.5f);
  observe(observer, {0.0f, 1.0f});
  observe(observer, {0.0f, 2.0f});
  EXPECT_EQ(observer.range(), (Range{0.0f, 1.5f}));
}

TEST(RangeObserver, NonFiniteElementsAreSkippedAndCounted) {
  for (const auto method : {CalibrationMethod::kMinMax, CalibrationMethod::kMovingAverage}) {
    RangeObserver observer(method);
    observe(observer, {kNan, -kInf});
    EXPECT_EQ(observer.seen(), 0);
    observe(observer, {kNan, 1.0f, kInf, 2.0f});
    EXPECT_EQ(observer.range(), (Range{1.0f, 2.0f}));
    observe(observer, {kNan});
    observe(observer, {});
    EXPECT_EQ(observer.range(), (Range{1.0f, 2.0f}));
    EXPECT_EQ(observer.seen(), 2);
    EXPECT_EQ(observer.non_finite(), 5);
  }
}

TEST(Calibrate, AsksForTheActivationPointsAndReturnsTheirRanges) {
  const Graph graph = residual_network();
  std::vector<ValueId> asked;
  const Calibration calibration = calibrate(
      graph, QuantSpec{}, [&](std::span<const ValueId> requested, const ActivationSink& sink) {
        asked.assign(requested.begin(), requested.end());
        for (int batch = 1; batch <= 3; ++batch) {
          for (const ValueId value : requested) {
            const float size = static_cast<float>(batch) * (1.0f + static_cast<float>(value));
            sink(value, std::vector<float>{-size, size, kNan});
          }
        }
      });
  EXPECT_EQ(asked, activation_points(graph));
  ASSERT_EQ(calibration.ranges.size(), asked.size());
  for (const ValueId value : asked) {
    const float size = 3.0f * (1.0f + static_cast<float>(value));
    EXPECT_EQ(calibration.ranges.at(value), (Range{-size, size}));
    EXPECT_EQ(calibration.non_finite.at(value), 3);
  }
}

TEST(Calibrate, CountsNonFiniteOnlyWhereTheyAre) {
  const Graph graph = residual_network();
  const Calibration calibration = calibrate(
      graph, QuantSpec{}, [&](std::span<const ValueId> requested, const ActivationSink& sink) {
        for (const ValueId value : requested) sink(value, std::vector<float>{0.0f, 1.0f});
      });
  EXPECT_TRUE(calibration.non_finite.empty());
}

TEST(Calibrate, AValueWithoutFiniteElementsIsAnErrorThatNamesIt) {
  const Graph graph = residual_network();
  const auto run_without = [&](std::vector<float> elements) -> std::string {
    try {
      calibrate(graph, QuantSpec{},
                [&](std::span<const ValueId> requested, const ActivationSink& sink) {
                  for (const ValueId value : requested) {
                    const bool broken = graph.value(value).name == "conv2";
                    sink(value, broken ? elements : std::vector<float>{1.0f});
                  }
                });
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadData);
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(run_without({kNan, kInf}), HasSubstr("'conv2'"));
  EXPECT_THAT(run_without({}), HasSubstr("'conv2'"));
  EXPECT_EQ(run_without({2.0f}), "");
}

}  // namespace
}  // namespace octet
