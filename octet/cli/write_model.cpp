#include "octet/cli/write_model.h"

#include <algorithm>

#include "octet/base/error.h"
#include "octet/cli/models.h"
#include "octet/cli/timed_model.h"
#include "octet/onnx/onnx.h"

namespace octet::cli {
namespace {

constexpr int kRuns = 2;

/// Inputs can be drawn only where all sizes but the batch are known.
bool has_known_sizes(const Graph& graph) {
  return std::ranges::all_of(graph.values(), [](const Value& value) {
    return std::ranges::find(value.shape.dims(), kUnknownDim) == value.shape.dims().end();
  });
}

void require_same_outputs(const Graph& graph, const Graph& again, const std::string& file,
                          const GlobalOptions& global) {
  const int batch = usable_batch(graph, 2);
  TimedModel in_memory(graph, compile_options(global, batch), batch);
  TimedModel from_file(again, compile_options(global, batch), batch);
  for (int run = 0; run < kRuns; ++run) {
    in_memory.run();
    from_file.run();
    if (in_memory.outputs() != from_file.outputs()) {
      fail(ErrorKind::kInternal, file,
           ": the model that was read back gives other outputs than the one in memory; it was not "
           "written");
    }
  }
}

}  // namespace

void write_model(const Graph& graph, const std::filesystem::path& file,
                 const GlobalOptions& global) {
  if (has_known_sizes(graph)) {
    const std::vector<std::byte> bytes = to_onnx(graph);
    require_same_outputs(graph, import_onnx(std::span<const std::byte>(bytes)), file.string(),
                         global);
  }
  export_onnx(graph, file);
}

}  // namespace octet::cli
