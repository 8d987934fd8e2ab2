#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "octet/base/files.h"
#include "octet/cli/grid.h"
#include "octet/cli/json_output.h"

namespace octet::cli {
namespace {

constexpr const char* kWhatItIs =
    "Weights are freshly drawn and calibration inputs are N(0, 1): sizes, speed and structure mean "
    "something, accuracy would not.";

std::string figure(const std::optional<double>& value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "n/a";
}

std::string layers(const GridCell& cell) {
  if (cell.config == "fp32_baseline") return "all";
  if (cell.float_layers.empty()) return "none";
  if (cell.float_layers.size() > 3) return fmt::format("{} layers", cell.float_layers.size());
  return fmt::format("{}", fmt::join(cell.float_layers, ", "));
}

std::string to_markdown(const Grid& grid) {
  std::string out = "# Models x configurations\n\n" + std::string(kWhatItIs) +
                    "\n\n| model | config | size_kb | size_ratio | weight_ratio | p50_ms | speedup "
                    "| float weights |\n|---|---|--:|--:|--:|--:|--:|---|\n";
  for (const GridCell& cell : grid.cells) {
    out += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n", cell.model, cell.config,
                       cell.file_bytes ? fmt::format("{:.1f}", *cell.file_bytes / 1024.0) : "n/a",
                       figure(cell.size_ratio, 3), figure(cell.weight_ratio, 4),
                       figure(cell.p50_ms, 4), figure(cell.speedup, 2), layers(cell));
  }
  out += "\n";
  for (const std::string& gate : grid.broken) out += "- broken: " + gate + "\n";
  if (grid.broken.empty()) out += "Every gate holds.\n";
  const Environment& e = grid.environment;
  out += fmt::format("\n{}, {}, {} of {} cores, {:.2f} GHz, {}, commit {}\n", e.cpu, e.isa,
                     e.threads, e.cores, e.clock_ghz, e.compiler, e.commit);
  return out;
}

}  // namespace

std::string to_text(const Grid& grid) {
  std::string out =
      fmt::format("{:<20} {:<26} {:>12} {:>7} {:>8} {:>10} {:>8}  {}\n", "model", "config",
                  "file bytes", "ratio", "weights", "p50 ms", "speedup", "float weights");
  for (const GridCell& cell : grid.cells) {
    out += fmt::format("{:<20} {:<26} {:>12} {:>7} {:>8} {:>10} {:>8}  {}\n", cell.model,
                       cell.config, cell.file_bytes.value_or(0), figure(cell.size_ratio, 3),
                       figure(cell.weight_ratio, 4), figure(cell.p50_ms, 4),
                       figure(cell.speedup, 2), layers(cell));
  }
  for (const std::string& gate : grid.broken) out += "broken: " + gate + "\n";
  if (grid.broken.empty()) out += "every gate holds\n";
  return out + kWhatItIs + "\n";
}

std::string to_json(const Grid& grid) {
  nlohmann::ordered_json document{{"environment", to_json_document(grid.environment)},
                                  {"cells", nlohmann::ordered_json::array()},
                                  {"broken", grid.broken}};
  for (const GridCell& cell : grid.cells) {
    nlohmann::ordered_json entry{
        {"model", cell.model}, {"config", cell.config}, {"model_file", cell.file}};
    const auto add = [&](const char* key, const auto& value) {
      if (value) entry[key] = *value;
    };
    add("file_bytes", cell.file_bytes);
    add("size_ratio", cell.size_ratio);
    add("weight_ratio", cell.weight_ratio);
    add("p50_ms", cell.p50_ms);
    add("speedup", cell.speedup);
    entry["float_layers"] = cell.float_layers;
    document["cells"].push_back(std::move(entry));
  }
  return document.dump(2) + "\n";
}

void write_grid(const Grid& grid, const std::filesystem::path& folder) {
  write_file(folder / "grid.json", to_json(grid));
  write_file(folder / "grid.md", to_markdown(grid));
}

}  // namespace octet::cli
