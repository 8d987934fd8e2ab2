#include "octet/cli/write_model.h"

#include <algorithm>
#include <array>
#include <optional>

#include "octet/base/error.h"
#include "octet/base/rng.h"
#include "octet/cli/console.h"
#include "octet/cli/model_inputs.h"
#include "octet/cli/models.h"
#include "octet/cli/timed_model.h"
#include "octet/graph/functions/conditional.h"
#include "octet/onnx/onnx.h"
#include "octet/runtime/session.h"

namespace octet::cli {
namespace {

constexpr int kRuns = 2;
/// What unknown sizes may be: a network may need its windows to fit, or not know more than one.
constexpr std::array<std::int64_t, 5> kSizes{8, 64, 512, 1, 2048};
constexpr std::array<std::int64_t, 2> kBatches{2, 1};

/// Whether one plan serves: all sizes but the batch are known, and which nodes run.
bool needs_session(const Graph& graph) {
  const auto is_open = [](const Value& value) {
    return std::ranges::find(value.shape.dims(), kUnknownDim) != value.shape.dims().end();
  };
  return std::ranges::any_of(graph.values(), is_open) ||
         std::ranges::any_of(graph.nodes(),
                             [](const Node& node) { return is_conditional(node.op); });
}

[[noreturn]] void fail_different(const std::string& file) {
  fail(ErrorKind::kInternal, file,
       ": the model that was read back gives other outputs than the one in memory; it was not "
       "written");
}

void require_same_outputs(const Graph& graph, const Graph& again, const std::string& file,
                          const GlobalOptions& global) {
  const int batch = usable_batch(graph, 2);
  TimedModel in_memory(graph, compile_options(global, batch), batch);
  TimedModel from_file(again, compile_options(global, batch), batch);
  for (int run = 0; run < kRuns; ++run) {
    in_memory.run();
    from_file.run();
    if (in_memory.outputs() != from_file.outputs()) fail_different(file);
  }
}

/// Inputs with these sizes in the place of unknown ones. Run 0 and run 1 differ in every switch.
std::vector<Tensor> draw(const Graph& graph, std::map<std::string, Shape> shapes,
                         std::int64_t batch, std::int64_t size, int run) {
  std::string batch_symbol = "N";
  for (const ValueId id : graph.inputs()) {
    const Value& input = graph.value(id);
    const bool named = input.shape.rank() > 0 && input.shape[0] == kDynamicDim &&
                       !input.dim_names.empty() && !input.dim_names[0].empty();
    if (named) batch_symbol = input.dim_names[0];
  }
  Rng rng(static_cast<std::uint32_t>(7 + run));
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    const Value& input = graph.value(id);
    Shape shape = shapes.at(input.name).with_batch(batch);
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] >= 0) continue;
      const auto index = static_cast<std::size_t>(axis);
      const bool is_batch =
          index < input.dim_names.size() && input.dim_names[index] == batch_symbol;
      shape[axis] = is_batch ? batch : size;
    }
    Tensor tensor(input.dtype, shape);
    const std::size_t bytes = size_bytes(input.dtype);
    for (std::size_t i = 0; i < tensor.size_bytes(); i += bytes) {
      if (input.dtype == DType::kFloat32) {
        tensor.mutable_data<float>()[i / bytes] = rng.normal();
      } else {
        tensor.mutable_raw()[i] = static_cast<std::byte>(run);  // little-endian: the number `run`
      }
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

std::optional<std::vector<Tensor>> try_run(Session& session, const std::vector<Tensor>& inputs) {
  try {
    return session.run(inputs);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kInternal) throw;
    return std::nullopt;  // these sizes do not suit the network
  }
}

/// The same for a network whose sizes, or which nodes run, the inputs decide. Whether any sizes
/// did.
bool require_same_results(const Graph& graph, const Graph& again, const std::string& file,
                          const GlobalOptions& global, std::span<const std::string> dims) {
  const std::map<std::string, Shape> shapes = sized_inputs(graph, dims);
  Session in_memory(graph, compile_options(global)), from_file(again, compile_options(global));
  for (const std::int64_t size : kSizes) {
    for (const std::int64_t batch : kBatches) {
      bool ran = false;
      for (int run = 0; run < kRuns; ++run) {
        const std::vector<Tensor> inputs = draw(graph, shapes, batch, size, run);
        const auto expected = try_run(in_memory, inputs);
        if (expected && try_run(from_file, inputs) != expected) fail_different(file);
        ran = ran || expected;
      }
      if (ran) return true;
    }
  }
  return false;
}

}  // namespace

void write_model(const Graph& graph, const std::filesystem::path& file, const GlobalOptions& global,
                 std::span<const std::string> dims) {
  const std::vector<std::byte> bytes = to_onnx(graph);
  const Graph again = import_onnx(std::span<const std::byte>(bytes), without_limits());
  if (!needs_session(graph)) {
    require_same_outputs(graph, again, file.string(), global);
  } else if (!require_same_results(graph, again, file.string(), global, dims)) {
    note(global, file.string() +
                     ": read back and compared, but not run: no drawn size suits the network; "
                     "--dim gives one");
  }
  export_onnx(graph, file);
}

}  // namespace octet::cli
