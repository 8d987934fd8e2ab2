#include "octet/onnx/momentum.h"

#include <charconv>
#include <iterator>

namespace octet {

float opposite_momentum(float momentum) {
  char text[64];
  const auto written = std::to_chars(std::begin(text), std::end(text), momentum);
  double value = 0.0;
  std::from_chars(std::begin(text), written.ptr, value);
  return static_cast<float>(1.0 - value);
}

}  // namespace octet
