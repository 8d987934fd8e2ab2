#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "octet/base/error.h"
#include "octet/cli/commands.h"
#include "octet/cli/json_output.h"
#include "octet/cli/measure.h"
#include "octet/cli/models.h"
#include "octet/cli/option_checks.h"
#include "octet/onnx/onnx.h"
#include "octet/report/report.h"

namespace octet::cli {
namespace {

struct CompareRequest {
  std::string a, b, data = "", split = "test";
  std::optional<double> max_drop, min_speedup, max_size;
  int rounds = 100;
};

/// What changes from A to B.
struct Difference {
  std::string name;
  std::optional<double> drop_pp, speedup, size_ratio;
};

const ConfigRecord& find_config(const RunRecord& run, const std::string& name) {
  for (const ConfigRecord& config : run.configs) {
    if (config.name == name) return config;
  }
  fail(ErrorKind::kBadData, "compare: the run has no configuration '", name, "'");
}

std::optional<double> p50_at_batch_1(const ConfigRecord& config) {
  const auto found = std::ranges::find(config.latency, 1, &LatencyRecord::batch);
  return found == config.latency.end() ? std::nullopt : std::optional(found->p50_ms);
}

std::vector<Difference> compare_runs(const CompareRequest& request) {
  const RunRecord a = read_results(std::filesystem::path(request.a) / "results.json");
  const RunRecord b = read_results(std::filesystem::path(request.b) / "results.json");
  std::vector<Difference> differences;
  for (const ConfigRecord& to : b.configs) {
    const ConfigRecord& from = find_config(a, to.name);
    Difference difference{to.name, {}, {}, {}};
    if (from.accuracy && to.accuracy) difference.drop_pp = from.accuracy->top1 - to.accuracy->top1;
    const auto before = p50_at_batch_1(from), after = p50_at_batch_1(to);
    if (before && after) difference.speedup = *before / *after;
    if (from.file_bytes && to.file_bytes) {
      difference.size_ratio =
          static_cast<double>(*to.file_bytes) / static_cast<double>(*from.file_bytes);
    }
    differences.push_back(difference);
  }
  return differences;
}

std::vector<Difference> compare_models(const CompareRequest& request, const GlobalOptions& global) {
  if (request.max_drop && request.data.empty()) {
    fail(ErrorKind::kUsage, "--max-drop: the accuracy of two models needs --data");
  }
  Difference difference{request.b, {}, {}, {}};
  BenchRequest bench;
  bench.files = {request.a, request.b};
  bench.batches = {1};
  bench.latency.rounds = request.rounds;
  bench.memory = false;
  const std::vector<ConfigRecord> records = bench_models(bench, global);
  difference.speedup = records[1].latency[0].speedup;
  difference.size_ratio =
      static_cast<double>(*records[1].file_bytes) / static_cast<double>(*records[0].file_bytes);
  if (!request.data.empty()) {
    const DataSplits data = load(request.data, global);
    const Dataset& samples = part(data, request.split);
    const Graph a = read_model(request.a, global), b = read_model(request.b, global);
    require_fits(a, samples, request.a);
    require_fits(b, samples, request.b);
    const AccuracyRecord of_a = accuracy(predict_with_plan(a, samples, global, "A"), samples);
    const AccuracyRecord of_b = accuracy(predict_with_plan(b, samples, global, "B"), samples);
    difference.drop_pp = of_a.top1 - of_b.top1;
  }
  return {difference};
}

/// The limits that `difference` breaks, in words.
std::vector<std::string> broken_limits(const CompareRequest& request,
                                       const Difference& difference) {
  std::vector<std::string> broken;
  const auto require = [&](const std::optional<double>& figure, const char* what) {
    if (!figure) {
      fail(ErrorKind::kUsage, "compare: the limit on ", what, " needs a measurement: give --data");
    }
    return *figure;
  };
  if (request.max_drop && require(difference.drop_pp, "accuracy") > *request.max_drop) {
    broken.push_back(fmt::format("{}: top-1 drops by {:.3f} pp, limit {:.3f}", difference.name,
                                 *difference.drop_pp, *request.max_drop));
  }
  if (request.min_speedup && require(difference.speedup, "speed") < *request.min_speedup) {
    broken.push_back(fmt::format("{}: speedup {:.3f}x, limit {:.3f}x", difference.name,
                                 *difference.speedup, *request.min_speedup));
  }
  if (request.max_size && require(difference.size_ratio, "size") > *request.max_size) {
    broken.push_back(fmt::format("{}: size {:.3f}x, limit {:.3f}x", difference.name,
                                 *difference.size_ratio, *request.max_size));
  }
  return broken;
}

void print_difference(const Difference& difference) {
  const auto text = [](const std::optional<double>& figure, const char* format) {
    return figure ? fmt::format(fmt::runtime(format), *figure) : std::string("-");
  };
  fmt::print("{}: top-1 drop {}, speedup {}, size {}\n", difference.name,
             text(difference.drop_pp, "{:+.3f} pp"), text(difference.speedup, "{:.3f}x"),
             text(difference.size_ratio, "{:.4f}x"));
}

void run_compare(const CompareRequest& request, const GlobalOptions& global) {
  const bool runs =
      std::filesystem::is_directory(request.a) && std::filesystem::is_directory(request.b);
  const std::vector<Difference> differences =
      runs ? compare_runs(request) : compare_models(request, global);
  std::vector<std::string> broken;
  nlohmann::ordered_json document{{"a", request.a}, {"b", request.b}};
  document["differences"] = nlohmann::ordered_json::array();
  for (const Difference& difference : differences) {
    const auto more = broken_limits(request, difference);
    broken.insert(broken.end(), more.begin(), more.end());
    nlohmann::ordered_json entry{{"name", difference.name}};
    if (difference.drop_pp) entry["top1_drop_pp"] = *difference.drop_pp;
    if (difference.speedup) entry["speedup"] = *difference.speedup;
    if (difference.size_ratio) entry["size_ratio"] = *difference.size_ratio;
    document["differences"].push_back(std::move(entry));
    if (!global.json) print_difference(difference);
  }
  document["broken_limits"] = broken;
  if (global.json) print_json(document);
  for (const std::string& limit : broken) fmt::print(stderr, "octet: {}\n", limit);
  if (!broken.empty()) throw CLI::RuntimeError(1);
}

}  // namespace

void add_compare(CLI::App& app, const Global& global) {
  auto request = std::make_shared<CompareRequest>();
  CLI::App* command =
      app.add_subcommand("compare", "Difference of two models or runs; exit 1 past a limit");
  command->add_option("a", request->a, "The reference: a model or a run's folder")->required();
  command->add_option("b", request->b, "What is compared with it")->required();
  command->add_option("--data", request->data, "Data set for the accuracy of two models");
  command->add_option("--split", request->split, "train, validation or test");
  command->add_option("--max-drop", request->max_drop, "Largest top-1 drop, percentage points")
      ->check(finite_number());
  command->add_option("--min-speedup", request->min_speedup, "Smallest speedup of B over A")
      ->check(number_from_0());
  command->add_option("--max-size", request->max_size, "Largest file size of B as a share of A's")
      ->check(number_from_0());
  command->add_option("--rounds", request->rounds, "Timed rounds")->check(CLI::Range(3, 1 << 24));
  command->footer(
      "Example:\n  octet compare fp32.onnx int8.onnx --data cifar10 --max-drop 0.5 "
      "--min-speedup 1.5 --max-size 0.3");
  command->callback([request, global] { run_compare(*request, *global); });
}

}  // namespace octet::cli
