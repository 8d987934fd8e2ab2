#include <cmath>

#include "octet/runtime/kernels/depthwise/depthwise.h"
#include "octet/runtime/kernels/reference.h"

namespace octet {

void depthwise_u8s8_reference(const DepthwiseU8S8Args& args) noexcept {
  const auto* weights = static_cast<const std::int8_t*>(args.weights);
  for (int p = 0; p < args.pixels; ++p) {
    for (int c = 0; c < args.channels; ++c) {
      std::int32_t acc = args.bias[c];
      for (int t = 0; t < args.taps; ++t) {
        acc += args.a[p * args.taps + t][c] * weights[t * args.channels + c];
      }
      args.c[p * args.c_stride + c] =
          requantize(acc, args.multiplier[c], args.c_zero, args.q_low, args.q_high);
    }
  }
}

void depthwise_f32_reference(const DepthwiseF32Args& args) noexcept {
  for (int p = 0; p < args.pixels; ++p) {
    for (int c = 0; c < args.channels; ++c) {
      float acc = args.bias[c];
      for (int t = 0; t < args.taps; ++t) {
        acc = std::fma(args.a[p * args.taps + t][c], args.weights[t * args.channels + c], acc);
      }
      args.c[p * args.c_stride + c] = clamp_f32(acc, args.low, args.high);
    }
  }
}

}  // namespace octet
