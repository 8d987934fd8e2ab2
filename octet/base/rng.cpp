#include "octet/base/rng.h"

#include <bit>
#include <cmath>
#include <numbers>
#include <sstream>
#include <utility>

#include "octet/base/error.h"

namespace octet {

float Rng::normal() {
  // 1 - u is in (0, 1], so the logarithm is finite.
  const double u = 1.0 - static_cast<double>(next_u32()) * 0x1p-32;
  const double v = static_cast<double>(next_u32()) * 0x1p-32;
  return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v));
}

std::uint32_t Rng::below(std::uint32_t bound) {
  const std::uint32_t mask = bound <= 1 ? 0 : ~std::uint32_t{0} >> std::countl_zero(bound - 1);
  if (mask == 0) return 0;
  std::uint32_t draw = next_u32() & mask;
  while (draw >= bound) draw = next_u32() & mask;
  return draw;
}

void Rng::shuffle(std::span<std::int32_t> values) {
  for (std::size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[below(static_cast<std::uint32_t>(i))]);
  }
}

std::string Rng::state() const {
  std::ostringstream text;
  text << engine_;
  return text.str();
}

void Rng::set_state(const std::string& state) {
  std::istringstream text(state);
  text >> engine_;
  if (!text) fail(ErrorKind::kBadData, "random generator state is damaged");
}

}  // namespace octet
