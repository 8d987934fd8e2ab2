#include "octet/data/draw.h"

#include <algorithm>
#include <cmath>

namespace octet {

double length(Point p) { return std::sqrt(dot(p, p)); }

double box_distance(Point p, Point half_size) {
  const double dx = std::fabs(p.x) - half_size.x;
  const double dy = std::fabs(p.y) - half_size.y;
  if (dx <= 0 || dy <= 0) return std::max(dx, dy);
  return length({dx, dy});
}

double segment_distance(Point p, Point from, Point to) {
  const Point edge = to - from;
  const Point w = p - from;
  const double along = std::clamp(dot(w, edge) / dot(edge, edge), 0.0, 1.0);
  return length({w.x - along * edge.x, w.y - along * edge.y});
}

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
  const int last = size_ - 1;
  const std::vector<double> src = planes_;
  const auto from = [&](int c, int x, int y) {
    return src[static_cast<std::size_t>((c * size_ + std::clamp(y, 0, last)) * size_ +
                                        std::clamp(x, 0, last))];
  };
  const auto row = [&](int c, int x, int y) {
    return from(c, x - 1, y) + 2 * from(c, x, y) + from(c, x + 1, y);
  };
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < size_; ++y) {
      for (int x = 0; x < size_; ++x) {
        const double blurred = (row(c, x, y - 1) + 2 * row(c, x, y) + row(c, x, y + 1)) / 16;
        at(c, x, y) += amount * (blurred - at(c, x, y));
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
