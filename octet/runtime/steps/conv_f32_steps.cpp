#include <algorithm>
#include <utility>

#include "octet/base/error.h"
#include "octet/runtime/kernels/depthwise/depthwise.h"
#include "octet/runtime/kernels/gemm_f32/gemm_f32.h"
#include "octet/runtime/steps/conv_steps.h"
#include "octet/runtime/steps/float_weights.h"
#include "octet/runtime/steps/merged_rows.h"
#include "octet/runtime/steps/product_blocks.h"
#include "octet/runtime/steps/window.h"
#include "octet/runtime/steps/window_geometry.h"

namespace octet {
namespace {

class ConvF32Step final : public Step {
 public:
  ConvF32Step(const WindowGeometry& geometry, const GemmF32Kernel& kernel, Stored in, Stored out,
              BufferId padding, std::vector<PackedFloat> groups, int channels_per_group,
              Clamp clamp)
      : g_(geometry),
        kernel_(kernel),
        in_(std::move(in)),
        out_(std::move(out)),
        padding_(padding),
        groups_(std::move(groups)),
        channels_(channels_per_group),
        clamp_(clamp) {
    outputs_ = static_cast<int>(out_.dims[3]) / static_cast<int>(groups_.size());
    const auto pixel_bytes = static_cast<std::int64_t>(sizeof(float)) * channels_;
    blocks_ = product_blocks({.n = outputs_,
                              .steps = g_.taps(),
                              .mr = kernel_.mr,
                              .nr = kernel_.nr,
                              .column_bytes = g_.taps() * pixel_bytes,
                              .row_bytes = pixel_bytes,
                              .splits_depth = true});
    const std::int64_t macs_per_tile =
        std::int64_t{g_.taps()} * channels_ * static_cast<std::int64_t>(out_.dims[3]) * kernel_.mr;
    tiles_per_piece_ = std::max<std::int64_t>(1, 500'000 / (macs_per_tile + 1));
  }

  /// The pointers of a block of tiles.
  std::size_t scratch_bytes() const {
    return sizeof(void*) * static_cast<std::size_t>(pointers_per_tile()) *
           static_cast<std::size_t>(blocks_.tiles);
  }

  void run(const RunContext& context) noexcept override {
    const std::int64_t pixels = context.outer(out_.dims) * g_.out_pixels();
    const std::int64_t tiles = (pixels + kernel_.mr - 1) / kernel_.mr;
    const WindowPointers<float> pointers(g_, context.get<float>(in_.buffer),
                                         context.get<float>(padding_));
    context.pool->parallel_for(
        tiles, tiles_per_task(context, blocks_.tiles, tiles, tiles_per_piece_),
        [&](std::int64_t begin, std::int64_t end, int thread) {
          for (std::int64_t first = begin; first < end; first += blocks_.tiles) {
            const std::int64_t last = std::min<std::int64_t>(first + blocks_.tiles, end);
            for (std::size_t group = 0; group < groups_.size(); ++group) {
              run_block(context, pointers, static_cast<int>(group), first * kernel_.mr,
                        std::min<std::int64_t>(last * kernel_.mr, pixels), thread);
            }
          }
        });
  }

 private:
  std::int64_t pointers_per_tile() const { return std::int64_t{g_.taps()} * kernel_.mr; }

  /// The pixels [first, last) of one group.
  void run_block(const RunContext& context, const WindowPointers<float>& pointers, int group,
                 std::int64_t first, std::int64_t last, int thread) const noexcept {
    const auto rows_at = [&](std::int64_t pixel) {
      return static_cast<int>(std::min<std::int64_t>(kernel_.mr, last - pixel));
    };
    auto* const all_rows = context.thread_scratch<const float*>(thread);
    const float** rows_of_a = all_rows;
    for (std::int64_t pixel = first; pixel < last; pixel += kernel_.mr) {
      pointers.fill(pixel, rows_at(pixel), group * channels_, rows_at(pixel), 1, rows_of_a);
      rows_of_a += pointers_per_tile();
    }
    const PackedFloat& packed = groups_[static_cast<std::size_t>(group)];
    const auto* const weights = context.get<std::byte>(packed.weights);
    const int taps = g_.taps();
    GemmF32Args args{};
    args.channels = channels_;
    args.c_stride = static_cast<std::ptrdiff_t>(out_.dims[3]);
    for (int column = 0; column < outputs_; column += blocks_.columns) {
      args.n = std::min(blocks_.columns, outputs_ - column);
      args.bias = context.get<float>(packed.bias) + column;
      const std::byte* const panel = weights + kernel_.packed_bytes(taps, channels_, column);
      for (int tap = 0; tap < taps; tap += blocks_.depth) {
        args.taps = std::min(blocks_.depth, taps - tap);
        args.weights =
            reinterpret_cast<const float*>(panel + kernel_.packed_bytes(tap, channels_, args.n));
        args.continues = tap > 0;
        const Clamp clamp = tap + args.taps == taps ? clamp_ : Clamp{};
        args.low = clamp.low;
        args.high = clamp.high;
        rows_of_a = all_rows;
        for (std::int64_t pixel = first; pixel < last; pixel += kernel_.mr) {
          args.rows = rows_at(pixel);
          args.a = rows_of_a + std::ptrdiff_t{tap} * args.rows;
          args.c =
              context.get<float>(out_.buffer) + pixel * args.c_stride + group * outputs_ + column;
          kernel_.run(args);
          rows_of_a += pointers_per_tile();
        }
      }
    }
  }

  WindowGeometry g_;
  const GemmF32Kernel& kernel_;
  Stored in_, out_;
  BufferId padding_;
  std::vector<PackedFloat> groups_;
  int channels_, outputs_ = 0;
  Clamp clamp_;
  ProductBlocks blocks_{};
  std::int64_t tiles_per_piece_ = 1;
};

class DepthwiseF32Step final : public Step {
 public:
  static constexpr int kPixels = 16;

