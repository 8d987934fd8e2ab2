#include "octet/runtime/kernels/table/table.h"

#include <algorithm>

namespace octet {

void table_reference(const TableArgs& args) noexcept;
void table_avx2(const TableArgs& args) noexcept;
void table_avx512(const TableArgs& args) noexcept;

namespace {

constexpr TableKernel kKernels[] = {
    {"avx512", Isa::kAvx2 | Isa::kAvx512, table_avx512},
    {"avx2", Isa::kAvx2, table_avx2},
    {"reference", Isa::kBaseline, table_reference},
};

}  // namespace

std::span<const TableKernel> table_kernels() { return kKernels; }

const TableKernel& select_table(Isa have) {
  return *std::ranges::find_if(
      kKernels, [=](const TableKernel& kernel) { return contains(have, kernel.needs); });
}

}  // namespace octet
