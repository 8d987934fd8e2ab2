#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "octet/cpu/isa.h"

namespace octet {

/// c[i] = table[a[i]]: any function of one uint8 code (requantization, Sigmoid, HardSwish ...) as
/// 256 entries built in double (numerics clause 6). In place (c == a) is allowed.
struct TableArgs {
  std::int64_t count;
  const std::uint8_t* a;
  std::uint8_t* c;
  const std::uint8_t* table;  // [256]
};
struct TableKernel {
  std::string_view name;
  Isa needs;
  void (*run)(const TableArgs& args) noexcept;
};
std::span<const TableKernel> table_kernels();
const TableKernel& select_table(Isa have);

}  // namespace octet
