#include "octet/runtime/kernels/pool/pool.h"
#include "octet/runtime/kernels/reference.h"

namespace octet {
namespace {

template <typename Args>
auto tap(const Args& args, std::int64_t t) {
  return args.a != nullptr ? args.a[t] : args.base + t * args.base_stride;
}

}  // namespace

void max_pool_u8_reference(const MaxPoolArgs& args) noexcept {
  for (int c = 0; c < args.channels; ++c) {
    std::uint8_t largest = 0;
    for (int t = 0; t < args.taps; ++t) {
      const std::uint8_t code = static_cast<const std::uint8_t*>(args.a[t])[c];
      if (code > largest) largest = code;
    }
    static_cast<std::uint8_t*>(args.c)[c] = largest;
  }
}

void max_pool_f32_reference(const MaxPoolArgs& args) noexcept {
  for (int c = 0; c < args.channels; ++c) {
    float largest = static_cast<const float*>(args.a[0])[c];
    for (int t = 1; t < args.taps; ++t) {
      const float value = static_cast<const float*>(args.a[t])[c];
      // The second condition keeps a NaN once it is there.
      largest = largest > value || largest != largest ? largest : value;
    }
    static_cast<float*>(args.c)[c] = largest;
  }
}

void average_pool_u8_reference(const AveragePoolU8Args& args) noexcept {
  for (int c = 0; c < args.channels; ++c) {
    std::int32_t sum = -static_cast<std::int32_t>(args.taps) * args.a_zero;
    for (std::int64_t t = 0; t < args.taps; ++t) sum += tap(args, t)[c];
    args.c[c] = requantize(sum, args.multiplier, args.c_zero, args.q_low, args.q_high);
  }
}

void average_pool_f32_reference(const AveragePoolF32Args& args) noexcept {
  for (int c = 0; c < args.channels; ++c) {
    float sum = tap(args, 0)[c];
    for (std::int64_t t = 1; t < args.taps; ++t) sum = sum + tap(args, t)[c];
    args.c[c] = sum / args.count;
  }
}

}  // namespace octet
