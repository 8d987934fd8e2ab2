#include "octet/base/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/base/error.h"

namespace octet {
namespace {

const std::vector<std::string> kModels = {"traffic_net", "mnist_mlp", "small_cnn"};

TEST(NamesTest, AMisspellingFindsItsName) {
  EXPECT_EQ(nearest_name("smal_cnn", kModels), "small_cnn");
  EXPECT_EQ(nearest_name("minst_mlp", kModels), "mnist_mlp");
  EXPECT_EQ(nearest_name("something_else", kModels), std::nullopt);
}

TEST(NamesTest, TheErrorNamesWhatWasFoundAndWhatIsAccepted) {
  try {
    fail_unknown_name("model", "smal_cnn", kModels);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 64);
    EXPECT_THAT(error.what(), testing::HasSubstr("did you mean 'small_cnn'?"));
    EXPECT_THAT(error.what(), testing::HasSubstr("traffic_net, mnist_mlp, small_cnn"));
  }
}

}  // namespace
}  // namespace octet
