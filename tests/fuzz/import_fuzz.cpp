// Bytes as an ONNX file: import, the passes that quantization and the runtime start from, and the
// forms in which a graph leaves octet.

#include "octet/graph/passes/passes.h"
#include "octet/onnx/onnx.h"
#include "tests/fuzz/fuzz.h"

namespace octet::fuzz {
namespace {

void examine(const Graph& graph) {
  verify(graph);
  if (to_string(graph).empty() && !graph.nodes().empty()) broken("a graph prints its nodes");
  (void)count_parameters(graph);
  (void)count_macs(graph);
  if (constant_bytes(graph) < 0) broken("constants have a size");
}

/// What octet wrote, octet reads; and writes again as it was.
void write_and_read(const Graph& graph) {
  std::vector<std::byte> file;
  if (!accepted([&] { file = to_onnx(graph); })) return;
  try {
    const Graph again = import_onnx(std::span<const std::byte>(file));
    if (again.outputs().size() != graph.outputs().size()) broken("a written file keeps outputs");
  } catch (const Error& error) {
    broken(std::string("a written file is read again: ") + error.what() + "\n" + to_string(graph));
  }
}

}  // namespace
}  // namespace octet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace octet;
  fuzz::accepted([&] {
    Graph graph = import_onnx(fuzz::as_bytes(data, size), {.max_nodes = 1000});
    fuzz::examine(graph);
    run_passes(graph, inference_passes());
    fuzz::examine(graph);
    fuzz::write_and_read(graph);
  });
  return 0;
}
