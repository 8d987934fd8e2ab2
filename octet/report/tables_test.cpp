#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/report/report.h"
#include "octet/report/sample_run.h"
#include "octet/report/summary.h"

namespace octet {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RunRecord two_configs() {
  RunRecord run = sample_run({sample_config("fp32_baseline", 4096, 2.5, 90.25),
                              sample_config("static_int8", 1024, 1.25, 90.0)});
  run.configs[1].latency[0].speedup = 2.0;
  run.configs[1].accuracy->top1_drop_pp = 0.25;
  run.configs[1].peak_rss_bytes = 3 << 20;
  return run;
}

TEST(MarkdownTest, HasTheConventionalColumnsAndFigures) {
  const std::string text = to_markdown(two_configs());
  EXPECT_THAT(text, HasSubstr("| config | size_kb | size_ratio | p50_lat_ms_b1 | latency_speedup | "
                              "top1_acc | acc_drop_pp | mem_peak_mb | pareto_optimal |"));
  EXPECT_THAT(text, HasSubstr("| fp32_baseline | 4.0 | 1.000 | 2.500 | 1.00 | 90.25 | n/a | n/a | "
                              "no |"));
  EXPECT_THAT(text, HasSubstr("| static_int8 | 1.0 | 0.250 | 1.250 | 2.00 | 90.00 | 0.25 | 3.0 | "
                              "yes |"));
  EXPECT_THAT(text, HasSubstr("- smallest: static_int8 (1.0 KB)\n"));
  EXPECT_THAT(text, HasSubstr("Some CPU"));
}

TEST(MarkdownTest, ANameCannotBreakTheTableOrOpenATag) {
  RunRecord run = two_configs();
  run.configs[1].name = "a|b\n<script>";
  const std::string text = to_markdown(run);
  EXPECT_THAT(text, HasSubstr("| a\\|b &lt;script> |"));
  EXPECT_THAT(text, Not(HasSubstr("<script>")));
}

TEST(MarkdownTest, ABatchSizeThatOneConfigurationLacksIsNotZero) {
  RunRecord run = two_configs();
  run.configs[1].latency.push_back(run.configs[1].latency[0]);
  run.configs[1].latency[1].batch = 32;
  EXPECT_THAT(to_markdown(run), HasSubstr("| fp32_baseline | 2.500 [2.475, 2.525] | n/a |"));
}

TEST(TextTest, AlignsColumnsAndMarksTheFrontier) {
  const std::string text = to_text(two_configs());
  EXPECT_EQ(text.substr(0, text.find("\n\n")),
            "config         size KB  ratio  p50 ms  95 % interval  speedup  top-1 %  drop pp  "
            "frontier\n"
            "----------------------------------------------------------------------------------"
            "-------\n"
            "fp32_baseline      4.0  1.000   2.500   2.475..2.525    1.00x    90.25        -\n"
            "static_int8        1.0  0.250   1.250   1.238..1.262    2.00x    90.00     0.25"
            "         *");
}

TEST(TextTest, AMicrosecondKeepsFourDigits) {
  EXPECT_EQ(milliseconds(0.00031214), "0.0003121");
  EXPECT_EQ(milliseconds(2.5), "2.500");
  EXPECT_EQ(milliseconds(12345.6), "12346");
}

TEST(TextTest, ControlCharactersInNamesDoNotReachTheTerminal) {
  RunRecord run = two_configs();
  run.configs[1].name = "\x1b[2J";
  EXPECT_THAT(to_text(run), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace octet
