#include "octet/cli/json_output.h"

#include <fmt/core.h>

namespace octet::cli {

using Json = nlohmann::ordered_json;

Json to_json_document(const std::vector<EpochResult>& epochs) {
  Json list = Json::array();
  for (const EpochResult& epoch : epochs) {
    Json entry{{"epoch", epoch.epoch},
               {"train_loss", epoch.train_loss},
               {"train_top1", epoch.train_top1},
               {"lr", epoch.lr},
               {"images_per_s", epoch.images_per_s}};
    if (epoch.has_validation) {
      entry["val_loss"] = epoch.val_loss;
      entry["val_top1"] = epoch.val_top1;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

Json to_json_document(const AccuracyRecord& accuracy) {
  Json document{{"data", accuracy.data},       {"split", accuracy.split},
                {"samples", accuracy.samples}, {"correct", accuracy.correct},
                {"top1", accuracy.top1},       {"top5", accuracy.top5},
                {"loss", accuracy.loss},       {"per_class", accuracy.per_class}};
  if (accuracy.agreement) document["agreement"] = *accuracy.agreement;
  if (accuracy.mcnemar_p) document["mcnemar_p"] = *accuracy.mcnemar_p;
  if (accuracy.top1_drop_pp) document["top1_drop_pp"] = *accuracy.top1_drop_pp;
  return document;
}

Json to_json_document(const Environment& environment) {
  return {{"cpu", environment.cpu},
          {"isa", environment.isa},
          {"cores", environment.cores},
          {"threads", environment.threads},
          {"clock_ghz", environment.clock_ghz},
          {"compiler", environment.compiler},
          {"commit", environment.commit},
          {"os", environment.os},
          {"date_utc", environment.date_utc}};
}

Json bench_results(const std::vector<ConfigRecord>& records) {
  Json results = Json::array();
  for (const ConfigRecord& record : records) {
    for (const LatencyRecord& latency : record.latency) {
      Json entry{{"model", record.model_file},
                 {"batch", latency.batch},
                 {"threads", latency.threads},
                 {"rounds", latency.rounds},
                 {"p50_ms", latency.p50_ms},
                 {"p95_ms", latency.p95_ms},
                 {"p99_ms", latency.p99_ms},
                 {"mean_ms", latency.mean_ms},
                 {"ci95_ms", latency.ci95_ms},
                 {"speedup", latency.speedup},
                 {"speedup_ci95", latency.speedup_ci95}};
      if (record.file_bytes) entry["file_bytes"] = *record.file_bytes;
      if (record.weight_bytes) entry["weight_bytes"] = *record.weight_bytes;
      if (record.arena_bytes) entry["arena_bytes"] = *record.arena_bytes;
      if (record.peak_rss_bytes) entry["peak_rss_bytes"] = *record.peak_rss_bytes;
      results.push_back(std::move(entry));
    }
  }
  return results;
}

void print_json(const Json& document) {
  // Names come from files of strangers and need not be UTF-8.
  fmt::print("{}\n", document.dump(2, ' ', false, Json::error_handler_t::replace));
}

}  // namespace octet::cli
