#include "octet/runtime/kernels/table/table.h"

namespace octet {

void table_reference(const TableArgs& args) noexcept {
  for (std::int64_t i = 0; i < args.count; ++i) args.c[i] = args.table[args.a[i]];
}

}  // namespace octet
