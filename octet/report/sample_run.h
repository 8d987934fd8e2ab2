#pragma once

#include <string>

#include "octet/base/result_record.h"

namespace octet {

/// For tests: a configuration with every figure that the frontier needs. The interval of the
/// median is p50 +- 1 %, and there are 10,000 samples (so accuracies closer than about 1 pp tie).
inline ConfigRecord sample_config(const std::string& name, std::int64_t file_bytes, double p50_ms,
                                  double top1) {
  ConfigRecord config;
  config.name = name;
  config.model_file = name + ".onnx";
  config.file_bytes = file_bytes;
  config.accuracy.emplace();
  config.accuracy->data = "shapes10";
  config.accuracy->split = "test";
  config.accuracy->samples = 10000;
  config.accuracy->correct = static_cast<std::int64_t>(top1 * 100);
  config.accuracy->top1 = top1;
  config.accuracy->top5 = 99.5;
  config.accuracy->loss = 0.5;
  config.latency.push_back({.batch = 1,
                            .rounds = 200,
                            .p50_ms = p50_ms,
                            .p95_ms = 1.2 * p50_ms,
                            .p99_ms = 1.3 * p50_ms,
                            .mean_ms = 1.05 * p50_ms,
                            .ci95_ms = {0.99 * p50_ms, 1.01 * p50_ms},
                            .speedup_ci95 = {0.99, 1.01}});
  return config;
}

inline RunRecord sample_run(std::vector<ConfigRecord> configs) {
  RunRecord run;
  run.title = "small_cnn on shapes10";
  run.model = "small_cnn";
  run.data = "shapes10";
  run.environment.cpu = "Some CPU";
  run.environment.clock_ghz = 3.2;
  run.configs = std::move(configs);
  return run;
}

}  // namespace octet
