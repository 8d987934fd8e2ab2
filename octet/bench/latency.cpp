#include "octet/bench/latency.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "octet/base/error.h"
#include "octet/base/rng.h"
#include "octet/bench/bootstrap.h"

namespace octet {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kMinRounds = 10;
constexpr int kMaxRepeats = 1 << 20;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double time_ms(const Subject& subject, int repeats) {
  const Clock::time_point start = Clock::now();
  for (int i = 0; i < repeats; ++i) subject.run();
  return ms_since(start);
}

/// Warms up, then doubles the calls per round until a round lasts long enough for the clock.
int calibrate(const Subject& subject, const LatencyOptions& options) {
  for (int i = 0; i < options.warmup; ++i) subject.run();
  int repeats = 1;
  while (repeats < kMaxRepeats && time_ms(subject, repeats) < options.min_round_ms) repeats *= 2;
  return repeats;
}

/// ms_per_call[subject][round]
using Samples = std::vector<std::vector<double>>;

Samples sample(std::span<const Subject> subjects, const std::vector<int>& repeats,
               const LatencyOptions& options) {
  const std::size_t count = subjects.size();
  const int rounds = std::max(options.rounds, kMinRounds);
  Samples ms_per_call(count);
  const Clock::time_point start = Clock::now();
  for (int round = 0; round < rounds; ++round) {
    if (round >= kMinRounds && ms_since(start) > 1000 * options.max_seconds) break;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t s = (i + static_cast<std::size_t>(round)) % count;
      ms_per_call[s].push_back(time_ms(subjects[s], repeats[s]) / repeats[s]);
    }
  }
  return ms_per_call;
}

LatencyRecord summarize(const std::vector<double>& first, const std::vector<double>& ms, Rng& rng) {
  std::vector<double> speedups(ms.size());
  std::ranges::transform(first, ms, speedups.begin(), std::divides<>());
  LatencyRecord record;
  record.rounds = static_cast<int>(ms.size());
  record.p50_ms = percentile(ms, 0.50);
  record.p95_ms = percentile(ms, 0.95);
  record.p99_ms = percentile(ms, 0.99);
  record.mean_ms = std::accumulate(ms.begin(), ms.end(), 0.0) / static_cast<double>(ms.size());
  record.ci95_ms = median_interval(ms, rng);
  record.speedup = percentile(speedups, 0.50);
  record.speedup_ci95 = median_interval(speedups, rng);
  return record;
}

}  // namespace

std::vector<LatencyRecord> measure_latency(std::span<const Subject> subjects,
                                           const LatencyOptions& options) {
  if (options.rounds < 1) {
    fail(ErrorKind::kUsage, "latency: rounds: found ", options.rounds, ", accepted: 1 or more");
  }
  if (options.warmup < 0) {
    fail(ErrorKind::kUsage, "latency: warmup: found ", options.warmup, ", accepted: 0 or more");
  }
  std::vector<int> repeats;
  for (const Subject& subject : subjects) repeats.push_back(calibrate(subject, options));
  const Samples ms_per_call = sample(subjects, repeats, options);

  Rng rng(options.seed);
  std::vector<LatencyRecord> records;
  for (const std::vector<double>& ms : ms_per_call) {
    records.push_back(summarize(ms_per_call.front(), ms, rng));
  }
  return records;
}

}  // namespace octet
