#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "octet/base/rng.h"
#include "octet/runtime/kernels/quantize/quantize.h"

namespace octet {
namespace {

void quantize_nhwc(benchmark::State& state, const QuantizeKernel& kernel) {
  const int channels = static_cast<int>(state.range(0));
  const std::int64_t pixels = state.range(1);
  Rng rng(1);
  std::vector<float> x(static_cast<std::size_t>(channels * pixels));
  for (float& value : x) value = rng.normal();
  std::vector<std::uint8_t> actual(x.size()), expected(x.size());
  QuantizeNhwcArgs args{channels, pixels, x.data(), expected.data(), 0.02f, 120, 0, 255};
  quantize_kernels().back().quantize_nhwc(args);
  args.c = actual.data();
  kernel.quantize_nhwc(args);
  if (actual != expected) return state.SkipWithError("differs from the reference");
  for (auto _ : state) {
    kernel.quantize_nhwc(args);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(x.size()));
}

const bool registered = [] {
  for (const QuantizeKernel& kernel : quantize_kernels()) {
    if (!contains(host_isa(), kernel.needs)) continue;
    benchmark::RegisterBenchmark(
        ("quantize_nhwc/" + std::string(kernel.name)).c_str(),
        [&kernel](benchmark::State& state) { quantize_nhwc(state, kernel); })
        ->ArgNames({"channels", "pixels"})
        ->Args({1, 28 * 28})
        ->Args({3, 32 * 32})
        ->Args({3, 224 * 224})
        ->Args({16, 32 * 32});
  }
  return true;
}();

}  // namespace
}  // namespace octet
