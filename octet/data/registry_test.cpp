#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/data/sources.h"
#include "octet/data/test_files.h"

namespace octet {
namespace {

using testing::HasSubstr;

class RegistryTest : public DataFilesTest {};

TEST_F(RegistryTest, AMisspeltNameGetsTheNearestRightOne) {
  const Error error = load_error("cifar-10", options());
  EXPECT_EQ(error.kind(), ErrorKind::kUsage);
  EXPECT_THAT(error.what(), HasSubstr("did you mean 'cifar10'?"));
  EXPECT_EQ(load_error("", options()).kind(), ErrorKind::kUsage);
  EXPECT_EQ(load_error("roads:big", options()).kind(), ErrorKind::kUsage);
}

TEST_F(RegistryTest, TheListKnowsWhatIsThereAndHowToGetTheRest) {
  const std::vector<DataStatus> list = list_data(options());
  ASSERT_EQ(list.size(), dataset_names().size());
  for (const DataStatus& status : list) {
    EXPECT_FALSE(status.how_to_get.empty()) << status.name;
    EXPECT_EQ(status.present, status.name == "shapes10" || status.name == "roads") << status.name;
  }
  EXPECT_THAT(list[2].detail, HasSubstr("data_batch_1.bin does not exist"));
}

TEST_F(RegistryTest, ACheckCountsSamplesOrSaysWhatIsDamaged) {
  const DataStatus roads = check_data("roads", options());
  EXPECT_TRUE(roads.present);
  EXPECT_THAT(roads.detail, HasSubstr("4000 train, 500 validation, 1000 test"));
  const DataStatus cifar = check_data("cifar10", options());
  EXPECT_FALSE(cifar.present);
  EXPECT_THAT(cifar.detail, HasSubstr("does not exist"));
  EXPECT_EQ(error_of([&] { check_data("road", options()); }).kind(), ErrorKind::kUsage);
}

TEST(SourceArgumentTest, OptionsFollowTheLastQuestionMark) {
  const std::vector<std::string> accepted = {"label", "features"};
  const SourceArgument parsed = parse_argument("csv", "a?b.csv?label=x&features=p,q", accepted);
  EXPECT_EQ(parsed.path, "a?b.csv");
  EXPECT_EQ(parsed.options.at("label"), "x");
  EXPECT_EQ(parsed.options.at("features"), "p,q");
  EXPECT_TRUE(parse_argument("csv", "f.csv", accepted).options.empty());
  for (const char* text :
       {"", "?label=x", "f?labl=x", "f?label", "f?label=", "f?label=a&label=b"}) {
    EXPECT_EQ(error_of([&] { parse_argument("csv", text, accepted); }).kind(), ErrorKind::kUsage)
        << text;
  }
}

}  // namespace
}  // namespace octet
