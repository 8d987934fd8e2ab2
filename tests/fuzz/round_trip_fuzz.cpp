// Bytes as an ONNX file that is quantized, written, read and run: the file that octet wrote gives
// the bytes that its graph gave, in float and in every quantized form.

#include "octet/base/rng.h"
#include "octet/graph/passes/passes.h"
#include "octet/onnx/onnx.h"
#include "octet/quant/quant_assignment.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/run_model.h"

namespace octet::fuzz {
namespace {

Graph quantized(const Graph& graph, const std::string& config, std::uint32_t seed) {
  const QuantSpec spec = parse_config(config);
  if (spec.scheme == Scheme::kDynamic) return insert_dynamic_quantization(graph, spec);
  Rng rng(seed);
  std::map<ValueId, Range> ranges;
  for (const ValueId point : activation_points(graph)) {
    ranges[point] = {-rng.uniform(0.0f, 3.0f), rng.uniform(0.5f, 8.0f)};
  }
  return insert_qdq(graph, assign(graph, ranges, spec), spec);
}

void expect_same_from_file(const Graph& graph, std::span<const Tensor> inputs,
                           const std::string& form) {
  std::vector<std::byte> file;
  if (!accepted([&] { file = to_onnx(graph); })) return;
  Graph again;
  try {
    again = import_onnx(std::span<const std::byte>(file));
  } catch (const Error& error) {
    broken(form + ": a written file is read again: " + error.what() + "\n" + to_string(graph));
  }
  expect_same(run_model(graph, inputs, host_isa()), run_model(again, inputs, host_isa()),
              form + ": a file gives the bytes of its graph");
}

}  // namespace
}  // namespace octet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace octet;
  fuzz::accepted([&] {
    Graph graph = import_onnx(fuzz::as_bytes(data, size), {.max_nodes = 200});
    const auto seed = static_cast<std::uint32_t>(size);
    const auto inputs = fuzz::draw_inputs(graph, seed);
    if (!inputs) return;
    fuzz::expect_same_from_file(graph, *inputs, "as imported");
    run_passes(graph, inference_passes());
    fuzz::expect_same_from_file(graph, *inputs, "after the passes");
    static const std::string kConfigs[] = {"static_int8_per_channel", "static_int8_per_tensor",
                                           "static_w4a6", "dynamic_int8"};
    const std::string& config = kConfigs[seed % std::size(kConfigs)];
    fuzz::expect_same_from_file(fuzz::quantized(graph, config, seed), *inputs, config);
  });
  return 0;
}
