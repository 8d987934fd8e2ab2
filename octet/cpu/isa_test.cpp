#include "octet/cpu/isa.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/base/error.h"

namespace octet {
namespace {

TEST(Isa, AutoIsWhatTheHostOffers) { EXPECT_EQ(parse_isa("auto"), host_isa()); }

TEST(Isa, BaselineRunsEverywhereAndComesFirst) {
  EXPECT_EQ(parse_isa("baseline"), Isa::kBaseline);
  ASSERT_FALSE(testable_isas().empty());
  EXPECT_EQ(testable_isas().front(), Isa::kBaseline);
}

TEST(Isa, TestableLevelsGrowUpToTheHost) {
  const std::vector<Isa> isas = testable_isas();
  for (std::size_t i = 1; i < isas.size(); ++i) {
    EXPECT_TRUE(contains(isas[i], isas[i - 1]));
    EXPECT_NE(isas[i], isas[i - 1]);
  }
  EXPECT_EQ(isas.back(), host_isa());
}

TEST(Isa, EveryTestableLevelParsesFromItsOwnName) {
  for (const Isa isa : testable_isas()) EXPECT_EQ(parse_isa(to_string(isa)), isa);
}

TEST(Isa, EveryNameParsesOrIsRefusedAsUnsupported) {
  for (const char* name : {"avx2", "avx512", "avx512vnni", "neon"}) {
    try {
      EXPECT_EQ(to_string(parse_isa(name)), name);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUnsupported) << name;
      EXPECT_THAT(error.what(), testing::HasSubstr(name));
    }
  }
}

TEST(Isa, NeonIsUnsupportedAndTheMessageNamesWhatIsAccepted) {
  try {
    parse_isa("neon");
    FAIL() << "accepted neon";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUnsupported);
    EXPECT_THAT(error.what(), testing::HasSubstr("baseline"));
  }
}

TEST(Isa, AnUnknownNameIsAUsageErrorThatSuggestsTheNearest) {
  try {
    parse_isa("avx21");
    FAIL() << "accepted avx21";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    EXPECT_THAT(error.what(), testing::HasSubstr("'avx2'"));
  }
  EXPECT_THROW(parse_isa(""), Error);
  EXPECT_THROW(parse_isa("AVX2"), Error);
}

TEST(Isa, NamesAreThoseOfTheStrongestLevel) {
  EXPECT_EQ(to_string(Isa::kBaseline), "baseline");
  EXPECT_EQ(to_string(Isa::kAvx2), "avx2");
  EXPECT_EQ(to_string(Isa::kAvx2 | Isa::kAvx512), "avx512");
  EXPECT_EQ(to_string(Isa::kAvx2 | Isa::kAvx512 | Isa::kAvx512Vnni), "avx512vnni");
}

}  // namespace
}  // namespace octet
