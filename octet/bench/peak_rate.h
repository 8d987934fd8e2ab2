#pragma once

#include "octet/runtime/kernels/peak/peak.h"

namespace octet {

/// Multiply-accumulates per second of one thread that runs nothing but this mix: the best of many
/// short runs, about 20 ms in all. The machine must have what the mix needs.
double peak_macs_per_second(const PeakMix& mix);

}  // namespace octet
