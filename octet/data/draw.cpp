#include "octet/data/draw.h"

#include <algorithm>
#include <cmath>

namespace octet {

double polygon_distance(Point p, std::span<const Point> vertices) {
  double squared = dot(p - vertices[0], p - vertices[0]);
  bool inside = false;
  Point b = vertices.back();
  for (const Point a : vertices) {
    const Point edge = b - a;
    const Point w = p - a;
    const double along = std::clamp(dot(w, edge) / dot(edge, edge), 0.0, 1.0);
    const Point nearest{w.x - along * edge.x, w.y - along * edge.y};
    squared = std::min(squared, dot(nearest, nearest));
    // Even-odd rule: a ray along +x crosses this edge.
    if ((a.y > p.y) != (b.y > p.y) && w.x < edge.x * w.y / edge.y) inside = !inside;
    b = a;
  }
  return inside ? -std::sqrt(squared) : std::sqrt(squared);
}

void Canvas::blur(double amount) {
  const auto size = static_cast<std::size_t>(size_);
  std::vector<double> wide(size * size);  // blurred along x
  for (std::size_t c = 0; c < 3; ++c) {
    double* plane = &planes_[c * size * size];
    for (std::size_t y = 0; y < size; ++y) {
      const double* row = plane + y * size;
      double* out = &wide[y * size];
      out[0] = (3 * row[0] + row[1]) / 4;
      for (std::size_t x = 1; x + 1 < size; ++x) {
        out[x] = (row[x - 1] + 2 * row[x] + row[x + 1]) / 4;
      }
      out[size - 1] = (row[size - 2] + 3 * row[size - 1]) / 4;
    }
    for (std::size_t y = 0; y < size; ++y) {
      const double* above = &wide[(y == 0 ? 0 : y - 1) * size];
      const double* middle = &wide[y * size];
      const double* below = &wide[std::min(y + 1, size - 1) * size];
      double* out = plane + y * size;
      for (std::size_t x = 0; x < size; ++x) {
        out[x] += amount * ((above[x] + 2 * middle[x] + below[x]) / 4 - out[x]);
      }
    }
  }
}

void Canvas::write(std::span<std::uint8_t> bytes) const {
  for (std::size_t i = 0; i < planes_.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(std::clamp(planes_[i], 0.0, 255.0) + 0.5);
  }
}

}  // namespace octet
