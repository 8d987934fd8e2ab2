#include "octet/quant/quant_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "octet/base/error.h"

namespace octet {
namespace {

using ::testing::HasSubstr;

std::string parse_error(std::string_view name) {
  try {
    parse_config(name);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    return error.what();
  }
  return "";
}

TEST(ParseConfig, EveryNamedConfigurationParsesUnderItsOwnName) {
  for (const std::string& name : config_names()) EXPECT_EQ(parse_config(name).name, name);
}

TEST(ParseConfig, NamedConfigurationsSayWhatTheirNamesSay) {
  EXPECT_EQ(parse_config("fp32_baseline").scheme, Scheme::kFloat);
  EXPECT_EQ(parse_config("dynamic_int8").scheme, Scheme::kDynamic);
  EXPECT_EQ(parse_config("static_int8_per_tensor").scheme, Scheme::kStatic);
  EXPECT_FALSE(parse_config("static_int8_per_tensor").per_channel);
  EXPECT_EQ(parse_config("static_int8_per_channel").scheme, Scheme::kStatic);
  EXPECT_TRUE(parse_config("static_int8_per_channel").per_channel);
  EXPECT_EQ(parse_config("qat_int8").scheme, Scheme::kQat);
  EXPECT_TRUE(parse_config("qat_int8").per_channel);
  for (const char* name : {"dynamic_int8", "static_int8_per_channel", "qat_int8"}) {
    EXPECT_EQ(parse_config(name).weight_bits, 8) << name;
    EXPECT_EQ(parse_config(name).activation_bits, 8) << name;
    EXPECT_FALSE(parse_config(name).torch_compat) << name;
  }
}

TEST(ParseConfig, BitWidthsCoverTheWholeGridAndNothingElse) {
  for (int weight = 1; weight <= 9; ++weight) {
    for (int activation = 3; activation <= 9; ++activation) {
      for (const char* suffix : {"", "_per_tensor"}) {
        const std::string name =
            "static_w" + std::to_string(weight) + "a" + std::to_string(activation) + suffix;
        if (weight < 2 || weight > 8 || activation < 4 || activation > 8) {
          EXPECT_NE(parse_error(name), "") << name;
          continue;
        }
        const QuantSpec spec = parse_config(name);
        EXPECT_EQ(spec.scheme, Scheme::kStatic);
        EXPECT_EQ(spec.weight_bits, weight);
        EXPECT_EQ(spec.activation_bits, activation);
        EXPECT_EQ(spec.per_channel, *suffix == '\0');
      }
    }
  }
}

TEST(ParseConfig, WeightOnlyConfigurationsHaveTheirBitsAndBlocksAndNoOthers) {
  for (const int bits : {2, 3, 4, 8}) {
    for (const int block : {0, 32, 128}) {
      const std::string name =
          "weight_only_w" + std::to_string(bits) + (block > 0 ? "_g" + std::to_string(block) : "");
      const QuantSpec spec = parse_config(name);
      EXPECT_EQ(spec.name, name);
      EXPECT_EQ(spec.scheme, Scheme::kWeightOnly);
      EXPECT_EQ(spec.weight_bits, bits);
      EXPECT_EQ(spec.block_size, block);
      EXPECT_TRUE(spec.per_channel);
    }
  }
  EXPECT_THAT(parse_error("weight_only_w5"), HasSubstr("did you mean 'weight_only_w"));
  EXPECT_THAT(parse_error("weight_only_w4_g64"), HasSubstr("weight_only_w{2,3,4,8}[_g32|_g128]"));
}

TEST(ParseConfig, AMisspellingNamesTheNearestConfiguration) {
  EXPECT_THAT(parse_error("static_int8_per_chanel"), HasSubstr("'static_int8_per_channel'?"));
  EXPECT_THAT(parse_error("static_w4a9"), HasSubstr("did you mean 'static_w4a"));
  EXPECT_THAT(parse_error("static_w4a8_per_tenser"), HasSubstr("'static_w4a8_per_tensor'?"));
  EXPECT_THAT(parse_error("q"), HasSubstr("accepted: fp32_baseline, dynamic_int8"));
  EXPECT_THAT(parse_error(""), HasSubstr("static_w{2..8}a{4..8}[_per_tensor]"));
  EXPECT_NE(parse_error("static_w04a8"), "");
  EXPECT_NE(parse_error("static_w8a8 "), "");
  EXPECT_NE(parse_error("static_w8a8_per_channel"), "");
}

TEST(Describe, SaysBitsGranularityAndCalibration) {
  EXPECT_EQ(describe(parse_config("static_int8_per_channel")),
            "8-bit weights per channel, 8-bit activations, min-max");
  EXPECT_EQ(describe(parse_config("static_w4a6_per_tensor")),
            "4-bit weights per tensor, 6-bit activations, min-max");
  EXPECT_EQ(describe(parse_config("fp32_baseline")), "float32");
  QuantSpec reduced;
  reduced.reduce_range = true;
  EXPECT_THAT(describe(reduced), HasSubstr("7-bit weights"));
}

TEST(Describe, WeightOnlySaysThatActivationsAreFloat) {
  EXPECT_EQ(describe(parse_config("weight_only_w8")),
            "8-bit weights per channel, activations float32");
  EXPECT_EQ(describe(parse_config("weight_only_w4_g32")),
            "4-bit weights per channel, of linear layers per block of 32, activations float32");
}

TEST(Describe, DistinguishesAllNamedConfigurations) {
  std::set<std::string> descriptions;
  for (const std::string& name : config_names()) descriptions.insert(describe(parse_config(name)));
  EXPECT_EQ(descriptions.size(), config_names().size());
}

}  // namespace
}  // namespace octet
