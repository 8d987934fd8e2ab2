#pragma once

#include <cstdint>

namespace octet {

/// Counts what the program holds from operator new, of which every tensor, message and container of
/// ours is made: this test program replaces the operator. Works the same under AddressSanitizer,
/// unlike a limit of the address space.
class MemoryMeter {
 public:
  /// Past this operator new throws std::bad_alloc: a case that fails must not take the machine
  /// along.
  static constexpr std::int64_t kMaxBytes = std::int64_t{1} << 30;

  MemoryMeter();
  /// The most bytes held at one time since the construction, without those held then.
  std::int64_t peak_bytes() const;

 private:
  std::int64_t before_;
};

}  // namespace octet
