// octet-measure MODEL BATCH THREADS ISA [DISABLED_PASS...]: loads the model, runs it a few times
// and prints the process's peak resident bytes. A program of its own with just what a deployment
// needs: importer and runtime, no command line, data sets or report.

#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "octet/bench/environment.h"
#include "octet/cli/timed_model.h"
#include "octet/onnx/onnx.h"

int main(int argc, char** argv) {
  if (argc < 5) {
    fmt::print(stderr, "usage: octet-measure MODEL BATCH THREADS ISA [DISABLED_PASS...]\n");
    return 64;
  }
  try {
    const int batch = std::atoi(argv[2]);
    octet::cli::TimedModel model(octet::import_onnx(argv[1]),
                                 {.isa = octet::parse_isa(argv[4]),
                                  .threads = std::atoi(argv[3]),
                                  .max_batch = batch,
                                  .passes = {.disabled = {argv + 5, argv + argc}}},
                                 batch);
    for (int i = 0; i < 3; ++i) model.run();
    fmt::print("{}\n", octet::peak_rss_bytes());
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "octet-measure: {}\n", error.what());
    return 70;
  }
}
