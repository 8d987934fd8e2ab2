#include "tests/cli/cli_test.h"

#include <unistd.h>

#include <charconv>
#include <fstream>
#include <sstream>

#include "octet/onnx/onnx.h"
#include "octet/zoo/zoo.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

std::string joined(const std::vector<std::string>& arguments) {
  std::string line = "octet";
  for (const std::string& argument : arguments) line += " " + argument;
  return line;
}

bool is_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// What no run may ever show, whatever its exit code.
void expect_sane(const ProcessResult& result) {
  EXPECT_GE(result.exit_code, 0) << "ended by a signal\n" << result.err;
  for (const char* trace : {"Sanitizer", "runtime error:", "internal error", "terminate called"}) {
    EXPECT_EQ(result.err.find(trace), std::string::npos) << result.err;
  }
  EXPECT_EQ(result.err.find('\033'), std::string::npos) << "escape sequence, but not a terminal";
}

}  // namespace

std::vector<std::string> words(std::string_view command_line) {
  std::istringstream stream{std::string(command_line)};
  std::vector<std::string> result;
  for (std::string word; stream >> word;) result.push_back(word);
  return result;
}

CliTest::CliTest() {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  std::string name = std::string("octet_cli_") + info->test_suite_name() + "_" + info->name();
  std::ranges::replace(name, '/', '_');
  folder_ = fs::temp_directory_path() / (name + "_" + std::to_string(::getpid()));
  fs::create_directories(folder_);
}

CliTest::~CliTest() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void CliTest::put(const fs::path& name, std::string_view content) const {
  fs::create_directories((folder_ / name).parent_path());
  std::ofstream(folder_ / name, std::ios::binary) << content;
}

std::string CliTest::get(const fs::path& name) const {
  std::ifstream file(folder_ / name, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << name << " is not there";
  std::ostringstream whole;  // In blocks: a copy of the program has a hundred million bytes.
  whole << file.rdbuf();
  return std::move(whole).str();
}

bool CliTest::exists(const fs::path& name) const { return fs::exists(folder_ / name); }

std::map<std::string, std::string> CliTest::files() const {
  std::map<std::string, std::string> result;
  for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
    const fs::path name = fs::relative(entry.path(), folder_);
    result[name.string()] = entry.is_regular_file() ? get(name) : "(no file)";
  }
  return result;
}

Process CliTest::start(const std::vector<std::string>& arguments) const {
  std::vector<std::string> command{program_.string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return {command,
          {.folder = folder_, .environment = {"OCTET_DATA_DIR=" + (folder_ / "data").string()}}};
}

ProcessResult CliTest::octet(const std::vector<std::string>& arguments) const {
  SCOPED_TRACE(joined(arguments));
  ProcessResult result = start(arguments).wait();
  expect_sane(result);
  return result;
}

nlohmann::json CliTest::json_of(std::string_view command_line) const {
  SCOPED_TRACE(command_line);
  const ProcessResult result = octet(command_line);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  nlohmann::json document = nlohmann::json::parse(result.out, nullptr, false);
  EXPECT_FALSE(document.is_discarded()) << "not one JSON document:\n" << result.out;
  expect_figures_are_numbers(document);
  return document;
}

void CliTest::expect_fails(const std::vector<std::string>& arguments, int exit_code,
                           const std::vector<std::string>& fragments) const {
  SCOPED_TRACE(joined(arguments));
  const auto before = files();
  const ProcessResult result = octet(arguments);
  EXPECT_EQ(result.exit_code, exit_code) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(result.err.starts_with("octet: ")) << result.err;
  // Usage errors add where help is; everything else is said in one line.
  const auto lines = std::ranges::count(result.err, '\n');
  EXPECT_LE(lines, exit_code == 64 ? 3 : 1) << result.err;
  EXPECT_LE(result.err.size(), 1000u) << result.err;
  for (const std::string& fragment : fragments) {
    EXPECT_NE(result.err.find(fragment), std::string::npos)
        << "'" << fragment << "' is not in: " << result.err;
  }
  EXPECT_TRUE(files() == before) << "the failed command left or changed files";
}

void CliTest::expect_works(std::string_view command_line) const {
  const ProcessResult result = octet(command_line);
  EXPECT_EQ(result.exit_code, 0) << command_line << "\n" << result.err;
}

void CliTest::install_program_alone() {
  program_ = folder_ / "octet";
  fs::copy_file(OCTET_PROGRAM, program_);
}

void CliTest::put_traffic_net(const fs::path& name, std::uint32_t seed) const {
  put_model(name, build_model("traffic_net", {.seed = seed}));
}

void CliTest::put_model(const fs::path& name, const Graph& graph) const {
  const std::vector<std::byte> bytes = to_onnx(graph);
  put(name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Graph dense_model(std::int64_t batch, int features, int classes) {
  Graph graph;
  const ValueId input = graph.add_input("input", DType::kFloat32, {batch, features});
  Tensor weight(DType::kFloat32, {classes, features});
  float next = -0.5f;
  for (float& x : weight.mutable_data<float>()) x = (next += 0.0625f);
  const ValueId logits =
      graph.add("dense", Gemm{}, {input, graph.add_constant("weight", std::move(weight))});
  graph.add_output(logits);
  infer_shapes(graph);
  return graph;
}

void expect_figures_are_numbers(const nlohmann::json& document) {
  if (document.is_structured()) {
    for (const auto& item : document.items()) {
      // A name, although one hash in three hundred consists of digits alone.
      if (document.is_object() && item.key() == "commit") continue;
      SCOPED_TRACE(item.key());
      expect_figures_are_numbers(item.value());
    }
    return;
  }
  EXPECT_FALSE(document.is_null()) << "a figure that was not measured must be absent";
  if (document.is_string()) {
    EXPECT_FALSE(is_number(document.get<std::string>())) << document << " is a string";
  }
}

}  // namespace octet
