#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "octet/cli/measure.h"
#include "octet/runtime/plan.h"

namespace octet::cli {

/// One step of a plan and the median of its times.
struct LayerTime {
  PlanLayer layer;
  double ms = 0;                   ///< for the whole batch
  std::optional<double> peak_mix;  ///< MAC/s that the threads could reach with its instructions
};

/// Where the time of one model goes.
struct Roofline {
  std::string model_file;
  int batch = 1;
  std::vector<LayerTime> layers;
};

/// Times every file of the request layer by layer, at every batch size.
std::vector<Roofline> measure_rooflines(const BenchRequest& request, const GlobalOptions& global);

void print_roofline(const Roofline& roofline);
nlohmann::ordered_json to_json_document(const Roofline& roofline);

}  // namespace octet::cli
