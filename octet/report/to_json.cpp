#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "octet/base/error.h"
#include "octet/report/compare.h"
#include "octet/report/report.h"
#include "octet/report/summary.h"

namespace octet {
namespace {

using Json = nlohmann::ordered_json;

/// Writes the keys of one object; a figure that is not finite is refused by its full name.
class Object {
 public:
  explicit Object(std::string where) : where_(std::move(where)) {}

  void add(const char* key, double value) { json_[key] = finite(key, value); }
  void add(const char* key, std::int64_t value) { json_[key] = value; }
  void add(const char* key, int value) { json_[key] = value; }
  void add(const char* key, const std::string& value) { json_[key] = value; }
  void add(const char* key, const std::array<double, 2>& value) {
    json_[key] = {finite(key, value[0]), finite(key, value[1])};
  }
  template <typename T>
  void add(const char* key, const std::optional<T>& value) {
    if (value) add(key, *value);
  }
  void add(const char* key, Json value) { json_[key] = std::move(value); }
  Json take() { return std::move(json_); }

 private:
  double finite(const char* key, double value) const {
    if (!std::isfinite(value)) {
      fail(ErrorKind::kBadData, "results: ", where_, ": ", key, ": found ", value,
           ", accepted: a finite number, or no measurement at all");
    }
    return value;
  }

  std::string where_;
  Json json_ = Json::object();
};

Json environment_json(const Environment& environment) {
  Object object("environment");
  object.add("cpu", environment.cpu);
  object.add("isa", environment.isa);
  object.add("cores", environment.cores);
  object.add("threads", environment.threads);
  object.add("clock_ghz", environment.clock_ghz);
  object.add("compiler", environment.compiler);
  object.add("commit", environment.commit);
  object.add("os", environment.os);
  object.add("date_utc", environment.date_utc);
  return object.take();
}

void add_accuracy(Object& config, const AccuracyRecord& accuracy, const std::string& where) {
  config.add("data", accuracy.data);
  config.add("split", accuracy.split);
  config.add("samples", accuracy.samples);
  config.add("correct", accuracy.correct);
  config.add("top1", accuracy.top1);
  if (accuracy.samples > 0) config.add("top1_ci95", top1_interval(accuracy));
  config.add("top5", accuracy.top5);
  config.add("loss", accuracy.loss);
  config.add("top1_drop_pp", accuracy.top1_drop_pp);
  config.add("agreement", accuracy.agreement);
  config.add("mcnemar_p", accuracy.mcnemar_p);
  Object per_class(where + ": per_class");
  for (const auto& [name, top1] : accuracy.per_class) per_class.add(name.c_str(), top1);
  config.add("per_class", per_class.take());
}

Json latency_json(const LatencyRecord& latency, const std::string& where) {
  Object object(where + ": latency at batch " + std::to_string(latency.batch));
  object.add("batch", latency.batch);
  object.add("threads", latency.threads);
  object.add("rounds", latency.rounds);
  object.add("p50_ms", latency.p50_ms);
  object.add("p95_ms", latency.p95_ms);
  object.add("p99_ms", latency.p99_ms);
  object.add("mean_ms", latency.mean_ms);
  object.add("ci95_ms", latency.ci95_ms);
  object.add("speedup", latency.speedup);
  object.add("speedup_ci95", latency.speedup_ci95);
  return object.take();
}

void add_latency(Object& object, const ConfigRecord& config, const std::string& where) {
  Json all = Json::array();
  Json p50 = Json::object();
  Json ci95 = Json::object();
  for (const LatencyRecord& latency : config.latency) {
    all.push_back(latency_json(latency, where));
    p50[std::to_string(latency.batch)] = latency.p50_ms;
    ci95[std::to_string(latency.batch)] = latency.ci95_ms;
  }
  if (const LatencyRecord* single = latency_at(config, 1)) object.add("speedup", single->speedup);
  object.add("p50_ms", std::move(p50));
  object.add("ci95_ms", std::move(ci95));
  object.add("latency", std::move(all));
}

Json config_json(const RunRecord& run, const ConfigRecord& config) {
  const std::string where = "configuration '" + config.name + "'";
  Object object(where);
  object.add("name", config.name);
  object.add("model_file", config.model_file);
  object.add("description", config.description);
  if (config.accuracy) add_accuracy(object, *config.accuracy, where);
  if (!config.latency.empty()) add_latency(object, config, where);
  object.add("file_bytes", config.file_bytes);
  object.add("size_ratio", size_ratio(run, config));
  object.add("weight_bytes", config.weight_bytes);
  object.add("arena_bytes", config.arena_bytes);
  object.add("peak_rss_bytes", config.peak_rss_bytes);
  return object.take();
}

/// The frontier, or nothing where a figure that it needs was not measured.
std::vector<ParetoPoint> frontier_if_measured(const RunRecord& run) {
  try {
    return pareto_frontier(run);
  } catch (const Error&) {
    return {};
  }
}

Json picks_json(const RunRecord& run) {
  Json json = Json::array();
  for (const Pick& pick : picks(run)) {
    json.push_back({{"what", pick.what}, {"name", pick.name}, {"ties", pick.ties}});
  }
  return json;
}

}  // namespace

std::string to_json(const RunRecord& run) {
  const std::vector<ParetoPoint> frontier = frontier_if_measured(run);
  Json configs = Json::array();
  for (std::size_t i = 0; i < run.configs.size(); ++i) {
    configs.push_back(config_json(run, run.configs[i]));
    if (frontier.empty()) continue;
    configs.back()["pareto"] = frontier[i].optimal;
    configs.back()["ties"] = frontier[i].ties;
  }
  Json json;
  json["title"] = run.title;
  json["model"] = run.model;
  json["data"] = run.data;
  json["seed"] = run.seed;
  if (!run.command.empty()) json["command"] = run.command;
  json["environment"] = environment_json(run.environment);
  json["configs"] = std::move(configs);
  if (!frontier.empty()) json["picks"] = picks_json(run);
  // Names come from files of strangers and need not be UTF-8.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace octet
