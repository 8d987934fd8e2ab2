#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "octet/base/error.h"
#include "octet/base/rng.h"
#include "octet/report/compare.h"
#include "octet/report/report.h"
#include "octet/report/sample_run.h"
#include "octet/report/summary.h"

namespace octet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<bool> optimal(const RunRecord& run) {
  std::vector<bool> flags;
  for (const ParetoPoint& point : pareto_frontier(run)) flags.push_back(point.optimal);
  return flags;
}

/// Up to 12 configurations on a coarse grid with wide intervals: ties in every combination.
RunRecord random_run(Rng& rng) {
  std::vector<ConfigRecord> configs;
  const std::uint32_t count = 1 + rng.below(12);
  for (std::uint32_t i = 0; i < count; ++i) {
    const double p50 = 1.0 + 0.1 * rng.below(20);
    const double half = 0.15 * rng.uniform();
    configs.push_back(sample_config("c" + std::to_string(i), 1000 + 100 * rng.below(6), p50,
                                    80 + 0.25 * rng.below(40)));
    configs.back().latency[0].ci95_ms = {p50 - half, p50 + half};
    if (i > 0 && rng.below(2) == 0) configs.back().accuracy->mcnemar_p = rng.uniform();
    if (i > 0 && rng.below(2) == 0) configs.back().accuracy->agreement = rng.uniform(97, 100);
  }
  return sample_run(std::move(configs));
}

bool strictly_better(const Figures& a, const Figures& b) {
  return compare_size(a, b) == Order::kBetter && compare_latency(a, b) == Order::kBetter &&
         compare_accuracy(a, b) == Order::kBetter;
}

TEST(ParetoTest, KeepsTradesAndDropsWhatIsWorseInEverything) {
  const RunRecord run =
      sample_run({sample_config("accurate", 4000, 4.0, 90), sample_config("small", 1000, 2.0, 80),
                  sample_config("fast", 2000, 1.0, 80), sample_config("bad", 5000, 5.0, 70)});
  EXPECT_THAT(optimal(run), ElementsAre(true, true, true, false));
}

TEST(ParetoTest, EqualPointsBothStay) {
  const RunRecord run =
      sample_run({sample_config("a", 1000, 1.0, 90), sample_config("b", 1000, 1.0, 90)});
  EXPECT_THAT(optimal(run), ElementsAre(true, true));
  EXPECT_THAT(pareto_frontier(run)[0].ties, ElementsAre("b"));
}

TEST(ParetoTest, PointsThatShareANameStillDominateEachOther) {
  const RunRecord run =
      sample_run({sample_config("same", 1000, 1.0, 90), sample_config("same", 2000, 2.0, 70)});
  EXPECT_THAT(optimal(run), ElementsAre(true, false));
}

TEST(ParetoTest, ADifferenceWithinNoiseDoesNotDominate) {
  // b is 1 % slower and 0.3 pp worse, both within noise, and as large.
  const RunRecord run =
      sample_run({sample_config("a", 1000, 1.00, 90.0), sample_config("b", 1000, 1.01, 89.7)});
  EXPECT_THAT(optimal(run), ElementsAre(true, true));
}

TEST(ParetoTest, ATieInNoiseCountsAsNotWorse) {
  // b is 1 % faster within noise, but larger: a is as good as b and smaller.
  const RunRecord run =
      sample_run({sample_config("a", 1000, 1.01, 90.0), sample_config("b", 2000, 1.00, 90.0)});
  EXPECT_THAT(optimal(run), ElementsAre(true, false));
}

TEST(ParetoTest, WhatIsItselfDominatedPushesNobodyOff) {
  // smaller ~ accurate in accuracy and ~ fast in accuracy, but accurate beats fast.
  const RunRecord run = sample_run(
      {sample_config("baseline", 9000, 9.0, 95.0), sample_config("accurate", 3000, 2.0, 90.0),
       sample_config("smaller", 2000, 2.0, 89.4), sample_config("fast", 2000, 1.0, 88.8)});
  // fast drops smaller; accurate is better than fast and so stays although smaller was level.
  EXPECT_THAT(optimal(run), ElementsAre(true, true, false, true));
}

