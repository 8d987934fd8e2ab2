#include <algorithm>
#include <array>
#include <vector>

#include "octet/base/error.h"
#include "octet/data/dataset.h"
#include "octet/data/parts.h"

namespace octet {
namespace {

// Where one sample is cut out of its padded stored form. Draws per sample, in this order:
// top = below(2p + 1) and left = below(2p + 1) if p = crop_padding > 0; flip = below(2) if asked.
struct Placement {
  std::int64_t top = 0, left = 0;  ///< stored pixel at the output's corner
  bool flip = false;
};

Placement draw_placement(const Augmentation& augmentation, Rng* rng) {
  Placement placement;
  if (augmentation.crop_padding > 0) {
    const auto offsets = static_cast<std::uint32_t>(2 * augmentation.crop_padding + 1);
    placement.top = static_cast<std::int64_t>(rng->below(offsets)) - augmentation.crop_padding;
    placement.left = static_cast<std::int64_t>(rng->below(offsets)) - augmentation.crop_padding;
  }
  if (augmentation.horizontal_flip) placement.flip = rng->below(2) == 1;
  return placement;
}

/// The 256 results of the formula for one channel of bytes.
using ByteTable = std::array<float, 256>;

struct ByteChannel {
  const ByteTable& table;
  float operator()(std::uint8_t x) const { return table[x]; }
};

struct FloatChannel {
  float divisor, mean, std;
  float operator()(float x) const { return (x / divisor - mean) / std; }
};

/// One [height, width] plane under `placement`; outside of the stored plane lies the value 0.
template <typename T, typename Channel>
void fill_plane(const T* src, std::int64_t height, std::int64_t width, const Placement& placement,
                const Channel& channel, float* dst) {
  for (std::int64_t y = 0; y < height; ++y, dst += width) {
    const std::int64_t from_y = y + placement.top;
    if (from_y < 0 || from_y >= height) {
      std::fill_n(dst, width, channel(T{0}));
      continue;
    }
    const T* row = src + from_y * width;
    for (std::int64_t x = 0; x < width; ++x) {
      // The crop is flipped, not the stored image: the offset counts from the other side.
      const std::int64_t from_x = (placement.flip ? width - 1 - x : x) + placement.left;
      dst[x] = channel(from_x < 0 || from_x >= width ? T{0} : row[from_x]);
    }
  }
}

template <typename T, typename MakeChannel>
void fill_samples(const Dataset& data, std::span<const std::int32_t> indices,
                  const Augmentation& augmentation, Rng* rng, MakeChannel make_channel,
                  float* dst) {
  const std::int64_t elements = data.sample_shape.num_elements();
  const std::int64_t channels = channels_of(data.sample_shape);
  const std::int64_t plane = elements / channels;
  const bool augmented = augmentation.crop_padding > 0 || augmentation.horizontal_flip;
  const T* samples = data.samples.data<T>().data();
  for (const std::int32_t index : indices) {
    const T* src = samples + index * elements;
    const Placement placement = augmented ? draw_placement(augmentation, rng) : Placement{};
    for (std::int64_t c = 0; c < channels; ++c, src += plane, dst += plane) {
      const auto channel = make_channel(static_cast<std::size_t>(c));
      if (augmented) {
        fill_plane(src, data.sample_shape[1], data.sample_shape[2], placement, channel, dst);
      } else {
        for (std::int64_t i = 0; i < plane; ++i) dst[i] = channel(src[i]);
      }
    }
  }
}

void require_fit(const Dataset& data, std::span<const std::int32_t> indices,
                 const Preprocessing& preprocessing, const Augmentation& augmentation,
                 const Rng* rng, std::span<float> out) {
  const std::int64_t channels = channels_of(data.sample_shape);
  const auto means = static_cast<std::int64_t>(preprocessing.mean.size());
  if (means != static_cast<std::int64_t>(preprocessing.std.size()) ||
      (means != 1 && means != channels)) {
    fail(ErrorKind::kBadData, data.name, ": preprocessing of ", means, " channels for samples ",
         to_string(data.sample_shape), ", accepted: 1 or ", channels);
  }
  if (static_cast<std::int64_t>(out.size()) !=
      static_cast<std::int64_t>(indices.size()) * data.sample_shape.num_elements()) {
    fail(ErrorKind::kInternal, data.name, ": a batch of ", indices.size(), " samples ",
         to_string(data.sample_shape), " into ", out.size(), " floats");
  }
  for (const std::int32_t index : indices) {
    if (index < 0 || index >= data.size()) {
      fail(ErrorKind::kInternal, data.name, ": sample ", index, " of ", data.size());
    }
  }
  const bool augmented = augmentation.crop_padding != 0 || augmentation.horizontal_flip;
  if (augmented && (data.sample_shape.rank() != 3 || augmentation.crop_padding < 0)) {
    fail(ErrorKind::kUsage, data.name, ": augmentation with crop padding ",
         augmentation.crop_padding, " of samples ", to_string(data.sample_shape),
         ", accepted: padding of 0 or more on images [channels, height, width]");
  }
  if (augmented && rng == nullptr) {
    fail(ErrorKind::kInternal, data.name, ": augmentation without a random generator");
  }
}

}  // namespace

void fill_batch(const Dataset& data, std::span<const std::int32_t> indices,
                const Preprocessing& preprocessing, const Augmentation& augmentation, Rng* rng,
                std::span<float> out) {
  require_fit(data, indices, preprocessing, augmentation, rng, out);
  const auto float_channel = [&](std::size_t c) {
    const std::size_t i = preprocessing.mean.size() == 1 ? 0 : c;
    return FloatChannel{preprocessing.divisor, preprocessing.mean[i], preprocessing.std[i]};
  };
  if (data.samples.dtype() == DType::kFloat32) {
    fill_samples<float>(data, indices, augmentation, rng, float_channel, out.data());
    return;
  }
  if (data.samples.dtype() != DType::kUInt8) {
    fail(ErrorKind::kInternal, data.name, ": samples of type ", to_string(data.samples.dtype()));
  }
  std::vector<ByteTable> tables(static_cast<std::size_t>(channels_of(data.sample_shape)));
  for (std::size_t c = 0; c < tables.size(); ++c) {
    const FloatChannel channel = float_channel(c);
    for (std::size_t x = 0; x < 256; ++x) tables[c][x] = channel(static_cast<float>(x));
  }
  const auto byte_channel = [&](std::size_t c) { return ByteChannel{tables[c]}; };
  fill_samples<std::uint8_t>(data, indices, augmentation, rng, byte_channel, out.data());
}

}  // namespace octet
