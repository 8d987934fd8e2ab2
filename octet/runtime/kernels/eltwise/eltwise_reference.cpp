#include <algorithm>

#include "octet/runtime/kernels/eltwise/eltwise.h"
#include "octet/runtime/kernels/reference.h"

namespace octet {

void add_u8_reference(const EltwiseU8Args& args) noexcept {
  for (std::int64_t i = 0; i < args.count; ++i) {
    const float real_a = static_cast<float>(args.a[i] - args.a_zero) * args.a_scale;
    const float real_b = static_cast<float>(args.b[i] - args.b_zero) * args.b_scale;
    const float sum = clamp_f32(real_a + real_b, args.low, args.high);
    args.c[i] = static_cast<std::uint8_t>(
        round_clamped(sum / args.c_scale, -args.c_zero, 255 - args.c_zero) + args.c_zero);
  }
}

void mul_u8_reference(const EltwiseU8Args& args) noexcept {
  const float m =
      static_cast<float>(static_cast<double>(args.a_scale) * args.b_scale / args.c_scale);
  for (std::int64_t i = 0; i < args.count; ++i) {
    const std::int32_t product = (args.a[i] - args.a_zero) * (args.b[i] - args.b_zero);
    args.c[i] = requantize(product, m, args.c_zero, 0, 255);
  }
}

void add_f32_reference(const EltwiseF32Args& args) noexcept {
  for (std::int64_t i = 0; i < args.count; ++i) {
    args.c[i] = clamp_f32(args.a[i] + args.b[i], args.low, args.high);
  }
}

void mul_f32_reference(const EltwiseF32Args& args) noexcept {
  for (std::int64_t i = 0; i < args.count; ++i) args.c[i] = args.a[i] * args.b[i];
}

void clamp_f32_reference(const EltwiseF32Args& args) noexcept {
  for (std::int64_t i = 0; i < args.count; ++i) {
    args.c[i] = clamp_f32(args.a[i], args.low, args.high);
  }
}

void hard_f32_reference(const HardF32Args& args) noexcept {
  for (std::int64_t i = 0; i < args.count; ++i) {
    const float line = args.alpha * args.a[i] + args.beta;
    const float gate = std::max(0.0f, std::min(1.0f, line));
    args.c[i] = args.times_input ? args.a[i] * gate : gate;
  }
}

}  // namespace octet
