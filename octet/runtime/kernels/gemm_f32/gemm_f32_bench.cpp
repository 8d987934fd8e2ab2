#include <benchmark/benchmark.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "octet/base/aligned_buffer.h"
#include "octet/runtime/kernels/gemm_f32/gemm_f32.h"
#include "octet/runtime/kernels/gemm_shapes.h"

namespace octet {
namespace {

/// One layer, its operands drawn from a fixed seed.
struct Layer {
  GemmShape shape;
  std::vector<float> image;
  std::vector<float> weights;
  std::vector<float> bias;

  explicit Layer(const GemmShape& s)
      : shape(s),
        image(std::size_t(s.input_side()) * s.input_side() * s.channels),
        weights(std::size_t(s.n) * s.taps() * s.channels),
        bias(s.n + 64) {
    std::mt19937 rng(1);
    std::normal_distribution<float> normal;
    for (auto* values : {&image, &weights, &bias}) {
      for (float& x : *values) x = normal(rng);
    }
  }
};

/// A layer made ready for one kernel, as Plan compiles it.
class Prepared {
 public:
  Prepared(const GemmF32Kernel& kernel, const Layer& layer)
      : kernel_(kernel),
        layer_(layer),
        packed_(kernel.packed_bytes(layer.shape.taps(), layer.shape.channels, layer.shape.n)),
        output_(std::size_t(layer.shape.pixels()) * layer.shape.n),
        tiles_(gemm_tiles(layer.shape, kernel.mr, layer.image.data())) {
    kernel.pack(layer.shape.taps(), layer.shape.channels, layer.shape.n, layer.weights.data(),
                packed_.as<float>());
  }

  void run() {
    const GemmShape& shape = layer_.shape;
    for (const auto& tile : tiles_) {
      kernel_.run({.rows = tile.rows,
                   .taps = shape.taps(),
                   .channels = shape.channels,
                   .n = shape.n,
                   .a = tile.a.data(),
                   .weights = packed_.as<float>(),
                   .bias = layer_.bias.data(),
                   .c = output_.data() + std::size_t(tile.pixel) * shape.n,
                   .c_stride = shape.n,
                   .low = 0.0f,
                   .high = 6.0f});
    }
  }
  bool same_bytes(const Prepared& other) const {
    return std::memcmp(output_.data(), other.output_.data(), output_.size() * sizeof(float)) == 0;
  }

 private:
  const GemmF32Kernel& kernel_;
  const Layer& layer_;
  AlignedBuffer packed_;
  std::vector<float> output_;
  std::vector<GemmTile<float>> tiles_;
};

void measure(benchmark::State& state, const GemmF32Kernel& kernel, const GemmShape& shape) {
  const Layer layer(shape);
  Prepared prepared(kernel, layer);
  prepared.run();
  Prepared expected(gemm_f32_kernels().back(), layer);
  expected.run();
  if (!prepared.same_bytes(expected)) {
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
  for (const GemmF32Kernel& kernel : gemm_f32_kernels()) {
    if (!contains(host_isa(), kernel.needs)) continue;
    for (const GemmShape& shape : kGemmShapes) {
      const std::string name =
          "gemm_f32/" + std::string(kernel.name) + "/" + std::string(shape.name);
      benchmark::RegisterBenchmark(name.c_str(), [&kernel, &shape](benchmark::State& state) {
        measure(state, kernel, shape);
      })->Unit(benchmark::kMicrosecond);
    }
  }
  return true;
}();

}  // namespace
}  // namespace octet
