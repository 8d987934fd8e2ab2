// octet-measure MODEL BATCH THREADS ISA [DISABLED_PASS | --dim=NAME=SIZE | --set=NAME=VALUE]...:
// loads the model, runs it a few times and prints the process's peak resident bytes, then the
// processor time that importing the file and compiling it took. A program of its own with just what
// a deployment needs: importer and runtime, no command line, data sets or report.

#include <fmt/core.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <string>
#include <vector>

#include "octet/bench/environment.h"
#include "octet/cli/model_inputs.h"
#include "octet/cli/timed_model.h"

namespace {

/// Processor time: what else the machine does is no matter.
double cpu_milliseconds(std::clock_t start) {
  return 1000.0 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    fmt::print(stderr,
               "usage: octet-measure MODEL BATCH THREADS ISA "
               "[DISABLED_PASS | --dim=NAME=SIZE | --set=NAME=VALUE]...\n");
    return 64;
  }
  try {
    const int batch = std::atoi(argv[2]);
    octet::cli::ModelInputs inputs;
    octet::PassOptions passes;
    for (const std::string& word : std::vector<std::string>(argv + 5, argv + argc)) {
      if (word.starts_with("--dim=")) {
        inputs.dims.push_back(word.substr(6));
      } else if (word.starts_with("--set=")) {
        inputs.fixed.push_back(word.substr(6));
      } else {
        passes.disabled.insert(word);
      }
    }
    const std::clock_t start = std::clock();
    octet::Graph graph = octet::cli::import_sized(argv[1], inputs, octet::without_limits());
    const double import_ms = cpu_milliseconds(start);
    octet::cli::TimedModel model(std::move(graph),
                                 {.isa = octet::parse_isa(argv[4]),
                                  .threads = std::atoi(argv[3]),
                                  .max_batch = batch,
                                  .passes = passes,
                                  .max_memory_bytes = INT64_MAX},
                                 batch);
    const double compile_ms = cpu_milliseconds(start) - import_ms;
    for (int i = 0; i < 3; ++i) model.run();
    fmt::print("{}\nimport_cpu_ms {:.1f}\ncompile_cpu_ms {:.1f}\n", octet::peak_rss_bytes(),
               import_ms, compile_ms);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "octet-measure: {}\n", error.what());
    return 70;
  }
}
