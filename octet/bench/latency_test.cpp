#include "octet/bench/latency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/base/error.h"

namespace octet {
namespace {

/// Subjects that write their index into `calls`, each call a character.
std::vector<Subject> recording_subjects(int count, std::string& calls) {
  std::vector<Subject> subjects;
  for (int i = 0; i < count; ++i) {
    const char name = static_cast<char>('a' + i);
    subjects.push_back({std::string(1, name), [name, &calls] { calls += name; }});
  }
  return subjects;
}

/// One call per round and per calibration.
LatencyOptions one_call_per_round(int rounds) {
  return {.warmup = 0, .rounds = rounds, .min_round_ms = 0};
}

TEST(LatencyTest, RoundsInterleaveTheSubjectsInARotatingOrder) {
  std::string calls;
  measure_latency(recording_subjects(3, calls), one_call_per_round(10));
  EXPECT_EQ(calls.substr(0, 3), "abc") << "calibration";
  EXPECT_EQ(calls.substr(3, 15), "abcbcacababcbca");
  EXPECT_EQ(calls.size(), 3u + 3 * 10);
}

TEST(LatencyTest, WarmsUpEachSubjectBeforeTheFirstRound) {
  std::string calls;
  LatencyOptions options = one_call_per_round(10);
  options.warmup = 4;
  measure_latency(recording_subjects(2, calls), options);
  EXPECT_EQ(calls.substr(0, 12), "aaaaabbbbbab");
}

TEST(LatencyTest, ShortCallsAreRepeatedWithinARound) {
  std::int64_t repeats = 1;
  // More than one attempt: a busy machine may stop an empty call for longer than a round.
  for (int attempt = 0; attempt < 10 && repeats == 1; ++attempt) {
    std::int64_t calls = 0;
    const Subject subject{"short", [&calls] { ++calls; }};
    measure_latency(std::span(&subject, 1), {.warmup = 0, .rounds = 10, .min_round_ms = 0.1});
    // Calibration makes 1 + 2 + ... + r calls, the rounds 10 r.
    repeats = (calls + 1) / 12;
    EXPECT_EQ(calls, 12 * repeats - 1);
  }
  EXPECT_GT(repeats, 1);
}

TEST(LatencyTest, AtLeastTenRoundsAreMadeWhateverTheLimits) {
  std::string calls;
  LatencyOptions options = one_call_per_round(1000);
  options.max_seconds = 0;
  EXPECT_EQ(measure_latency(recording_subjects(1, calls), options)[0].rounds, 10);
  EXPECT_EQ(measure_latency(recording_subjects(1, calls), one_call_per_round(3))[0].rounds, 10);
}

TEST(LatencyTest, TheFiguresAreInOrderAndTheFirstSubjectIsItsOwnBaseline) {
  std::string calls;
  const std::vector<LatencyRecord> records =
      measure_latency(recording_subjects(2, calls), one_call_per_round(50));
  ASSERT_EQ(records.size(), 2u);
  for (const LatencyRecord& record : records) {
    EXPECT_EQ(record.rounds, 50);
    EXPECT_GT(record.p50_ms, 0);
    EXPECT_LE(record.p50_ms, record.p95_ms);
    EXPECT_LE(record.p95_ms, record.p99_ms);
    EXPECT_LE(record.ci95_ms[0], record.p50_ms);
    EXPECT_GE(record.ci95_ms[1], record.p50_ms);
    EXPECT_LE(record.speedup_ci95[0], record.speedup);
    EXPECT_GE(record.speedup_ci95[1], record.speedup);
  }
  EXPECT_EQ(records[0].speedup, 1);
  EXPECT_EQ(records[0].speedup_ci95[0], 1);
  EXPECT_EQ(records[0].speedup_ci95[1], 1);
}

TEST(LatencyTest, NonsenseIsRefused) {
  EXPECT_THROW(measure_latency({}, {.rounds = 0}), Error);
  EXPECT_THROW(measure_latency({}, {.warmup = -1}), Error);
  EXPECT_TRUE(measure_latency({}, {}).empty());
}

}  // namespace
}  // namespace octet
