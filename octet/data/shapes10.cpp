#include <algorithm>
#include <array>

#include "octet/base/error.h"
#include "octet/data/draw.h"
#include "octet/data/parts.h"
#include "octet/data/sources.h"

namespace octet {
namespace {

constexpr int kSize = 32;
constexpr int kTrainSamples = 6000, kValidationSamples = 1000, kTestSamples = 2000;
static_assert(kTrainSamples % 10 == 0 && kValidationSamples % 10 == 0 && kTestSamples % 10 == 0);

// Difficulty: small_cnn should reach 85 to 95 % after 5 epochs, so that lost bits show.
constexpr float kRadiusMin = 6.5f, kRadiusMax = 12.5f;  // of the figure, pixels
constexpr float kMaxTilt = 0.26f;                       // tan(angle / 2): 29 degrees
constexpr float kStretch = 0.12f;                       // sides of the figure differ by up to this
constexpr float kMargin = 1.0f;                         // centre to border, in radii
constexpr float kBackgroundMin = 25.0f, kBackgroundMax = 130.0f;
constexpr float kContrastMin = 20.0f, kContrastMax = 100.0f;  // figure above background
constexpr float kTextureMax = 20.0f;      // amplitude of the background's texture
constexpr std::uint32_t kMaxStrokes = 3;  // distractors behind the figure: up to 2
constexpr float kStrokeContrast = 0.6f;   // of a distractor, as a share of a figure's
constexpr float kOcclusionProbability = 0.4f;
constexpr float kOcclusionMin = 0.8f, kOcclusionMax = 2.3f;  // half width of the bar in front
constexpr float kBlurMax = 1.0f;
constexpr std::int32_t kNoiseMin = 3, kNoiseMax = 20;  // standard deviation of pixel noise

const std::array<const char*, 10> kClassNames = {"circle",  "square",  "triangle", "cross",
                                                 "ring",    "star",    "diamond",  "hexagon",
                                                 "stripes", "crescent"};

constexpr Point kTriangle[] = {{0, -1}, {0.8660254, 0.5}, {-0.8660254, 0.5}};
constexpr Point kDiamond[] = {{0, -1}, {0.6, 0}, {0, 1}, {-0.6, 0}};
constexpr Point kHexagon[] = {{0.95, 0},  {0.475, 0.8227241},   {-0.475, 0.8227241},
                              {-0.95, 0}, {-0.475, -0.8227241}, {0.475, -0.8227241}};
constexpr Point kStar[] = {{0, -1},
                           {0.2586453, -0.3559947},
                           {0.9510565, -0.3090170},
                           {0.4184968, 0.1359779},
                           {0.5877853, 0.8090170},
                           {0, 0.44},
                           {-0.5877853, 0.8090170},
                           {-0.4184968, 0.1359779},
                           {-0.9510565, -0.3090170},
                           {-0.2586453, -0.3559947}};

/// Signed distance to the figure of a class, drawn with a circumscribed circle of about radius 1.
double figure_distance(int label, Point p) {
  switch (label) {
    case 0:
      return length(p) - 0.9;
    case 1:
      return box_distance(p, {0.76, 0.76});
    case 2:
      return polygon_distance(p, kTriangle);
    case 3:
      return std::min(box_distance(p, {0.95, 0.28}), box_distance(p, {0.28, 0.95}));
    case 4:
      return std::max(length(p) - 0.95, 0.5 - length(p));
    case 5:
      return polygon_distance(p, kStar);
    case 6:
      return polygon_distance(p, kDiamond);
    case 7:
      return polygon_distance(p, kHexagon);
    case 8:
      return std::min({box_distance(p, {0.85, 0.16}), box_distance(p - Point{0, 0.6}, {0.85, 0.16}),
                       box_distance(p + Point{0, 0.6}, {0.85, 0.16})});
    default:
      return std::max(length(p) - 0.95, 0.8 - length(p - Point{0.45, 0}));
  }
}

Rgb draw_colour(Rng& rng, float low, float high) {
  Rgb colour;
  for (double& value : colour) value = rng.uniform(low, high);
  return colour;
}

/// A colour that is brighter than `other` in every channel: by `share` of kContrastMin ..
/// kContrastMax. (Figures of either polarity would take many more epochs to learn.)
Rgb draw_brighter(Rng& rng, const Rgb& other, double share) {
  Rgb colour;
  for (std::size_t c = 0; c < 3; ++c) {
    colour[c] = other[c] + share * rng.uniform(kContrastMin, kContrastMax);
  }
  return colour;
}

/// A gradient from one colour to another and a smooth texture: random values on a 6 x 6 lattice,
/// interpolated linearly.
void draw_background(Rng& rng, Canvas& canvas, const Rgb& base) {
  constexpr int kCells = 5;
  std::array<double, (kCells + 1) * (kCells + 1)> lattice;
  const float amplitude = rng.uniform(0, kTextureMax);
  for (double& value : lattice) value = rng.uniform(-amplitude, amplitude);
  const Rgb slope = draw_colour(rng, -25, 25);
  const Point direction{rng.uniform(-1, 1), rng.uniform(-1, 1)};
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      const int cx = x * kCells / kSize, cy = y * kCells / kSize;
      const double fx = static_cast<double>(x * kCells % kSize) / kSize;
      const double fy = static_cast<double>(y * kCells % kSize) / kSize;
      const double* cell = &lattice[static_cast<std::size_t>(cy * (kCells + 1) + cx)];
      const double top = cell[0] + fx * (cell[1] - cell[0]);
      const double bottom = cell[kCells + 1] + fx * (cell[kCells + 2] - cell[kCells + 1]);
      const double texture = top + fy * (bottom - top);
      const double along = direction.x * (x - 15.5) / 16 + direction.y * (y - 15.5) / 16;
      for (int c = 0; c < 3; ++c) {
        const auto i = static_cast<std::size_t>(c);
        canvas.at(c, x, y) = base[i] + slope[i] * along + texture;
      }
    }
  }
}

