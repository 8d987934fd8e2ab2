#pragma once

#include <cstdint>

namespace octet {

/// One sample of `element_bytes`-wide elements (1 or 4): [channels][pixels] -> [pixels][channels].
void nchw_to_nhwc(int element_bytes, int channels, std::int64_t pixels, const void* src,
                  void* dst) noexcept;
/// [pixels][channels] -> [channels][pixels].
void nhwc_to_nchw(int element_bytes, int channels, std::int64_t pixels, const void* src,
                  void* dst) noexcept;

}  // namespace octet