TEST(ParetoTest, RandomRunsKeepTheProperties) {
  Rng rng(2024);
  for (int trial = 0; trial < 2000; ++trial) {
    SCOPED_TRACE(trial);
    const RunRecord run = random_run(rng);
    const std::vector<Figures> figures = require_figures(run);
    const std::vector<bool> kept = optimal(run);

    EXPECT_THAT(kept, testing::Contains(true)) << "never empty";
    RunRecord frontier = run;
    frontier.configs.clear();
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (kept[i]) frontier.configs.push_back(run.configs[i]);
      bool best_in_size = true, strictly_dominated = false;
      for (std::size_t j = 0; j < kept.size(); ++j) {
        if (j == i) continue;
        best_in_size &= compare_size(figures[i], figures[j]) == Order::kBetter;
        strictly_dominated |= strictly_better(figures[j], figures[i]);
      }
      if (best_in_size) {
        EXPECT_TRUE(kept[i]) << "unique extremum";
      }
      if (strictly_dominated) {
        EXPECT_FALSE(kept[i]) << "strictly dominated";
      }
    }
    if (kept[0]) {  // the baseline gives the paired tests their meaning
      EXPECT_THAT(optimal(frontier), testing::Each(true)) << "idempotent";
    }
  }
}

TEST(ParetoTest, AddingADominatedPointChangesNothing) {
  Rng rng(7);
  for (int trial = 0; trial < 500; ++trial) {
    RunRecord run = random_run(rng);
    const std::vector<bool> before = optimal(run);
    run.configs.push_back(sample_config("bad", 100000, 100.0, 10));
    std::vector<bool> expected = before;
    expected.push_back(false);
    EXPECT_EQ(optimal(run), expected) << "trial " << trial;
  }
}

struct Damage {
  const char* what;
  std::function<void(ConfigRecord&)> apply;
};

TEST(ParetoTest, AMissingOrBrokenFigureIsRefusedByName) {
  static constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const Damage damages[] = {
      {"file_bytes", [](ConfigRecord& c) { c.file_bytes.reset(); }},
      {"file_bytes", [](ConfigRecord& c) { c.file_bytes = 0; }},
      {"p50_ms", [](ConfigRecord& c) { c.latency.clear(); }},
      {"p50_ms", [](ConfigRecord& c) { c.latency[0].batch = 8; }},
      {"p50_ms", [](ConfigRecord& c) { c.latency[0].p50_ms = kNan; }},
      {"p50_ms", [](ConfigRecord& c) { c.latency[0].p50_ms = 0; }},
      {"ci95_ms", [](ConfigRecord& c) { c.latency[0].ci95_ms = {}; }},
      {"ci95_ms",
       [](ConfigRecord& c) {
         c.latency[0].ci95_ms = {2, 1};
       }},
      {"ci95_ms", [](ConfigRecord& c) { c.latency[0].ci95_ms[1] = INFINITY; }},
      {"top1", [](ConfigRecord& c) { c.accuracy.reset(); }},
      {"top1", [](ConfigRecord& c) { c.accuracy->top1 = kNan; }},
      {"top1", [](ConfigRecord& c) { c.accuracy->top1 = 101; }},
      {"samples", [](ConfigRecord& c) { c.accuracy->samples = 0; }},
      {"mcnemar_p", [](ConfigRecord& c) { c.accuracy->mcnemar_p = kNan; }},
      {"agreement", [](ConfigRecord& c) { c.accuracy->agreement = 101; }},
  };
  for (const Damage& damage : damages) {
    RunRecord run =
        sample_run({sample_config("fine", 1000, 1, 90), sample_config("broken one", 1000, 1, 90)});
    damage.apply(run.configs[1]);
    try {
      pareto_frontier(run);
      ADD_FAILURE() << damage.what << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadData);
      EXPECT_THAT(error.what(), HasSubstr("'broken one'"));
      EXPECT_THAT(error.what(), HasSubstr(damage.what));
    }
  }
  EXPECT_THROW(pareto_frontier(sample_run({})), Error);
}

TEST(PicksTest, AmongEqualSizesTheMoreAccurateIsTheSmallest) {
  const RunRecord run =
      sample_run({sample_config("float", 4000, 4.0, 90.0), sample_config("gptq", 1000, 1.00, 88.0),
                  sample_config("adaround", 1000, 1.01, 88.3)});
  EXPECT_EQ(picks(run)[0].name, "adaround");
}

TEST(PicksTest, NameTheBestAndWhoIsLevelWithIt) {
  const RunRecord run = sample_run({sample_config("float", 4000, 4.0, 90.0),
                                    sample_config("static", 1000, 1.00, 88.0),
                                    sample_config("qat", 1000, 1.01, 88.3)});
  const std::vector<Pick> best = picks(run);
  ASSERT_EQ(best.size(), 3u);
  EXPECT_EQ(best[0].what, "smallest");
  EXPECT_EQ(best[0].name, "qat");
  EXPECT_THAT(best[0].ties, ElementsAre("static"));
  EXPECT_EQ(best[1].name, "float");
  EXPECT_EQ(best[1].figure, "90.00 %");
  EXPECT_THAT(best[1].ties, IsEmpty());
  EXPECT_EQ(best[2].name, "static");
  EXPECT_THAT(best[2].ties, ElementsAre("qat"));
}

}  // namespace
}  // namespace octet
