#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <span>
#include <string>

#include "octet/base/error.h"

// What the fuzz targets share. A target's one duty: whatever the bytes, octet either answers or
// throws octet::Error. Everything else (a signal, a sanitizer's report, another exception, a wrong
// answer) ends the process, and libFuzzer keeps the input.

namespace octet::fuzz {

inline std::span<const std::byte> as_bytes(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const std::byte*>(data), size};
}

/// A promise of octet's is broken: ends the process with a message that says which.
[[noreturn]] inline void broken(const std::string& promise) {
  std::fprintf(stderr, "broken promise: %s\n", promise.c_str());
  std::abort();
}

/// The sanitizers make a second into about ten.
inline constexpr double kMaxCpuSeconds = 10.0;

/// Ends the process if the time since it was made is too long: of this process, so that other load
/// does not matter, unlike that of libFuzzer's own limit.
class CpuLimit {
 public:
  CpuLimit() = default;
  CpuLimit(const CpuLimit&) = delete;
  CpuLimit& operator=(const CpuLimit&) = delete;
  ~CpuLimit() {
    const double seconds = static_cast<double>(std::clock() - start_) / CLOCKS_PER_SEC;
    if (seconds > kMaxCpuSeconds) broken("an answer within 10 s, not " + std::to_string(seconds));
  }

 private:
  std::clock_t start_ = std::clock();
};

/// Runs `action` on untrusted data. False if it was refused; a refusal that blames ourselves is a
/// finding, as is an answer that takes too long.
template <typename Action>
bool accepted(Action action) {
  const CpuLimit limit;
  try {
    action();
    return true;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kInternal) broken(error.what());
    if (*error.what() == '\0') broken("an error says what is wrong");
    return false;
  }
}

}  // namespace octet::fuzz
