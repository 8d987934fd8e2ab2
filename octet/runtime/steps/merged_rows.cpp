#include "octet/runtime/steps/merged_rows.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

namespace octet {
namespace {

constexpr int kMostChannels = 4;

template <typename T>
class PadRowsStep final : public Step {
 public:
  PadRowsStep(Stored in, Stored out, int left, int columns, T padding)
      : in_(std::move(in)), out_(std::move(out)), padding_(padding) {
    const auto channels = static_cast<std::int64_t>(in_.dims[3]);
    left_ = left * channels;
    copied_ = columns * channels;
    in_row_ = in_.dims[2] * channels;
    out_row_ = out_.dims[2] * channels;
  }

  void run(const RunContext& context) noexcept override {
    const T* in = context.get<T>(in_.buffer);
    T* out = context.get<T>(out_.buffer);
    const std::int64_t grain = std::max<std::int64_t>(1, 65'536 / out_row_);
    context.pool->parallel_for(context.outer(in_.dims) * in_.dims[1], grain,
                               [&](std::int64_t begin, std::int64_t end, int) {
                                 for (std::int64_t row = begin; row < end; ++row) {
                                   pad_row(in + row * in_row_, out + row * out_row_);
                                 }
                               });
  }

 private:
  void pad_row(const T* in, T* out) const noexcept {
    std::fill_n(out, left_, padding_);
    std::memcpy(out + left_, in, static_cast<std::size_t>(copied_) * sizeof(T));
    std::fill(out + left_ + copied_, out + out_row_, padding_);
  }

  Stored in_, out_;
  T padding_;
  std::int64_t left_ = 0, copied_ = 0, in_row_ = 0, out_row_ = 0;  // elements
};

/// Columns of the image, padding included, that the windows of a row of outputs cover.
std::int64_t covered_width(const WindowGeometry& g) {
  return std::int64_t{g.out_w - 1} * g.stride[1] + g.kernel[1];
}

}  // namespace

bool merges_rows(const WindowGeometry& geometry, int groups) {
  constexpr std::int64_t kMostColumns = 1 << 20;  // a padded copy of more is no first layer
  return groups == 1 && geometry.channels >= 1 && geometry.channels <= kMostChannels &&
         geometry.kernel[1] > 1 && geometry.dilation[1] == 1 && geometry.out_w >= 1 &&
         covered_width(geometry) <= kMostColumns;
}

MergedRows merge_rows(PlanBuilder& builder, const Node& node, const WindowGeometry& geometry,
                      const Stored& in, int padding) {
  MergedRows merged{geometry, in, geometry.kernel[1] * geometry.channels};
  WindowGeometry& g = merged.geometry;
  g.kernel[1] = 1;
  g.pad_left = 0;
  const auto width = static_cast<int>(covered_width(geometry));
  if (geometry.pad_left == 0 && width <= g.in_w) return merged;
  // A window may stride past the image and end in the padding before it.
  const int left = std::min(geometry.pad_left, width);
  const int columns = std::min(g.in_w, width - left);
  g.in_w = width;
  merged.input = builder.add_temporary_tensor({in.dims[0], in.dims[1], width, in.dims[3]}, in.dtype,
                                              in.scale, in.zero_point);
  std::unique_ptr<Step> step;
  if (in.dtype == DType::kFloat32) {
    step = std::make_unique<PadRowsStep<float>>(in, merged.input, left, columns,
                                                static_cast<float>(padding));
  } else {
    step = std::make_unique<PadRowsStep<std::uint8_t>>(in, merged.input, left, columns,
                                                       static_cast<std::uint8_t>(padding));
  }
  builder.add_step(std::move(step), {node.name + "/pad", "Pad", "layout/pad_rows", "", 0},
                   {in.buffer, merged.input.buffer});
  return merged;
}

}  // namespace octet
