#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace octet {

// A small rasterizer for generated images. It uses +, -, *, / and sqrt of doubles only, which IEEE
// 754 rounds the same everywhere: the same draws give the same bytes on every machine.

struct Point {
  double x = 0, y = 0;
};
inline Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
inline Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
inline double dot(Point a, Point b) { return a.x * b.x + a.y * b.y; }
inline double length(Point p) { return std::sqrt(dot(p, p)); }

using Rgb = std::array<double, 3>;  ///< 0 .. 255

// Signed distances, negative inside.
inline double box_distance(Point p, Point half_size) {
  const double dx = std::fabs(p.x) - half_size.x;
  const double dy = std::fabs(p.y) - half_size.y;
  return dx <= 0 || dy <= 0 ? std::max(dx, dy) : length({dx, dy});
}
inline double segment_distance(Point p, Point from, Point to) {
  const Point edge = to - from;
  const Point w = p - from;
  const double along = std::clamp(dot(w, edge) / dot(edge, edge), 0.0, 1.0);
  return length({w.x - along * edge.x, w.y - along * edge.y});
}
/// Simple polygon of any orientation.
double polygon_distance(Point p, std::span<const Point> vertices);

/// Square RGB image of doubles, planes one after the other.
class Canvas {
 public:
  explicit Canvas(int size) : size_(size), planes_(3 * static_cast<std::size_t>(size * size)) {}

  int size() const { return size_; }
  double& at(int channel, int x, int y) {
    return planes_[static_cast<std::size_t>((channel * size_ + y) * size_ + x)];
  }

  /// Blends `colour` where `distance(pixel centre)`, in pixels, is negative. The pixel's covered
  /// share is 0.5 - distance, cut to [0, 1]. Nothing further than `reach` from `centre` is painted.
  template <typename Distance>
  void paint(Point centre, double reach, const Rgb& colour, const Distance& distance) {
    const auto clip = [&](double v) { return static_cast<int>(v < 0 ? 0 : v > size_ ? size_ : v); };
    for (int y = clip(centre.y - reach - 1); y < clip(centre.y + reach + 2); ++y) {
      for (int x = clip(centre.x - reach - 1); x < clip(centre.x + reach + 2); ++x) {
        const double d = distance(Point{x + 0.5, y + 0.5});
        if (d >= 0.5) continue;
        const double covered = d <= -0.5 ? 1.0 : 0.5 - d;
        for (int c = 0; c < 3; ++c) {
          double& pixel = at(c, x, y);
          pixel += covered * (colour[static_cast<std::size_t>(c)] - pixel);
        }
      }
    }
  }

  /// Binomial 3x3 blur with weights (1 2 1)/4 in both directions, mixed in by `amount` of 1.
  void blur(double amount);

  /// Rounded to the nearest byte.
  void write(std::span<std::uint8_t> bytes) const;

 private:
  int size_;
  std::vector<double> planes_;
};

}  // namespace octet
