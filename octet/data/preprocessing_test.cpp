#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "octet/data/dataset.h"
#include "octet/data/parts.h"
#include "octet/data/test_files.h"

namespace octet {
namespace {

TEST(PreprocessingTest, JsonKeepsEveryBitOfTheFloats) {
  Rng rng(11);
  for (int i = 0; i < 200; ++i) {
    const Preprocessing original{
        .divisor = std::exp(20 * rng.normal()),
        .mean = {rng.normal(), rng.uniform() * 1e-30f, -0.0f},
        .std = {std::nextafter(1.0f, 2.0f), std::numeric_limits<float>::denorm_min(),
                std::exp(rng.normal())}};
    EXPECT_EQ(preprocessing_from_json(to_json(original)), original) << to_json(original);
  }
}

TEST(PreprocessingTest, JsonIsWrittenWithTheFewestDigits) {
  const Preprocessing cifar{.divisor = 255, .mean = {0.4914f, 0.4822f}, .std = {0.247f, 0.2435f}};
  EXPECT_EQ(to_json(cifar), R"({"divisor":255.0,"mean":[0.4914,0.4822],"std":[0.247,0.2435]})");
}

TEST(PreprocessingTest, IntegersInJsonAreNumbersToo) {
  const Preprocessing read = preprocessing_from_json(R"({"divisor":255,"mean":[0],"std":[1]})");
  EXPECT_EQ(read, Preprocessing{});
}

TEST(PreprocessingTest, EveryDamageOfTheJsonIsBadData) {
  for (const char* text :
       {"", "{", "[]", "null", R"({"divisor":255,"mean":[0]})", R"({"mean":[0],"std":[1]})",
        R"({"divisor":0,"mean":[0],"std":[1]})", R"({"divisor":-1,"mean":[0],"std":[1]})",
        R"({"divisor":255,"mean":[0],"std":[0]})", R"({"divisor":255,"mean":[0],"std":[-1]})",
        R"({"divisor":255,"mean":[],"std":[]})", R"({"divisor":255,"mean":[0,1],"std":[1]})",
        R"({"divisor":255,"mean":["0"],"std":[1]})", R"({"divisor":255,"mean":0,"std":[1]})",
        R"({"divisor":1e999,"mean":[0],"std":[1]})", R"({"divisor":255,"mean":[NaN],"std":[1]})",
        R"({"divisor":255,"mean":[0],"std":[1],"norm":1})",
        R"({"divisor":255,"divisor":1,"mean":[0],"std":[1]})"}) {
    const Error error = error_of([&] { preprocessing_from_json(text); });
    EXPECT_EQ(error.kind(), ErrorKind::kBadData) << text;
    EXPECT_THAT(error.what(), testing::HasSubstr("accepted:")) << text;
  }
}

TEST(PreprocessingTest, HostileNestingEndsInAnErrorNotInACrash) {
  EXPECT_EQ(error_of([] { preprocessing_from_json(std::string(100000, '[')); }).kind(),
            ErrorKind::kBadData);
}

TEST(PreprocessingTest, MeasuredMeanAndStdAreThoseOfThePopulationPerChannel) {
  Dataset data = make_dataset("t", {2, 1, 2}, DType::kUInt8, 2, {"a", "b"});
  const std::vector<std::uint8_t> pixels = {0, 2, 7, 7, 4, 6, 7, 7};
  std::ranges::copy(pixels, data.samples.mutable_data<std::uint8_t>().begin());
  const Preprocessing measured = measure_preprocessing(data, 2.0f);
  EXPECT_EQ(measured.divisor, 2.0f);
  EXPECT_THAT(measured.mean, testing::ElementsAre(1.5f, 3.5f));
  // Values 0 1 2 3 of channel 0; channel 1 is constant.
  EXPECT_THAT(measured.std, testing::ElementsAre(std::sqrt(1.25f), 1.0f));
}

}  // namespace
}  // namespace octet
