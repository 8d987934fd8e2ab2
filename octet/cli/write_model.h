#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "octet/cli/global_options.h"
#include "octet/graph/graph.h"

namespace octet::cli {

/// Writes a model that is known to run: what the file will say is read back, compiled and executed
/// on drawn inputs, and its outputs must be those of the graph in memory, bit for bit. Only then is
/// the file written. Error(kInternal) on a difference; the file is as it was. Sizes that only the
/// run tells are those of `dims` (see ModelInputs), else drawn; if none suits the network, a note
/// says that it was not run.
void write_model(const Graph& graph, const std::filesystem::path& file, const GlobalOptions& global,
                 std::span<const std::string> dims = {});

}  // namespace octet::cli
