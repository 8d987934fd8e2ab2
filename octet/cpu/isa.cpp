#include "octet/cpu/isa.h"

#include <array>

#include "octet/base/error.h"
#include "octet/base/names.h"

namespace octet {
namespace {

struct Level {
  std::string_view name;
  Isa isa;
};

// Weakest first. Each level holds the weaker ones, so that a kernel may need only the newest.
constexpr std::array<Level, 4> kLevels = {{
    {"baseline", Isa::kBaseline},
    {"avx2", Isa::kAvx2},
    {"avx512", Isa::kAvx2 | Isa::kAvx512},
    {"avx512vnni", Isa::kAvx2 | Isa::kAvx512 | Isa::kAvx512Vnni},
}};

Isa detect() {
#if defined(__x86_64__) || defined(__i386__)
  // These builtins also ask the operating system (XGETBV) whether it saves the wide registers.
  __builtin_cpu_init();
  Isa isa = Isa::kBaseline;
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return isa;
  isa = isa | Isa::kAvx2;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl")) {
    return isa;
  }
  isa = isa | Isa::kAvx512;
  if (__builtin_cpu_supports("avx512vnni")) isa = isa | Isa::kAvx512Vnni;
  return isa;
#else
  return Isa::kBaseline;
#endif
}

}  // namespace

Isa host_isa() {
  static const Isa isa = detect();
  return isa;
}

Isa parse_isa(std::string_view name) {
  if (name == "auto") return host_isa();
  for (const Level& level : kLevels) {
    if (level.name != name) continue;
    if (contains(host_isa(), level.isa)) return level.isa;
    fail(ErrorKind::kUnsupported, "instruction set: found '", name,
         "', but this machine offers at most '", to_string(host_isa()), "'");
  }
  if (name == "neon") {
    fail(ErrorKind::kUnsupported,
         "instruction set: found 'neon', but this program has no NEON kernels; accepted here: "
         "auto, baseline to ",
         to_string(host_isa()));
  }
  std::vector<std::string> accepted = {"auto"};
  for (const Level& level : kLevels) accepted.emplace_back(level.name);
  fail_unknown_name("instruction set", name, accepted);
}

std::string_view to_string(Isa isa) {
  std::string_view name;
  for (const Level& level : kLevels) {
    if (contains(isa, level.isa)) name = level.name;
  }
  return name;
}

std::vector<Isa> testable_isas() {
  std::vector<Isa> isas;
  for (const Level& level : kLevels) {
    if (contains(host_isa(), level.isa)) isas.push_back(level.isa);
  }
  return isas;
}

}  // namespace octet
