#include "octet/bench/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "octet/cpu/thread_pool.h"

namespace octet {
namespace {

using ::testing::MatchesRegex;

TEST(EnvironmentTest, DescribesThisMachine) {
  const Environment e = describe_environment(Isa::kBaseline, 3);
  EXPECT_FALSE(e.cpu.empty());
  EXPECT_EQ(e.isa, "baseline");
  EXPECT_EQ(e.cores, available_cores());
  EXPECT_EQ(e.threads, 3);
  EXPECT_GT(e.clock_ghz, 0.1);
  EXPECT_LT(e.clock_ghz, 10.0);
  EXPECT_THAT(e.compiler, MatchesRegex("[A-Za-z]+ [0-9.]+, .*"));
  EXPECT_THAT(e.commit, MatchesRegex("[0-9a-f]+|unknown"));
  EXPECT_THAT(e.os, testing::HasSubstr("Linux"));
  EXPECT_THAT(e.date_utc, MatchesRegex("20..-..-..T..:..:..Z"));
}

TEST(EnvironmentTest, ThePeakOfMemoryGrowsWithWhatIsTouched) {
  const std::int64_t before = peak_rss_bytes();
  EXPECT_GT(before, 1 << 20);
  constexpr std::int64_t kBytes = 64 << 20;
  const std::vector<char> touched(kBytes, 1);
  EXPECT_GE(peak_rss_bytes(), before + kBytes / 2);
  EXPECT_EQ(touched[kBytes / 2], 1);
}

}  // namespace
}  // namespace octet
