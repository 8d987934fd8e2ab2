#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>

namespace octet {

/// Random numbers that are the same on every machine and standard library for the same seed:
/// MT19937 (Matsumoto and Nishimura 1998) with our own distributions.
class Rng {
 public:
  explicit Rng(std::uint32_t seed) : engine_(seed) {}

  std::uint32_t next_u32() { return engine_(); }
  /// Uniform in [0, 1): the low 24 bits of a draw, as PyTorch draws floats on the CPU.
  float uniform() { return static_cast<float>(next_u32() & 0xFFFFFFu) * 0x1p-24f; }
  float uniform(float low, float high) { return uniform() * (high - low) + low; }
  /// Standard normal by Box and Muller, computed in double.
  float normal();
  /// Uniform in [0, bound), bound >= 1: masked rejection on 32-bit draws, as numpy's legacy
  /// generator draws for a shuffle.
  std::uint32_t below(std::uint32_t bound);
  /// Fisher-Yates from the last element down; equals numpy.random.RandomState(seed).permutation.
  void shuffle(std::span<std::int32_t> values);

  /// The whole state, for checkpoints: text as written by std::mt19937.
  std::string state() const;
  void set_state(const std::string& state);

 private:
  std::mt19937 engine_;
};

}  // namespace octet