  DepthwiseF32Step(const WindowGeometry& geometry, const DepthwiseF32Kernel& kernel, Stored in,
                   Stored out, BufferId padding, PackedFloat packed, Clamp clamp)
      : g_(geometry),
        kernel_(kernel),
        in_(std::move(in)),
        out_(std::move(out)),
        padding_(padding),
        packed_(packed),
        clamp_(clamp) {}

  std::size_t scratch_bytes() const {
    return sizeof(void*) * kPixels * static_cast<std::size_t>(g_.taps());
  }

  void run(const RunContext& context) noexcept override {
    const std::int64_t pixels = context.outer(out_.dims) * g_.out_pixels();
    const WindowPointers<float> pointers(g_, context.get<float>(in_.buffer),
                                         context.get<float>(padding_));
    const std::int64_t grain =
        std::max<std::int64_t>(1, 100'000 / (std::int64_t{kPixels} * g_.taps() * g_.channels));
    context.pool->parallel_for(
        (pixels + kPixels - 1) / kPixels, grain,
        [&](std::int64_t begin, std::int64_t end, int thread) {
          auto* taps = context.thread_scratch<const float*>(thread);
          for (std::int64_t block = begin; block < end; ++block) {
            const std::int64_t first = block * kPixels;
            const int count = static_cast<int>(std::min<std::int64_t>(kPixels, pixels - first));
            pointers.fill(first, count, 0, 1, g_.taps(), taps);
            kernel_.run({count, g_.taps(), g_.channels, taps, context.get<float>(packed_.weights),
                         context.get<float>(packed_.bias),
                         context.get<float>(out_.buffer) + first * out_.dims[3],
                         static_cast<std::ptrdiff_t>(out_.dims[3]), clamp_.low, clamp_.high});
          }
        });
  }

 private:
  WindowGeometry g_;
  const DepthwiseF32Kernel& kernel_;
  Stored in_, out_;
  BufferId padding_;
  PackedFloat packed_;
  Clamp clamp_;
};

}  // namespace

void lower_conv_f32(PlanBuilder& builder, const Node& node) {
  const auto& conv = std::get<Conv2d>(node.op);
  FloatWeights weights = read_float_conv_weights(builder, node);
  WindowGeometry geometry = conv_geometry(builder.graph(), node, conv);
  Stored in = builder.stored(*node.inputs[0]);
  const bool is_depthwise =
      conv.groups == geometry.channels && weights.outputs == geometry.channels;
  if (!is_depthwise && merges_rows(geometry, conv.groups)) {
    MergedRows merged = merge_rows(builder, node, geometry, in, 0);
    weights.taps /= geometry.kernel[1];
    weights.inputs = merged.channels;
    geometry = merged.geometry;
    in = std::move(merged.input);
  }
  const Stored out = builder.define(node.outputs[0], DType::kFloat32);
  const BufferId padding = builder.add_constant(std::vector<float>(
      static_cast<std::size_t>(std::max(geometry.channels, weights.inputs)), 0.0f));
  PlanLayer layer{node.name, "Conv", "", "", count_macs(builder.graph(), node)};
  if (is_depthwise) {
    const DepthwiseF32Kernel& kernel = select_depthwise_f32(builder.isa());
    auto step = std::make_unique<DepthwiseF32Step>(geometry, kernel, in, out, padding,
                                                   by_tap(builder, weights), conv.activation);
    builder.request_scratch(step->scratch_bytes());
    layer.kernel = "depthwise_f32/" + std::string(kernel.name);
    builder.add_step(std::move(step), std::move(layer), {in.buffer, out.buffer});
    return;
  }
  const GemmF32Kernel& kernel = select_gemm_f32(builder.isa());
  std::vector<PackedFloat> groups;
  const int outputs = weights.outputs / conv.groups;
  for (int group = 0; group < conv.groups; ++group) {
    groups.push_back(pack_float(builder, kernel, weights, group * outputs, outputs));
  }
  auto step = std::make_unique<ConvF32Step>(geometry, kernel, in, out, padding, std::move(groups),
                                            weights.inputs, conv.activation);
  builder.request_scratch(step->scratch_bytes());
  layer.kernel = "conv2d_f32/" + std::string(kernel.name);
  builder.add_step(std::move(step), std::move(layer), {in.buffer, out.buffer});
}

}  // namespace octet
