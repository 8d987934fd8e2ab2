#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "octet/base/aligned_buffer.h"
#include "octet/runtime/kernels/gemm_shapes.h"
#include "octet/runtime/kernels/gemm_u8s8/gemm_u8s8.h"

namespace octet {
namespace {

/// One layer, its operands drawn from a fixed seed.
struct Layer {
  GemmShape shape;
  AlignedBuffer image;
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> bias;
  std::vector<float> multiplier;

  explicit Layer(const GemmShape& s)
      : shape(s),
        image(std::size_t(s.input_side()) * s.input_side() * s.channels),
        weights(std::size_t(s.n) * s.taps() * s.channels),
        bias(s.n + 64),
        multiplier(s.n + 64, 1e-2f / static_cast<float>(s.kernel)) {
    std::mt19937 rng(1);
    for (std::size_t i = 0; i < image.size_bytes(); ++i) image.as<std::uint8_t>()[i] = rng() % 256;
    // Within [-64, 64] every kernel of the table is exact.
    for (auto& w : weights) w = static_cast<std::int8_t>(static_cast<int>(rng() % 129) - 64);
    for (auto& b : bias) b = static_cast<std::int32_t>(rng() % 2001) - 1000;
  }
};

/// A layer made ready for one kernel, as Plan compiles it.
class Prepared {
 public:
  Prepared(const GemmU8S8Kernel& kernel, const Layer& layer)
      : kernel_(kernel),
        layer_(layer),
        packed_(kernel.packed_bytes(layer.shape.taps(), layer.shape.channels, layer.shape.n)),
        scratch_(kernel.scratch_bytes(layer.shape.taps(), layer.shape.channels)),
        output_(std::size_t(layer.shape.pixels()) * layer.shape.n),
        tiles_(gemm_tiles(layer.shape, kernel.mr, layer.image.as<std::uint8_t>())) {
    kernel.pack(layer.shape.taps(), layer.shape.channels, layer.shape.n, layer.weights.data(),
                packed_.data());
  }

  void run() {
    const GemmShape& shape = layer_.shape;
    for (const auto& tile : tiles_) {
      kernel_.run({.rows = tile.rows,
                   .taps = shape.taps(),
                   .channels = shape.channels,
                   .n = shape.n,
                   .a = tile.a.data(),
                   .weights = packed_.data(),
                   .bias = layer_.bias.data(),
                   .multiplier = layer_.multiplier.data(),
                   .c = output_.data() + std::size_t(tile.pixel) * shape.n,
                   .c_stride = shape.n,
                   .c_zero = 128,
                   .q_low = 0,
                   .q_high = 255,
                   .acc = nullptr,
                   .acc_stride = 0,
                   .scratch = scratch_.data()});
    }
  }
  const std::vector<std::uint8_t>& output() const { return output_; }

 private:
  const GemmU8S8Kernel& kernel_;
  const Layer& layer_;
  AlignedBuffer packed_;
  AlignedBuffer scratch_;
  std::vector<std::uint8_t> output_;
  std::vector<GemmTile<std::uint8_t>> tiles_;
};

void measure(benchmark::State& state, const GemmU8S8Kernel& kernel, const GemmShape& shape) {
  const Layer layer(shape);
  Prepared prepared(kernel, layer);
  prepared.run();
  Prepared expected(gemm_u8s8_kernels().back(), layer);
  expected.run();
  if (prepared.output() != expected.output()) {
    state.SkipWithError("differs from the reference");
    return;
  }
  for (auto _ : state) {
    prepared.run();
    benchmark::ClobberMemory();
  }
  state.counters["MAC/s"] =
      benchmark::Counter(shape.macs(), benchmark::Counter::kIsIterationInvariantRate);
}

const bool registered = [] {
  for (const GemmU8S8Kernel& kernel : gemm_u8s8_kernels()) {
    if (!contains(host_isa(), kernel.needs)) continue;
    for (const GemmShape& shape : kGemmShapes) {
      const std::string name =
          "gemm_u8s8/" + std::string(kernel.name) + "/" + std::string(shape.name);
      benchmark::RegisterBenchmark(name.c_str(), [&kernel, &shape](benchmark::State& state) {
        measure(state, kernel, shape);
      })->Unit(benchmark::kMicrosecond);
    }
  }
  return true;
}();

}  // namespace
}  // namespace octet
