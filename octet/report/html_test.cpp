#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "octet/base/error.h"
#include "octet/report/assets.h"
#include "octet/report/report.h"
#include "octet/report/sample_run.h"

namespace octet {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kHostile = "</script><script>alert(1)</script><!-- \"'&{{style}}";

RunRecord hostile_run() {
  RunRecord run = sample_run({sample_config("fp32_baseline", 4096, 2.5, 90.25),
                              sample_config(std::string(kHostile), 1024, 1.25, 90.0)});
  run.title = kHostile;
  run.configs[1].description = kHostile;
  run.configs[1].accuracy->per_class = {{std::string(kHostile), 50.0}};
  return run;
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}

std::string_view between(std::string_view text, std::string_view open, std::string_view close) {
  const std::size_t begin = text.find(open) + open.size();
  return text.substr(begin, text.find(close, begin) - begin);
}

std::string without_comments(std::string_view code) {
  std::string out;
  while (true) {
    const std::size_t open = code.find("/*!");
    out += code.substr(0, open);
    if (open == code.npos) return out;
    code.remove_prefix(code.find("*/", open) + 2);
  }
}

TEST(HtmlTest, NamesFromModelsCannotOpenOrCloseATag) {
  const std::string plain =
      to_html(sample_run({sample_config("a", 4096, 2.5, 90.25), sample_config("b", 1, 1, 90.0)}));
  const std::string page = to_html(hostile_run());
  EXPECT_EQ(count(page, "<script"), count(plain, "<script"));
  EXPECT_EQ(count(page, "</script"), count(plain, "</script"));
  EXPECT_EQ(count(page, "<!--"), count(plain, "<!--"));
  EXPECT_THAT(std::string(between(page, "<title>", "</title>")),
              "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;!-- &quot;&#39;&amp;"
              "{{style}}");
}

TEST(HtmlTest, TheDataInThePageIsTheResultsFile) {
  const RunRecord run = hostile_run();
  const std::string page = to_html(run);
  const std::string_view data =
      between(page, "<script type=\"application/json\" id=\"run\">", "</script>");
  EXPECT_EQ(nlohmann::json::parse(data), nlohmann::json::parse(to_json(run)));
  EXPECT_EQ(nlohmann::json::parse(data)["configs"][1]["name"], std::string(kHostile));
}

TEST(HtmlTest, NothingInThePageAsksTheNetwork) {
  const std::string page = to_html(hostile_run());
  std::string ours = page;
  const std::size_t library = ours.find(asset_chart_library());
  ASSERT_NE(library, std::string::npos) << "the chart library is not in the page";
  ours.erase(library, asset_chart_library().size());
  for (const char* request : {"://", "src=", "href=", "action=", "@import", "url(", "fetch(",
                              "XMLHttpRequest", "import(", "import "}) {
    EXPECT_THAT(ours, Not(HasSubstr(request)));
  }
  // The library's addresses are those of its licence comments.
  EXPECT_THAT(without_comments(asset_chart_library()), Not(HasSubstr("://")));
}

TEST(HtmlTest, NoSlotOfTheTemplateIsLeft) {
  const std::string page = to_html(
      sample_run({sample_config("a", 4096, 2.5, 90.25), sample_config("b", 1024, 1.25, 90.0)}));
  for (const char* slot : {"{{title}}", "{{style}}", "{{data}}", "{{charts}}", "{{script}}",
                           "{{text}}", "{{chart-library}}"}) {
    EXPECT_THAT(page, Not(HasSubstr(slot)));
  }
}

TEST(HtmlTest, ARunThatCannotBeDrawnIsRefused) {
  RunRecord run = hostile_run();
  run.configs[1].latency.clear();
  EXPECT_THROW(to_html(run), Error);
}

}  // namespace
}  // namespace octet
