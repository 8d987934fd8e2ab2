#include "octet/bench/peak_rate.h"

#include <algorithm>
#include <chrono>

namespace octet {

double peak_macs_per_second(const PeakMix& mix) {
  constexpr int kRuns = 40;
  constexpr std::int64_t kIterations = 100'000;  // of 6 to 36 cycles each
  double best = 0;
  for (int run = 0; run < kRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    mix.run(kIterations);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    best =
        std::max(best, static_cast<double>(kIterations * mix.macs_per_iteration) / elapsed.count());
  }
  return best;
}

}  // namespace octet
