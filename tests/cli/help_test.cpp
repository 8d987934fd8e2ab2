#include <sstream>

#include "tests/cli/cli_test.h"

namespace octet {
namespace {

const char* const kCommands[] = {"pipeline", "train",     "quantize",   "qat",        "eval",
                                 "bench",    "run",       "info",       "report",     "compare",
                                 "data",     "data list", "data check", "data fetch", "operators"};

/// The command lines below "Example:", a continued one joined.
std::string example_of(const std::string& help) {
  const std::size_t at = help.find("Example:\n");
  if (at == std::string::npos) return "";
  std::string text = help.substr(at + 9);
  for (std::size_t end; (end = text.find("\\\n")) != std::string::npos;) text.erase(end, 2);
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find('\n') - first);
}

class HelpTest : public CliTest, public testing::WithParamInterface<const char*> {};

TEST_P(HelpTest, ShowsAnExampleThatTheCommandAccepts) {
  std::vector<std::string> arguments = words(GetParam());
  arguments.emplace_back("--help");
  const ProcessResult help = octet(arguments);
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_EQ(help.err, "");
  const std::string example = example_of(help.out);
  ASSERT_TRUE(example.starts_with(std::string("octet ") + GetParam())) << help.out;

  // No file of the example exists here, so it ends early; with the built-in data it would not.
  std::vector<std::string> example_words = words(example);
  example_words.erase(example_words.begin());
  std::ranges::replace(example_words, "shapes10", "cifar10");
  const ProcessResult result = octet(example_words);
  EXPECT_NE(result.exit_code, 64) << example << "\n" << result.err;
}

std::string test_name(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::ranges::replace(name, ' ', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(EveryCommand, HelpTest, testing::ValuesIn(kCommands), test_name);

TEST_F(CliTest, HelpListsEveryCommandAndNoHiddenOne) {
  const ProcessResult help = octet("--help");
  EXPECT_EQ(help.exit_code, 0);
  for (const char* command : kCommands) {
    if (words(command).size() > 1) continue;
    EXPECT_NE(help.out.find("\n  " + std::string(command) + " "), std::string::npos) << command;
  }
  EXPECT_EQ(help.out.find("measure-memory"), std::string::npos);
  EXPECT_NE(example_of(help.out), "");
}

TEST_F(CliTest, VersionIsOneLine) {
  const ProcessResult version = octet("--version");
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_EQ(version.err, "");
  EXPECT_TRUE(version.out.starts_with("octet ")) << version.out;
  EXPECT_EQ(std::ranges::count(version.out, '\n'), 1);
}

}  // namespace
}  // namespace octet
