#include "octet/cli/grid.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/base/names.h"
#include "octet/bench/environment.h"
#include "octet/cli/calibration_inputs.h"
#include "octet/cli/console.h"
#include "octet/cli/layer_table.h"
#include "octet/cli/measure.h"
#include "octet/cli/models.h"
#include "octet/cli/write_model.h"
#include "octet/graph/passes/passes.h"
#include "octet/onnx/onnx.h"
#include "octet/quant/quant_spec.h"
#include "octet/zoo/zoo.h"

namespace octet::cli {
namespace {

constexpr const char* kBaseline = "fp32_baseline";

bool needs_training(const std::string& config) {
  return parse_config(config).scheme == Scheme::kQat;
}

struct Weights {
  std::int64_t float_elements = 0;
  std::int64_t stored_bytes = 0;  ///< with the scales
  std::vector<std::string> float_layers;
};

Weights weights_of(const Graph& graph) {
  Weights weights;
  for (const LayerInfo& layer : layer_table(graph, {})) {
    // Biases and scales that an Add or Mul applies are no weights.
    if (!layer.weight || layer.macs == 0) continue;
    weights.float_elements += layer.weight->num_elements();
    weights.stored_bytes += static_cast<std::int64_t>(layer.weight->size_bytes() +
                                                      layer.weight_scale.size() * sizeof(float));
    if (layer.weight->dtype() == DType::kFloat32) weights.float_layers.push_back(layer.name);
  }
  return weights;
}

class GridRun {
 public:
  GridRun(const GridRequest& request, const GlobalOptions& global)
      : request_(request), global_(global), configs_(request.configs) {
    if (configs_.empty()) {
      for (const std::string& name : config_names()) {
        if (!needs_training(name)) configs_.push_back(name);
      }
    }
    for (const std::string& name : configs_) {
      if (needs_training(name)) {
        fail(ErrorKind::kUsage, "--grid: ", name,
             " needs training, accepted: fp32_baseline, dynamic_int8, static_*, weight_only_*");
      }
    }
    if (std::ranges::find(configs_, kBaseline) == configs_.end()) {
      configs_.insert(configs_.begin(), kBaseline);
    }
  }

  Grid run() {
    for (const std::string& model : request_.models) {
      // The name is checked before the first model has cost minutes.
      const std::vector<std::string> names = model_names();
      if (std::ranges::find(names, model) == names.end()) fail_unknown_name("model", model, names);
    }
    make_output_folder(request_.output);
    for (const std::string& model : request_.models) run_model(model);
    grid_.broken = broken_gates(grid_.cells, request_.models, configs_);
    grid_.environment = describe_environment(instruction_set(global_), thread_count(global_));
    return std::move(grid_);
  }

 private:
  void run_model(const std::string& name) {
    note(global_, "grid: " + name);
    const Graph model =
        build_model(name, {.input_size = request_.input_size, .seed = global_.seed});
    const Dataset inputs = drawn_inputs(model, request_.calibration_samples, global_.seed);
    BenchRequest bench{.batches = {1}, .memory = false};
    bench.latency.rounds = request_.rounds;
    bench.latency.warmup = 3;
    std::vector<GridCell> cells;
    for (const std::string& config : configs_) {
      throw_if_stopped();
      QuantizedModel quantized = quantize_model(model, parse_config(config), inputs,
                                                request_.calibration_samples, global_);
      GridCell cell{.model = name, .config = config, .file = name + "." + config + ".onnx"};
      quantized.graph.metadata["octet.config"] = config;
      write_model(quantized.graph, request_.output / cell.file, global_);
      bench.files.push_back(request_.output / cell.file);
      add_sizes(cell, weights_of(quantized.graph));
      cells.push_back(std::move(cell));
    }
    const std::vector<ConfigRecord> records = bench_models(bench, global_);
    const double baseline_bytes = static_cast<double>(file_bytes(bench.files.front()));
    for (std::size_t i = 0; i < cells.size(); ++i) {
      cells[i].p50_ms = records[i].latency.at(0).p50_ms;
      cells[i].speedup = records[i].latency.at(0).speedup;
      cells[i].size_ratio = static_cast<double>(*cells[i].file_bytes) / baseline_bytes;
      grid_.cells.push_back(std::move(cells[i]));
    }
  }

  void add_sizes(GridCell& cell, Weights weights) const {
    const std::vector<std::byte> bytes =
        read_file(request_.output / cell.file, std::size_t{1} << 33);
    cell.file_bytes = static_cast<std::int64_t>(bytes.size());
    cell.content_hash =
        std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    cell.weight_ratio = static_cast<double>(weights.stored_bytes) /
                        (4.0 * static_cast<double>(weights.float_elements));
    cell.float_layers = std::move(weights.float_layers);
  }

  const GridRequest& request_;
  const GlobalOptions& global_;
  std::vector<std::string> configs_;
  Grid grid_;
};

bool is_positive(const std::optional<double>& figure) {
  return figure && std::isfinite(*figure) && *figure > 0;
}

const GridCell* find_cell(const std::vector<GridCell>& cells, const std::string& model,
                          const std::string& config) {
  const auto cell = std::ranges::find_if(
      cells, [&](const GridCell& c) { return c.model == model && c.config == config; });
  return cell == cells.end() ? nullptr : &*cell;
}

}  // namespace

std::vector<std::string> broken_gates(const std::vector<GridCell>& cells,
                                      const std::vector<std::string>& models,
                                      const std::vector<std::string>& configs) {
  std::vector<std::string> broken;
  for (const std::string& model : models) {
    std::map<std::uint64_t, std::string> seen;
    for (const std::string& config : configs) {
      const std::string where = model + ", " + config + ": ";
      const GridCell* cell = find_cell(cells, model, config);
      if (!cell) {
        broken.push_back(where + "the cell is missing");
        continue;
      }
      if (!cell->file_bytes || *cell->file_bytes <= 0 || !is_positive(cell->size_ratio) ||
          !is_positive(cell->weight_ratio) || !is_positive(cell->p50_ms) ||
          !is_positive(cell->speedup)) {
        broken.push_back(where + "a figure is missing, not finite or not positive");
      }
      const bool is_static = config.starts_with("static_");
      if (is_static && cell->weight_ratio && !(*cell->weight_ratio <= kMaxStaticWeightRatio)) {
        broken.push_back(where + fmt::format("weights are {:.4f}x of float, accepted: up to {}x",
                                             *cell->weight_ratio, kMaxStaticWeightRatio));
      }
      const auto [same, is_new] = seen.emplace(cell->content_hash, config);
      if (!is_new) broken.push_back(where + "the same file as " + same->second);
    }
  }
  return broken;
}

Grid run_grid(const GridRequest& request, const GlobalOptions& global) {
  return GridRun(request, global).run();
}

}  // namespace octet::cli
