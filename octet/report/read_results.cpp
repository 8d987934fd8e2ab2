#include <nlohmann/json.hpp>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/report/report.h"

namespace octet {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kMaxBytes = std::size_t{64} << 20;

/// A value with the path that leads to it, so that an error can name it.
class Node {
 public:
  Node(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  bool has(const char* key) const { return object().contains(key); }
  Node at(const char* key) const {
    if (!has(key)) fail(ErrorKind::kBadData, where_, ": the key '", key, "' is missing");
    return {object()[key], where_ + "." + key};
  }
  std::vector<Node> items() const {
    expect(json_.is_array(), "an array");
    std::vector<Node> nodes;
    for (const Json& item : json_) {
      nodes.emplace_back(item, where_ + "[" + std::to_string(nodes.size()) + "]");
    }
    return nodes;
  }

  void read(std::string& value) const {
    expect(json_.is_string(), "a string");
    value = json_.get<std::string>();
  }
  void read(double& value) const {
    expect(json_.is_number(), "a number");
    value = json_.get<double>();
  }
  void read(std::uint64_t& value) const {
    expect(json_.is_number_unsigned(), "an integer from 0");
    value = json_.get<std::uint64_t>();
  }
  void read(std::int64_t& value) const {
    expect(json_.is_number_integer() &&
               !(json_.is_number_unsigned() && json_.get<std::uint64_t>() >> 63 != 0),
           "an integer");
    value = json_.get<std::int64_t>();
  }
  void read(int& value) const {
    std::int64_t wide = 0;
    read(wide);
    expect(wide == static_cast<int>(wide), "an integer of 32 bits");
    value = static_cast<int>(wide);
  }
  void read(std::array<double, 2>& value) const {
    const std::vector<Node> bounds = items();
    expect(bounds.size() == 2, "[low, high]");
    bounds[0].read(value[0]);
    bounds[1].read(value[1]);
  }
  void read(std::map<std::string, double>& value) const {
    for (const auto& [key, item] : object().items()) {
      Node(item, where_ + "." + key).read(value[key]);
    }
  }

  template <typename T>
  void read(const char* key, T& value) const {
    at(key).read(value);
  }
  template <typename T>
  void read(const char* key, std::optional<T>& value) const {
    if (has(key)) at(key).read(value.emplace());
  }

 private:
  const Json& object() const {
    expect(json_.is_object(), "an object");
    return json_;
  }
  void expect(bool right, const char* accepted) const {
    if (right) return;
    fail(ErrorKind::kBadData, where_, ": found a value of type ", json_.type_name(),
         ", accepted: ", accepted);
  }

  const Json& json_;
  std::string where_;
};

Environment read_environment(const Node& node) {
  Environment environment;
  node.read("cpu", environment.cpu);
  node.read("isa", environment.isa);
  node.read("cores", environment.cores);
  node.read("threads", environment.threads);
  node.read("clock_ghz", environment.clock_ghz);
  node.read("compiler", environment.compiler);
  node.read("commit", environment.commit);
  node.read("os", environment.os);
  node.read("date_utc", environment.date_utc);
  return environment;
}

AccuracyRecord read_accuracy(const Node& node) {
  AccuracyRecord accuracy;
  node.read("data", accuracy.data);
  node.read("split", accuracy.split);
  node.read("samples", accuracy.samples);
  node.read("correct", accuracy.correct);
  node.read("top1", accuracy.top1);
  node.read("top5", accuracy.top5);
  node.read("loss", accuracy.loss);
  node.read("per_class", accuracy.per_class);
  node.read("agreement", accuracy.agreement);
  node.read("mcnemar_p", accuracy.mcnemar_p);
  node.read("top1_drop_pp", accuracy.top1_drop_pp);
  return accuracy;
}

LatencyRecord read_latency(const Node& node) {
  LatencyRecord latency;
  node.read("batch", latency.batch);
  node.read("threads", latency.threads);
  node.read("rounds", latency.rounds);
  node.read("p50_ms", latency.p50_ms);
  node.read("p95_ms", latency.p95_ms);
  node.read("p99_ms", latency.p99_ms);
  node.read("mean_ms", latency.mean_ms);
  node.read("ci95_ms", latency.ci95_ms);
  node.read("speedup", latency.speedup);
  node.read("speedup_ci95", latency.speedup_ci95);
  return latency;
}

ConfigRecord read_config(const Node& node) {
  ConfigRecord config;
  node.read("name", config.name);
  node.read("model_file", config.model_file);
  node.read("description", config.description);
  if (node.has("top1")) config.accuracy = read_accuracy(node);
  if (node.has("latency")) {
    for (const Node& item : node.at("latency").items()) {
      config.latency.push_back(read_latency(item));
    }
  }
  node.read("file_bytes", config.file_bytes);
  node.read("weight_bytes", config.weight_bytes);
  node.read("arena_bytes", config.arena_bytes);
  node.read("peak_rss_bytes", config.peak_rss_bytes);
  return config;
}

Json parse(const std::filesystem::path& file) {
  try {
    return Json::parse(read_text_file(file, kMaxBytes));
  } catch (const Json::exception& error) {
    fail(ErrorKind::kBadData, file.string(), ": not JSON: ", error.what());
  }
}

}  // namespace

RunRecord read_results(const std::filesystem::path& file) {
  const Json json = parse(file);
  const Node root(json, file.string());
  RunRecord run;
  root.read("title", run.title);
  root.read("model", run.model);
  root.read("data", run.data);
  root.read("seed", run.seed);
  std::optional<std::string> command;
  root.read("command", command);
  run.command = command.value_or("");
  run.environment = read_environment(root.at("environment"));
  for (const Node& item : root.at("configs").items()) run.configs.push_back(read_config(item));
  return run;
}

}  // namespace octet
