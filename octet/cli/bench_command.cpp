#include <fmt/core.h>

#include "octet/bench/environment.h"
#include "octet/cli/commands.h"
#include "octet/cli/console.h"
#include "octet/cli/json_output.h"
#include "octet/cli/measure.h"
#include "octet/cli/models.h"
#include "octet/cli/option_checks.h"
#include "octet/cli/roofline.h"

namespace octet::cli {
namespace {

struct BenchFlags {
  std::vector<std::string> models;
  std::vector<int> batches{1, 8, 32};
  int rounds = 200, warmup = 10;
  double max_seconds = 60;
  bool no_memory = false, roofline = false;
  ModelInputs inputs;
};

void print_table(const std::vector<ConfigRecord>& records) {
  fmt::print("{:<28} {:>5} {:>10} {:>21} {:>10} {:>10} {:>8} {:>10} {:>10} {:>10}\n", "model",
             "batch", "p50 ms", "95 % interval", "p95 ms", "p99 ms", "speedup", "file kB",
             "arena kB", "RSS MB");
  for (const ConfigRecord& record : records) {
    for (const LatencyRecord& at : record.latency) {
      fmt::print(
          "{:<28} {:>5} {:>10.5f} {:>10.5f}-{:>10.5f} {:>10.5f} {:>10.5f} {:>7.2f}x "
          "{:>10.1f} {:>10.1f} {:>10}\n",
          record.name, at.batch, at.p50_ms, at.ci95_ms[0], at.ci95_ms[1], at.p95_ms, at.p99_ms,
          at.speedup, static_cast<double>(*record.file_bytes) / 1000.0,
          static_cast<double>(*record.arena_bytes) / 1000.0,
          record.peak_rss_bytes
              ? fmt::format("{:.1f}", static_cast<double>(*record.peak_rss_bytes) / 1e6)
              : "-");
    }
  }
}

void run_bench(const BenchFlags& flags, const GlobalOptions& global) {
  BenchRequest request;
  request.files.assign(flags.models.begin(), flags.models.end());
  request.batches = flags.batches;
  request.latency.rounds = flags.rounds;
  request.latency.warmup = flags.warmup;
  request.latency.max_seconds = flags.max_seconds;
  request.latency.seed = global.seed;
  request.memory = !flags.no_memory;
  request.inputs = flags.inputs;
  const std::vector<ConfigRecord> records = bench_models(request, global);
  const Environment machine = describe_environment(instruction_set(global), thread_count(global));
  std::vector<Roofline> rooflines;
  if (flags.roofline) rooflines = measure_rooflines(request, global);
  if (global.json) {
    nlohmann::ordered_json document{{"machine", to_json_document(machine)},
                                    {"results", bench_results(records)}};
    for (const Roofline& roofline : rooflines) {
      document["roofline"].push_back(to_json_document(roofline));
    }
    print_json(document);
    return;
  }
  print_table(records);
  fmt::print("{}, {}, {} threads, {:.2f} GHz, {}\n", machine.cpu, machine.isa, machine.threads,
             machine.clock_ghz, machine.compiler);
  for (const Roofline& roofline : rooflines) print_roofline(roofline);
}

}  // namespace

void add_bench(CLI::App& app, const Global& global) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* command =
      app.add_subcommand("bench", "Latency, memory and size of models, in interleaved rounds");
  command->add_option("models", flags->models, "ONNX models; speedups are against the first")
      ->required();
  command->add_option("--batch", flags->batches, "Batch sizes, e.g. 1,8,32")
      ->delimiter(',')
      ->check(CLI::Range(1, 1 << 16));
  command->add_option("--rounds", flags->rounds, "Timed rounds")->check(CLI::Range(3, 1 << 24));
  command->add_option("--warmup", flags->warmup, "Rounds before")->check(CLI::Range(0, 1 << 24));
  command->add_option("--max-seconds", flags->max_seconds, "Time limit per batch size")
      ->check(number_above_0());
  command->add_flag("--no-memory", flags->no_memory, "Do not measure peak memory");
  command->add_flag("--roofline", flags->roofline,
                    "Also the time, rate and share of the machine's measured peak of every layer");
  add_input_options(*command, flags->inputs);
  add_pass_option(*command, global);
  command->footer("Example:\n  octet bench fp32.onnx int8.onnx --batch 1,32 --threads 1");
  command->callback([flags, global] { run_bench(*flags, *global); });
}

}  // namespace octet::cli
