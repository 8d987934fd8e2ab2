#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "octet/cpu/isa.h"
#include "tests/fuzz/fuzz.h"

namespace octet::fuzz {

/// Elements at a cache line's start, `readable` bytes behind them and nothing more: the address
/// sanitizer sees what a kernel touches outside. Every byte starts as `fill`.
template <typename T>
class Block {
 public:
  explicit Block(std::size_t count, std::size_t readable = 0, int fill = 0xa5)
      : size_(count), data_(static_cast<T*>(::operator new(count * sizeof(T) + readable, kLine))) {
    std::memset(static_cast<void*>(data_.get()), fill, count * sizeof(T) + readable);
  }
  Block(const std::vector<T>& values, std::size_t readable, int fill = 0xa5)
      : Block(values.size(), readable, fill) {
    std::copy(values.begin(), values.end(), data());
  }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  std::vector<T> values() const { return {data(), data() + size_}; }

 private:
  static constexpr std::align_val_t kLine{64};
  struct Free {
    void operator()(T* data) const { ::operator delete(data, kLine); }
  };
  std::size_t size_;
  std::unique_ptr<T, Free> data_;
};

/// Turns the fuzzer's bytes into operands: first the numbers that shape a problem, then its
/// elements, which repeat the bytes that are left when a problem needs more.
class Operands {
 public:
  Operands(const std::uint8_t* data, std::size_t size) : bytes_(data, size) {}

  int between(int low, int high) { return bytes_.ConsumeIntegralInRange(low, high); }
  bool coin() { return bytes_.ConsumeBool(); }
  /// 0 to `high`, mostly near a multiple of a vector or at an end.
  int around_vectors(int high) {
    static constexpr int kEdges[] = {1,  3,  4,  7,  8,  9,  15,  16,  17,  31, 32,
                                     33, 48, 63, 64, 65, 96, 127, 128, 129, 257};
    const int edge = bytes_.PickValueInArray(kEdges);
    return std::clamp(coin() ? edge : between(1, high), 1, high);
  }
  std::int32_t zero() {
    static constexpr std::int32_t kZeros[] = {0, 1, 127, 128, 129, 255};
    return coin() ? bytes_.PickValueInArray(kZeros) : between(0, 255);
  }
  /// A finite scale above zero.
  float scale() {
    static constexpr float kScales[] = {1.0f,   0.5f,  0.1f,  0.0078125f, 0x1p-126f,
                                        1e-30f, 3e38f, 0.02f, 17.3f};
    if (coin()) return bytes_.PickValueInArray(kScales);
    const float drawn = std::fabs(any_float());
    return std::isfinite(drawn) && drawn > 0.0f ? drawn : 1.0f;
  }
  float finite_float() {
    const float drawn = any_float();
    return std::isfinite(drawn) ? drawn : 0.25f;
  }
  /// low <= high, neither a NaN.
  std::pair<float, float> clamp_range() {
    static constexpr float kBounds[] = {
        -std::numeric_limits<float>::infinity(), -1.0f, -0.0f, 0.0f, 6.0f,
        std::numeric_limits<float>::infinity()};
    const float a = bytes_.PickValueInArray(kBounds), b = bytes_.PickValueInArray(kBounds);
    return {std::min(a, b), std::max(a, b)};
  }

  /// No number may be asked for any more.
  void begin_elements() {
    rest_ = bytes_.ConsumeRemainingBytes<std::uint8_t>();
    if (rest_.empty()) rest_.push_back(0x5b);
  }
  std::uint8_t code() {
    const std::uint8_t byte = rest_[next_ % rest_.size()];
    // A second round over the bytes must not repeat the first.
    const std::size_t round = next_++ / rest_.size();
    return static_cast<std::uint8_t>(byte + 37 * round);
  }
  std::int32_t word() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | code();
    return static_cast<std::int32_t>(value);
  }
  /// Small steps that make exact ties, or any bit pattern.
  float real() {
    const std::uint8_t kind = code();
    if (kind < 8) {
      static constexpr float kSpecial[] = {0.0f,
                                           -0.0f,
                                           1e-40f,
                                           3.4e38f,
                                           -3.4e38f,
                                           1e30f,
                                           std::numeric_limits<float>::infinity(),
                                           std::numeric_limits<float>::quiet_NaN()};
      return kSpecial[kind];
    }
    if (kind < 16) {
      float value = 0;
      const std::int32_t bits = word();
      std::memcpy(&value, &bits, sizeof value);
      return value;
    }
    return static_cast<float>(static_cast<std::int8_t>(code())) * (kind % 2 == 0 ? 0.125f : 0.3f);
  }
  template <typename T, typename Draw>
  std::vector<T> draw(std::size_t count, Draw one) {
    std::vector<T> values(count);
    for (T& value : values) value = one();
    return values;
  }
  std::vector<std::uint8_t> codes(std::size_t count) {
    return draw<std::uint8_t>(count, [&] { return code(); });
  }
  std::vector<std::int8_t> weights(std::size_t count) {
    return draw<std::int8_t>(count, [&] { return static_cast<std::int8_t>(code()); });
  }
  std::vector<float> reals(std::size_t count) {
    return draw<float>(count, [&] { return real(); });
  }
  /// Half of what int32 holds: the rest is for the products.
  std::vector<std::int32_t> biases(std::size_t count) {
    return draw<std::int32_t>(count, [&] { return word() / (code() % 2 == 0 ? 2 : 65536); });
  }
  /// Finite, most of them such that sums become codes.
  std::vector<float> multipliers(std::size_t count) {
    return draw<float>(count, [&] {
      const std::uint8_t kind = code();
      if (kind >= 32) return std::ldexp(1.0f + static_cast<float>(code()) / 256.0f, -(kind % 24));
      const float value = real();
      return std::isfinite(value) ? value : 0.5f;
    });
  }

 private:
  float any_float() {
    const auto bits = bytes_.ConsumeIntegral<std::uint32_t>();
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

  FuzzedDataProvider bytes_;
  std::vector<std::uint8_t> rest_;
  std::size_t next_ = 0;
};

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;  // which NaN is left open
    if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0) return false;
  }
  return true;
}

template <typename T>
void require_equal(const std::vector<T>& found, const std::vector<T>& expected,
                   std::string_view family, std::string_view kernel) {
  bool equal = false;
  if constexpr (std::is_same_v<T, float>) {
    equal = same_bits(found, expected);
  } else {
    equal = found == expected;
  }
  if (!equal) broken(std::string(family) + ": " + std::string(kernel) + " equals the reference");
}

/// Calls `check` with every kernel of a table, the reference at its end included, that this machine
/// can run.
template <typename Table, typename Check>
void for_each_kernel(const Table& table, Check check) {
  for (const auto& kernel : table) {
    if (contains(host_isa(), kernel.needs)) check(kernel);
  }
}

// The families that multiply.
void fuzz_gemm_u8s8(Operands operands);
void fuzz_gemm_f32(Operands operands);
void fuzz_depthwise_u8s8(Operands operands);
void fuzz_depthwise_f32(Operands operands);

}  // namespace octet::fuzz
