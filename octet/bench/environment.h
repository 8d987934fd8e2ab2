#pragma once

#include <string>

#include "octet/base/result_record.h"
#include "octet/cpu/isa.h"

namespace octet {

/// Describes this machine and build, measuring the clock with a loop of dependent additions.
Environment describe_environment(Isa isa, int threads);

/// Peak resident set of this process in bytes, from the kernel's own account.
std::int64_t peak_rss_bytes();

}  // namespace octet
