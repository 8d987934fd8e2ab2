#include <benchmark/benchmark.h>

#include <limits>
#include <string>
#include <vector>

#include "octet/runtime/kernels/eltwise/eltwise.h"

namespace octet {
namespace {

void add_u8(benchmark::State& state, const EltwiseKernel& kernel) {
  std::vector<std::uint8_t> a(static_cast<std::size_t>(state.range(0))), b(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<std::uint8_t>(i * i / 7);
    b[i] = static_cast<std::uint8_t>(i * i / 11);
  }
  std::vector<std::uint8_t> c(a.size()), expected(a.size());
  EltwiseU8Args args{
      state.range(0), a.data(), b.data(), expected.data(), 0.02f, 0.03f, 0.04f, 110, 130, 120};
  args.low = 0;
  args.high = std::numeric_limits<float>::infinity();
  eltwise_kernels().back().add_u8(args);
  args.c = c.data();
  kernel.add_u8(args);
  if (c != expected) return state.SkipWithError("differs from the reference");
  for (auto _ : state) {
    kernel.add_u8(args);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * args.count);
}

const bool registered = [] {
  for (const EltwiseKernel& kernel : eltwise_kernels()) {
    if (!contains(host_isa(), kernel.needs)) continue;
    benchmark::RegisterBenchmark(("add_u8/" + std::string(kernel.name)).c_str(),
                                 [&kernel](benchmark::State& state) { add_u8(state, kernel); })
        ->Arg(7 * 7 * 160)
        ->Arg(56 * 56 * 24);
  }
  return true;
}();

}  // namespace
}  // namespace octet
