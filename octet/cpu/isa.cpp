#include "octet/cpu/isa.h"

namespace octet {
Isa host_isa() { return Isa::kBaseline; }
}  // namespace octet
