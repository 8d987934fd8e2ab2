#include "octet/bench/environment.h"

#include <sys/resource.h>
#include <sys/utsname.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <optional>
#include <utility>

#include "octet/cpu/thread_pool.h"

namespace octet {
namespace {

/// The rest of the first line of `file` that starts with `key`, without separators and quotes.
std::optional<std::string> find_line(const char* file, std::string_view key) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t begin = line.find_first_not_of(" \t:=\"", key.size());
    if (begin == std::string::npos) return std::nullopt;
    return line.substr(begin, line.find_last_not_of(" \t\"") + 1 - begin);
  }
  return std::nullopt;
}

std::string cpu_name() {
  if (auto model = find_line("/proc/cpuinfo", "model name")) return *model;
  // Arm kernels give numbers, not names.
  const auto implementer = find_line("/proc/cpuinfo", "CPU implementer");
  const auto part = find_line("/proc/cpuinfo", "CPU part");
  if (implementer && part) return "Arm implementer " + *implementer + " part " + *part;
  return "unknown";
}

std::string os_name() {
  utsname system{};
  if (::uname(&system) != 0) return "unknown";
  const std::string kernel = std::string(system.sysname) + " " + system.release;
  const auto distribution = find_line("/etc/os-release", "PRETTY_NAME");
  return distribution ? *distribution + ", " + kernel : kernel;
}

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

/// Adds that wait for each other: one cycle each on every processor of the last decades. The
/// operand is a register because some processors fold small constants away at renaming.
template <std::size_t... I>
void dependent_adds(std::uint64_t& sum, std::uint64_t step, std::index_sequence<I...>) {
  const auto add = [&](std::size_t) {
    sum += step;
    asm volatile("" : "+r"(sum), "+r"(step));
  };
  (add(I), ...);
}

double measure_clock_ghz() {
  using Clock = std::chrono::steady_clock;
  constexpr int kAddsPerLoop = 64, kLoops = 50000, kTrials = 20;
  std::uint64_t sum = 0;
  double best = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < kLoops; ++i) {
      dependent_adds(sum, 3, std::make_index_sequence<kAddsPerLoop>());
    }
    const double ns = std::chrono::duration<double, std::nano>(Clock::now() - start).count();
    best = std::max(best, double{kAddsPerLoop} * kLoops / ns);
  }
  return best;
}

}  // namespace

Environment describe_environment(Isa isa, int threads) {
  return {
      .cpu = cpu_name(),
      .isa = std::string(to_string(isa)),
      .cores = available_cores(),
      .threads = threads,
      .clock_ghz = measure_clock_ghz(),
      .compiler = OCTET_COMPILER,
      .commit = OCTET_COMMIT,
      .os = os_name(),
      .date_utc = utc_now(),
  };
}

std::int64_t peak_rss_bytes() {
  if (const auto peak = find_line("/proc/self/status", "VmHWM")) return std::stoll(*peak) * 1024;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

}  // namespace octet
