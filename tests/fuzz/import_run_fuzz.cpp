// Bytes as an ONNX file that is imported and run once, on the portable kernels and on those of one
// of this machine's instruction sets: the same bytes.

#include "octet/onnx/onnx.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/run_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace octet;
  fuzz::accepted([&] {
    const Graph graph = import_onnx(fuzz::as_bytes(data, size), {.max_nodes = 200});
    const auto inputs = fuzz::draw_inputs(graph, static_cast<std::uint32_t>(size));
    if (!inputs) return;
    static const std::vector<Isa> kIsas = testable_isas();  // weakest first
    const Isa isa = kIsas.size() == 1 ? kIsas[0] : kIsas[1 + size % (kIsas.size() - 1)];
    fuzz::expect_same(fuzz::run_model(graph, *inputs, Isa::kBaseline),
                      fuzz::run_model(graph, *inputs, isa),
                      "the same bytes on every instruction set");
  });
  return 0;
}
