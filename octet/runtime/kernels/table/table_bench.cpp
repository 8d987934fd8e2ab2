#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "octet/runtime/kernels/table/table.h"

namespace octet {
namespace {

void run_table(benchmark::State& state, const TableKernel& kernel) {
  std::vector<std::uint8_t> table(256), a(static_cast<std::size_t>(state.range(0)));
  for (std::size_t i = 0; i < 256; ++i) table[i] = static_cast<std::uint8_t>(i * i + 3 * i);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<std::uint8_t>(i * i / 7);
  std::vector<std::uint8_t> c(a.size()), expected(a.size());
  TableArgs args{state.range(0), a.data(), expected.data(), table.data()};
  table_kernels().back().run(args);
  args.c = c.data();
  kernel.run(args);
  if (c != expected) return state.SkipWithError("differs from the reference");
  for (auto _ : state) {
    kernel.run(args);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * args.count);
}

const bool registered = [] {
  for (const TableKernel& kernel : table_kernels()) {
    if (!contains(host_isa(), kernel.needs)) continue;
    benchmark::RegisterBenchmark(("table/" + std::string(kernel.name)).c_str(),
                                 [&kernel](benchmark::State& state) { run_table(state, kernel); })
        ->Arg(256)
        ->Arg(14 * 14 * 480);
  }
  return true;
}();

}  // namespace
}  // namespace octet