Point draw_point(Rng& rng, float low, float high) {
  const double x = rng.uniform(low, high);
  return {x, rng.uniform(low, high)};
}

void draw_stroke(Canvas& canvas, Point from, Point to, double half_width, const Rgb& colour) {
  const Point middle{(from.x + to.x) / 2, (from.y + to.y) / 2};
  const double reach = length(to - from) / 2 + half_width;
  canvas.paint(middle, reach, colour,
               [&](Point p) { return segment_distance(p, from, to) - half_width; });
}

void draw_figure(Rng& rng, Canvas& canvas, int label, Point centre, double radius,
                 const Rgb& colour) {
  // (1 - t^2, 2t) / (1 + t^2) is a unit vector without sine and cosine.
  const double t = rng.uniform(-kMaxTilt, kMaxTilt);
  const Point axis{(1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)};
  const double stretch = rng.uniform(1 - kStretch, 1 + kStretch);
  const double mirror = rng.below(2) == 1 ? -1 : 1;
  canvas.paint(centre, radius * (1 + kStretch), colour, [&](Point p) {
    const Point d = p - centre;
    const Point turned{dot(d, axis), dot(d, Point{-axis.y, axis.x})};
    return figure_distance(label, {mirror * turned.x / (radius * stretch), turned.y / radius}) *
           radius;
  });
}

/// The difference of two uniform bytes has a triangular
/// distribution with variance (256^2 - 1) / 6, computed in integers.
void add_noise(Rng& rng, std::span<std::uint8_t> bytes) {
  constexpr std::int32_t kTriangularSigma = 105;
  const std::int32_t sigma =
      kNoiseMin + static_cast<std::int32_t>(rng.below(kNoiseMax - kNoiseMin + 1));
  const auto noisy = [&](std::uint8_t byte, std::uint32_t a, std::uint32_t b) {
    const std::int32_t noise =
        static_cast<std::int32_t>(a & 255) - static_cast<std::int32_t>(b & 255);
    return static_cast<std::uint8_t>(std::clamp(byte + noise * sigma / kTriangularSigma, 0, 255));
  };
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const std::uint32_t draw = rng.next_u32();
    bytes[i] = noisy(bytes[i], draw, draw >> 8);
    bytes[i + 1] = noisy(bytes[i + 1], draw >> 16, draw >> 24);
  }
}

void draw_image(Rng& rng, int label, std::span<std::uint8_t> bytes) {
  Canvas canvas(kSize);
  const Rgb background = draw_colour(rng, kBackgroundMin, kBackgroundMax);
  draw_background(rng, canvas, background);
  for (std::uint32_t strokes = rng.below(kMaxStrokes); strokes > 0; --strokes) {
    const Point from = draw_point(rng, 0, kSize), to = draw_point(rng, 0, kSize);
    const double half_width = rng.uniform(0.4f, 1.2f);
    draw_stroke(canvas, from, to, half_width, draw_brighter(rng, background, kStrokeContrast));
  }
  const double radius = rng.uniform(kRadiusMin, kRadiusMax);
  const auto margin = static_cast<float>(radius * kMargin);
  const Point centre = draw_point(rng, margin, kSize - margin);
  draw_figure(rng, canvas, label, centre, radius, draw_brighter(rng, background, 1));
  if (rng.uniform() < kOcclusionProbability) {
    const Point from = draw_point(rng, 0, kSize);
    const Point through = centre + draw_point(rng, -5, 5);
    const Point to{2 * through.x - from.x, 2 * through.y - from.y};
    const double half_width = rng.uniform(kOcclusionMin, kOcclusionMax);
    draw_stroke(canvas, from, to, half_width, draw_colour(rng, kBackgroundMin, kBackgroundMax));
  }
  canvas.blur(rng.uniform(0, kBlurMax));
  canvas.write(bytes);
  add_noise(rng, bytes);
}

/// A bijection of 32-bit numbers (the finalizer of MurmurHash3), so that different samples of one
/// seed never share a generator.
std::uint32_t mix(std::uint32_t x) {
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x = (x ^ (x >> 13)) * 0xc2b2ae35u;
  return x ^ (x >> 16);
}

/// `part` numbers the parts; every sample has its own generator, so a limit skips the work.
Dataset generate(std::uint32_t part, std::int64_t count, const DataOptions& options) {
  count = std::min(count, options.limit.value_or(count));
  Dataset data = make_dataset("shapes10", {3, kSize, kSize}, DType::kUInt8, count,
                              {kClassNames.begin(), kClassNames.end()});
  data.preprocessing = {
      .divisor = 255.0f, .mean = {0.5f, 0.5f, 0.5f}, .std = {0.25f, 0.25f, 0.25f}};
  const std::span<std::uint8_t> bytes = data.samples.mutable_data<std::uint8_t>();
  const auto image_bytes = static_cast<std::size_t>(sample_bytes(data));
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const int label = static_cast<int>(i % kClassNames.size());
    Rng rng(mix(mix(options.seed) ^ (part << 24 | static_cast<std::uint32_t>(i))));
    draw_image(rng, label, bytes.subspan(i * image_bytes, image_bytes));
    data.labels[i] = label;
  }
  return data;
}

}  // namespace

DataSplits load_shapes10(const std::string&, const DataOptions& options) {
  return {
      .train = generate(0, kTrainSamples, options),
      .validation = generate(1, options.validation_fraction > 0 ? kValidationSamples : 0, options),
      .test = generate(2, kTestSamples, options)};
}

}  // namespace octet
