#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "octet/base/aligned_buffer.h"
#include "octet/runtime/kernels/gemm_f32/gemm_f32.h"
#include "octet/runtime/kernels/gemm_f32_wq/gemm_f32_wq.h"

// Linear layers with blocks of 32: packed weights against float weights, on one thread. One row is
// bound by the memory that the weights come from; `weights` is the rate at which they are read.

namespace octet {
namespace {

constexpr int kBlock = 32;

struct LinearShape {
  int rows, depth, n;
};
constexpr LinearShape kShapes[] = {
    {1, 512, 4096}, {1, 4096, 4096}, {1, 25088, 4096}, {8, 4096, 4096}, {64, 4096, 1024}};

std::string text(const LinearShape& s) {
  return std::to_string(s.rows) + "x" + std::to_string(s.depth) + "x" + std::to_string(s.n);
}

/// Drawn operands and the packed form of one kernel; codes repeat every 61 columns, which keeps
/// preparation short.
class QuantizedLayer {
 public:
  QuantizedLayer(const GemmF32WqKernel& kernel, const LinearShape& shape)
      : kernel_(kernel),
        shape_(shape),
        codes_(kernel.packed_words(shape.depth, shape.n) * sizeof(std::uint32_t)),
        a_(std::size_t(shape.rows) * shape.depth),
        bias_(shape.n + 64),
        c_(std::size_t(shape.rows) * shape.n) {
    std::mt19937 rng(1);
    std::normal_distribution<float> normal;
    for (auto* values : {&bias_, &a_}) {  // the first row is that of any number of rows
      for (float& x : *values) x = normal(rng);
    }
    std::vector<std::uint8_t> columns(std::size_t(kernel.nr) * shape.depth);
    for (int first = 0; first < shape.n; first += kernel.nr) {
      const int count = std::min(kernel.nr, shape.n - first);
      for (int j = 0; j < count; ++j) {
        for (int k = 0; k < shape.depth; ++k)
          columns[std::size_t(j) * shape.depth + k] = code(first + j, k);
      }
      pack_wq_codes(
          kernel, shape.depth, count, kernel.panel_width(shape.n, first), columns.data(),
          codes_.as<std::uint32_t>() + kernel.panel_words(shape.depth) * std::size_t(first));
    }
    scale_.assign(kernel.packed_parameters(blocks(), shape.n), 0.01f);
  }

  void run() {
    std::vector<const float*> rows(kernel_.mr);
    for (int r = 0; r < shape_.rows; r += kernel_.mr) {
      const int count = std::min(kernel_.mr, shape_.rows - r);
      for (int i = 0; i < count; ++i) rows[i] = a_.data() + std::size_t(r + i) * shape_.depth;
      kernel_.run({.rows = count,
                   .depth = shape_.depth,
                   .n = shape_.n,
                   .block = kBlock,
                   .a = rows.data(),
                   .codes = codes_.as<std::uint32_t>(),
                   .scale = scale_.data(),
                   .zero = nullptr,
                   .common_zero = 8,
                   .bias = bias_.data(),
                   .c = c_.data() + std::size_t(r) * shape_.n,
                   .c_stride = shape_.n,
                   .low = 0.0f,
                   .high = 6.0f});
    }
  }
  std::size_t weight_bytes() const { return codes_.size_bytes() + scale_.size() * sizeof(float); }
  const std::vector<float>& output() const { return c_; }

 private:
  int blocks() const { return (shape_.depth - 1) / kBlock + 1; }
  std::uint8_t code(int column, int k) const {
    return static_cast<std::uint8_t>((column % 61 * 7 + k * 5 + k / 16) % (1 << kernel_.bits));
  }

  const GemmF32WqKernel& kernel_;
  LinearShape shape_;
  AlignedBuffer codes_;
  std::vector<float> scale_, a_, bias_, c_;
};

void report(benchmark::State& state, const LinearShape& shape, std::size_t weight_bytes) {
  constexpr auto kRate = benchmark::Counter::kIsIterationInvariantRate;
  state.counters["MAC/s"] = benchmark::Counter(double(shape.rows) * shape.depth * shape.n, kRate);
  state.counters["weights"] = benchmark::Counter(double(weight_bytes), kRate);
}

void measure(benchmark::State& state, const GemmF32WqKernel& kernel, const LinearShape& shape) {
  // One column in a few proves the kernel: the reference takes seconds for all of them.
  const LinearShape proof{std::min(shape.rows, kernel.mr), shape.depth, 100};
  QuantizedLayer found(kernel, proof),
      expected(select_gemm_f32_wq(Isa::kBaseline, kernel.bits), {1, shape.depth, 100});
  found.run();
  expected.run();
  if (std::memcmp(found.output().data(), expected.output().data(), 100 * sizeof(float)) != 0) {
    state.SkipWithError("differs from the reference");
    return;
  }
  QuantizedLayer layer(kernel, shape);
  for (auto _ : state) {
    layer.run();
    benchmark::ClobberMemory();
  }
  report(state, shape, layer.weight_bytes());
}

void measure_float(benchmark::State& state, const GemmF32Kernel& kernel, const LinearShape& shape) {
  std::vector<float> a(std::size_t(shape.rows) * shape.depth, 0.5f), bias(shape.n + 64);
  std::vector<float> c(std::size_t(shape.rows) * shape.n);
  AlignedBuffer weights(kernel.packed_bytes(1, shape.depth, shape.n));
  std::fill_n(weights.as<float>(), weights.size_bytes() / sizeof(float), 0.25f);
  std::vector<const float*> rows(kernel.mr);
  for (auto _ : state) {
    for (int r = 0; r < shape.rows; r += kernel.mr) {
      const int count = std::min(kernel.mr, shape.rows - r);
      for (int i = 0; i < count; ++i) rows[i] = a.data() + std::size_t(r + i) * shape.depth;
      kernel.run({count, 1, shape.depth, shape.n, rows.data(), weights.as<float>(), bias.data(),
                  c.data() + std::size_t(r) * shape.n, shape.n, 0.0f, 6.0f});
    }
    benchmark::ClobberMemory();
  }
  report(state, shape, weights.size_bytes());
}

const bool registered = [] {
  for (const LinearShape& shape : kShapes) {
    for (const GemmF32WqKernel& kernel : gemm_f32_wq_kernels()) {
      if (kernel.needs == Isa::kBaseline || !contains(host_isa(), kernel.needs)) continue;
      const std::string name = "gemm_f32_wq/" + std::string(kernel.name) + "_w" +
                               std::to_string(kernel.bits) + "/" + text(shape);
      benchmark::RegisterBenchmark(name.c_str(), [&kernel, &shape](benchmark::State& state) {
        measure(state, kernel, shape);
      })->Unit(benchmark::kMicrosecond);
    }
    for (const GemmF32Kernel& kernel : gemm_f32_kernels()) {
      if (kernel.needs == Isa::kBaseline || !contains(host_isa(), kernel.needs)) continue;
      const std::string name = "gemm_f32_wq/float_" + std::string(kernel.name) + "/" + text(shape);
      benchmark::RegisterBenchmark(name.c_str(), [&kernel, &shape](benchmark::State& state) {
        measure_float(state, kernel, shape);
      })->Unit(benchmark::kMicrosecond);
    }
  }
  return true;
}();

}  // namespace
}  // namespace octet
