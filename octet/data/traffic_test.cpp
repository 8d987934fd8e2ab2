#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "octet/data/test_files.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const char* const kHeader =
    "_id,total_vehicle,am_peak_vehicle,pm_peak_vehicle,n_appr_vehicle,e_appr_vehicle,"
    "s_appr_vehicle,w_appr_vehicle\r\n";

class TrafficTest : public DataFilesTest {
 protected:
  /// Row i has the total 100 i and small other counts.
  std::string rows(int count) {
    std::string content = kHeader;
    for (int i = 1; i <= count; ++i) {
      content += std::to_string(i) + "," + std::to_string(100 * i) + ",1,2,3,4,5,6\r\n";
    }
    return content;
  }
};

TEST_F(TrafficTest, LabelsAreTheThirdsOfTheWholeTable) {
  put("traffic/trafficdata.csv", rows(100));
  DataOptions whole = options();
  whole.validation_fraction = 0;
  const DataSplits splits = load_data("traffic", whole);
  EXPECT_EQ(splits.train.size(), 80);
  EXPECT_EQ(splits.test.size(), 20);
  // p33 lies between the rows 33 and 34 (at 33.67), p67 between 67 and 68 (at 67.33).
  for (const Dataset* part : {&splits.train, &splits.test}) {
    for (std::size_t i = 0; i < part->labels.size(); ++i) {
      const float total = part->samples.data<float>()[7 * i];
      EXPECT_EQ(part->labels[i], total <= 3300 ? 0 : total <= 6700 ? 1 : 2) << total;
    }
  }
}

TEST_F(TrafficTest, ValidationIsTheEndOfTrainAndLeavesMeanAndStdAlone) {
  put("traffic/trafficdata.csv", rows(100));
  DataOptions without = options(), with = options();
  without.validation_fraction = 0;
  with.validation_fraction = 0.25;
  with.seed = 99;
  const Dataset all = load_data("traffic", without).train;
  const DataSplits splits = load_data("traffic", with);
  EXPECT_EQ(splits.train.size(), 60);
  EXPECT_EQ(splits.validation.size(), 20);
  EXPECT_EQ(splits.train.preprocessing, all.preprocessing);
  EXPECT_EQ(splits.train.samples.data<float>()[0], all.samples.data<float>()[0]);
  EXPECT_EQ(splits.validation.samples.data<float>()[0], all.samples.data<float>()[7 * 60]);
}

TEST_F(TrafficTest, DamageIsNamed) {
  EXPECT_EQ(load_error("traffic", options()).kind(), ErrorKind::kNoInput);
  put("traffic/trafficdata.csv", rows(20) + "21,,1,2,3,4,5,6\r\n");
  EXPECT_THAT(load_error("traffic", options()).what(),
              HasSubstr("line 22 (row 21), column 'total_vehicle': found an empty cell"));
  put("traffic/trafficdata.csv", "_id,total_vehicle\n1,2\n");
  EXPECT_THAT(load_error("traffic", options()).what(), HasSubstr("no column 'am_peak_vehicle'"));
  put("traffic/trafficdata.csv", kHeader);
  EXPECT_THAT(load_error("traffic", options()).what(), HasSubstr("found 0 rows"));
}

std::vector<std::int64_t> counts(const Dataset& data) {
  std::vector<std::int64_t> result(3);
  for (const std::int32_t label : data.labels) ++result[static_cast<std::size_t>(label)];
  return result;
}

TEST(TrafficRealDataTest, TheSplitAndScalingAreThePublishedOnes) {
  const auto folder = real_data_folder("traffic");
  if (!folder) GTEST_SKIP() << "no traffic table: set OCTET_DATA_DIR";
  const DataSplits splits =
      load_data("traffic", {.data_dir = *folder, .seed = 7, .validation_fraction = 0});
  EXPECT_EQ(splits.train.size(), 5023);
  EXPECT_EQ(splits.test.size(), 1256);
  EXPECT_EQ(splits.validation.size(), 0);
  EXPECT_THAT(counts(splits.train), ElementsAre(1679, 1704, 1640));
  EXPECT_THAT(counts(splits.test), ElementsAre(393, 430, 433));

  // The thresholds 5921.48 and 13808.0 lie between the largest total below and the smallest above.
  float low_max = 0, high_min = 1e9f;
  for (const Dataset* part : {&splits.train, &splits.test}) {
    for (std::size_t i = 0; i < part->labels.size(); ++i) {
      const float total = part->samples.data<float>()[7 * i];
      if (part->labels[i] == 0) low_max = std::max(low_max, total);
      if (part->labels[i] == 2) high_min = std::min(high_min, total);
    }
  }
  EXPECT_LE(low_max, 5921);
  EXPECT_EQ(high_min, 13808);

  const std::vector<double> mean = {11315.0307, 1283.8178, 1454.9066, 2938.6492,
                                    2770.8035,  2825.8475, 2779.7304};
  const std::vector<double> std = {9774.6924, 971.8380,  1082.6357, 3783.3970,
                                   3605.9835, 3552.6518, 3709.7736};
  for (std::size_t i = 0; i < 7; ++i) {
    // Half a unit of the last printed digit and half a unit in the last place of a float.
    const auto tolerance = [](double value) { return 0.5e-4 + value * 0x1p-24; };
    EXPECT_NEAR(splits.train.preprocessing.mean[i], mean[i], tolerance(mean[i])) << i;
    EXPECT_NEAR(splits.train.preprocessing.std[i], std[i], tolerance(std[i])) << i;
  }
}

}  // namespace
}  // namespace octet
