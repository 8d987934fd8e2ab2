#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "octet/graph/graph.h"
#include "tests/cli/process.h"

namespace octet {

/// Whether the tested program can train.
inline constexpr bool kTrains = OCTET_TRAINS != 0;

/// "eval m.onnx --json" as its words.
std::vector<std::string> words(std::string_view command_line);

/// Runs the real program in a folder of its own, removed behind the test. File names on its command
/// line are relative to that folder; data sets are looked for in its subfolder "data".
class CliTest : public testing::Test {
 protected:
  CliTest();
  ~CliTest() override;

  /// Writes a file, making folders as need be.
  void put(const std::filesystem::path& name, std::string_view content) const;
  std::string get(const std::filesystem::path& name) const;
  bool exists(const std::filesystem::path& name) const;
  /// Every file below the folder with its content, to see what a command left behind.
  std::map<std::string, std::string> files() const;

  /// Starts `octet` with these words and does not wait.
  Process start(const std::vector<std::string>& arguments) const;
  ProcessResult octet(const std::vector<std::string>& arguments) const;
  ProcessResult octet(std::string_view command_line) const { return octet(words(command_line)); }

  /// The command succeeds and its stdout is exactly one JSON document without null, in which no
  /// figure is a string.
  nlohmann::json json_of(std::string_view command_line) const;

  /// The command ends with this exit code, says why on stderr (each of `fragments` is there),
  /// prints nothing on stdout and changes no file.
  void expect_fails(const std::vector<std::string>& arguments, int exit_code,
                    const std::vector<std::string>& fragments) const;
  void expect_fails(std::string_view command_line, int exit_code,
                    const std::vector<std::string>& fragments) const {
    expect_fails(words(command_line), exit_code, fragments);
  }
  void expect_works(std::string_view command_line) const;

  /// A freshly drawn traffic_net: 7 numbers in, 3 classes out, as the data set roads has them.
  void put_traffic_net(const std::filesystem::path& name, std::uint32_t seed = 1) const;
  void put_model(const std::filesystem::path& name, const Graph& graph) const;

  /// From here on runs a copy of the program in the test's folder, with nothing beside it.
  void install_program_alone();

  std::filesystem::path folder_;
  std::filesystem::path program_ = OCTET_PROGRAM;
};

/// One dense layer from `features` to `classes`; kDynamicDim or a fixed batch.
Graph dense_model(std::int64_t batch, int features, int classes);

/// No null, and no string that is a number (a commit is a name).
void expect_figures_are_numbers(const nlohmann::json& document);

}  // namespace octet
