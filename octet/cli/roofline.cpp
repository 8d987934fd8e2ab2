#include "octet/cli/roofline.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "octet/bench/latency.h"
#include "octet/bench/peak_rate.h"
#include "octet/cli/console.h"
#include "octet/cli/models.h"
#include "octet/cli/timed_model.h"

namespace octet::cli {
namespace {

constexpr int kMostRounds = 100;  // a median of layers needs no more

/// Each mix is measured once.
class PeakRates {
 public:
  explicit PeakRates(int threads) : threads_(threads) {}
  std::optional<double> of(std::string_view kernel) {
    const PeakMix* const mix = peak_mix_of(kernel);
    if (mix == nullptr || !contains(host_isa(), mix->needs)) return std::nullopt;
    const auto [at, is_new] = rates_.try_emplace(mix->name, 0.0);
    if (is_new) at->second = peak_macs_per_second(*mix);
    return at->second * threads_;
  }

 private:
  int threads_;
  std::map<std::string_view, double> rates_;
};

Roofline measure(TimedModel& model, const BenchRequest& request, int batch, PeakRates& peaks) {
  const std::vector<PlanLayer>& layers = model.plan().layers();
  const int rounds = std::min(request.latency.rounds, kMostRounds);
  std::vector<std::vector<double>> times(layers.size());
  for (int round = -request.latency.warmup; round < rounds; ++round) {
    throw_if_stopped();
    std::vector<double> seconds(layers.size(), 0.0);
    model.run_timed(seconds);
    if (round < 0) continue;
    for (std::size_t i = 0; i < layers.size(); ++i) times[i].push_back(1e3 * seconds[i]);
  }
  Roofline result{.batch = batch};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    result.layers.push_back({layers[i], percentile(times[i], 0.5), peaks.of(layers[i].kernel)});
  }
  return result;
}

double macs_per_second(const LayerTime& time, int batch) {
  return static_cast<double>(time.layer.macs) * batch / (time.ms * 1e-3);
}

}  // namespace

std::vector<Roofline> measure_rooflines(const BenchRequest& request, const GlobalOptions& global) {
  PeakRates peaks(thread_count(global));
  std::vector<Roofline> rooflines;
  for (const std::filesystem::path& file : request.files) {
    const Graph graph = import_sized(file, request.inputs, global.import);
    for (const int batch : request.batches) {
      TimedModel model(graph, compile_options(global, batch), batch);
      rooflines.push_back(measure(model, request, batch, peaks));
      rooflines.back().model_file = file.string();
    }
  }
  return rooflines;
}

void print_roofline(const Roofline& roofline) {
  double total = 0, total_macs = 0, elsewhere = 0;
  for (const LayerTime& time : roofline.layers) {
    total += time.ms;
    total_macs += static_cast<double>(time.layer.macs) * roofline.batch;
    if (time.layer.macs == 0) elsewhere += time.ms;
  }
  fmt::print("\n{}, batch {}\n", roofline.model_file, roofline.batch);
  fmt::print("{:<40} {:<28} {:>10} {:>10} {:>7} {:>8} {:>7}\n", "layer", "kernel", "MMAC", "ms",
             "time", "GMAC/s", "of peak");
  for (const LayerTime& time : roofline.layers) {
    const double rate = macs_per_second(time, roofline.batch);
    fmt::print(
        "{:<40} {:<28} {:>10.3f} {:>10.5f} {:>6.1f}% {:>8} {:>7}\n", time.layer.name,
        time.layer.kernel, static_cast<double>(time.layer.macs) * roofline.batch / 1e6, time.ms,
        100.0 * time.ms / total, time.layer.macs > 0 ? fmt::format("{:.1f}", rate / 1e9) : "-",
        time.layer.macs > 0 && time.peak_mix ? fmt::format("{:.1f}%", 100.0 * rate / *time.peak_mix)
                                             : "-");
  }
  fmt::print(
      "all layers {:.5f} ms, {:.1f} GMAC/s; {:.1f} % of the time in layers without products\n",
      total, total_macs / (total * 1e-3) / 1e9, 100.0 * elsewhere / total);
}

nlohmann::ordered_json to_json_document(const Roofline& roofline) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const LayerTime& time : roofline.layers) {
    nlohmann::ordered_json entry{{"name", time.layer.name},
                                 {"op", time.layer.op},
                                 {"kernel", time.layer.kernel},
                                 {"macs", time.layer.macs * roofline.batch},
                                 {"ms", time.ms}};
    if (time.layer.macs > 0) {
      const double rate = macs_per_second(time, roofline.batch);
      entry["gmacs_per_s"] = rate / 1e9;
      if (time.peak_mix) {
        entry["peak_gmacs_per_s"] = *time.peak_mix / 1e9;
        entry["share_of_peak"] = rate / *time.peak_mix;
      }
    }
    layers.push_back(std::move(entry));
  }
  return {{"model", roofline.model_file}, {"batch", roofline.batch}, {"layers", layers}};
}

}  // namespace octet::cli
