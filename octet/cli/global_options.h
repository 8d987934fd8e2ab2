#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "octet/cpu/isa.h"
#include "octet/data/dataset.h"
#include "octet/graph/passes/passes.h"
#include "octet/onnx/onnx.h"
#include "octet/runtime/plan.h"

namespace octet::cli {

/// Options that every subcommand takes.
struct GlobalOptions {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  int threads = 0;  ///< 0: the cores this process may use
  std::string isa = "auto";
  std::uint32_t seed = 1;
  ImportOptions import;               ///< the limits of what is read of a model
  std::int64_t max_memory_bytes = 0;  ///< of a running model; 0: the memory of this machine
  PassOptions passes;                 ///< only of the commands with --disable-pass
  std::filesystem::path data_dir;     ///< empty: $OCTET_DATA_DIR, else ./data
  std::string command;                ///< the command line, for the record
};

int thread_count(const GlobalOptions& global);
Isa instruction_set(const GlobalOptions& global);
/// How every command compiles a model for this machine.
CompileOptions compile_options(const GlobalOptions& global, int max_batch = 1);
/// Reads a model under the limits of the command line.
Graph read_model(const std::filesystem::path& file, const GlobalOptions& global);
DataOptions data_options(const GlobalOptions& global);

}  // namespace octet::cli
