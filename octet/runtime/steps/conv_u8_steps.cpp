#include <algorithm>
#include <utility>

#include "octet/base/error.h"
#include "octet/runtime/kernels/depthwise/depthwise.h"
#include "octet/runtime/steps/conv_steps.h"
#include "octet/runtime/steps/merged_rows.h"
#include "octet/runtime/steps/packed_weights.h"
#include "octet/runtime/steps/product_blocks.h"
#include "octet/runtime/steps/window.h"
#include "octet/runtime/steps/window_geometry.h"

namespace octet {
namespace {

/// One group of a convolution: a product with its own weights and slices of the channels.
struct ConvGroup {
  PackedGemm gemm;
  int in_channel = 0, out_channel = 0, outputs = 0;
};

/// Indirect convolution: tiles of output pixels, each one call of the kernel per group and block of
/// columns.
class ConvU8Step final : public Step {
 public:
  ConvU8Step(const WindowGeometry& geometry, Stored in, Stored out, BufferId padding,
             std::vector<ConvGroup> groups, const IntegerWeights& weights, const OutputStage& stage)
      : g_(geometry),
        in_(std::move(in)),
        out_(std::move(out)),
        padding_(padding),
        groups_(std::move(groups)),
        channels_(weights.inputs),
        taps_(weights.taps),
        summands_(weights.summands),
        zero_(stage.zero_point),
        q_low_(stage.q_low),
        q_high_(stage.q_high) {
    for (const ConvGroup& group : groups_) {
      const GemmU8S8Kernel& kernel = *group.gemm.kernel;
      tile_ = std::max(tile_, kernel.mr);
      blocks_.push_back(product_blocks({.n = group.outputs,
                                        .steps = taps_,
                                        .mr = kernel.mr,
                                        .nr = kernel.nr,
                                        .column_bytes = column_bytes(kernel, taps_, channels_),
                                        .row_bytes = channels_,
                                        .splits_depth = false}));
      most_tiles_ = std::max(most_tiles_, blocks_.back().tiles);
    }
    const std::int64_t macs_per_pixel =
        std::int64_t{taps_} * channels_ * static_cast<std::int64_t>(out_.dims[3]);
    // About 10 microseconds of work per piece, so that handing it out costs little.
    tiles_per_piece_ = std::max<std::int64_t>(1, 1'000'000 / (macs_per_pixel * tile_ + 1));
  }

  /// Pointers of a block of tiles, then the kernel's own scratch.
  std::size_t scratch_bytes() const {
    std::size_t kernel_bytes = 0;
    for (const ConvGroup& group : groups_) {
      kernel_bytes = std::max(kernel_bytes, group.gemm.kernel->scratch_bytes(taps_, channels_));
    }
    return pointer_bytes() + kernel_bytes;
  }

  void run(const RunContext& context) noexcept override {
    const std::int64_t pixels = context.outer(out_.dims) * g_.out_pixels();
    const std::int64_t tiles = (pixels + tile_ - 1) / tile_;
    const WindowPointers<std::uint8_t> pointers(g_, context.get<std::uint8_t>(in_.buffer),
                                                context.get<std::uint8_t>(padding_));
    context.pool->parallel_for(
        tiles, tiles_per_task(context, most_tiles_, tiles, tiles_per_piece_),
        [&](std::int64_t begin, std::int64_t end, int thread) {
          for (std::int64_t first = begin; first < end; first += most_tiles_) {
            const std::int64_t last = std::min<std::int64_t>(first + most_tiles_, end);
            for (std::size_t group = 0; group < groups_.size(); ++group) {
              run_block(context, pointers, group, first * tile_,
                        std::min<std::int64_t>(last * tile_, pixels), thread);
            }
          }
        });
  }

 private:
  std::int64_t pointers_per_tile() const { return std::int64_t{taps_} * tile_; }
  std::size_t pointer_bytes() const {
    return (static_cast<std::size_t>(pointers_per_tile()) * static_cast<std::size_t>(most_tiles_) *
                sizeof(void*) +
            63) /
           64 * 64;
  }

  /// The pixels [first, last) of one group.
  void run_block(const RunContext& context, const WindowPointers<std::uint8_t>& pointers,
                 std::size_t index, std::int64_t first, std::int64_t last,
                 int thread) const noexcept {
    const ConvGroup& group = groups_[index];
    const GemmU8S8Kernel& kernel = *group.gemm.kernel;
    const auto rows_at = [&](std::int64_t pixel) {
      return static_cast<int>(std::min<std::int64_t>(tile_, last - pixel));
    };
    auto* const scratch = context.thread_scratch<std::byte>(thread);
    auto* const all_rows = reinterpret_cast<const std::uint8_t**>(scratch);
    const std::uint8_t** rows_of_a = all_rows;
    for (std::int64_t pixel = first; pixel < last; pixel += tile_) {
      const int rows = rows_at(pixel);
      for (int summand = 0; summand < summands_; ++summand) {
        pointers.fill(pixel, rows, group.in_channel, rows, 1,
                      rows_of_a + std::ptrdiff_t{summand} * g_.taps() * rows);
      }
      rows_of_a += pointers_per_tile();
    }
    GemmU8S8Args args{};
    args.taps = taps_;
    args.channels = channels_;
    args.c_stride = out_.dims[3];
    args.c_zero = zero_;
    args.q_low = q_low_;
    args.q_high = q_high_;
    args.scratch = scratch + pointer_bytes();
    for (int column = 0; column < group.outputs; column += blocks_[index].columns) {
      args.n = std::min(blocks_[index].columns, group.outputs - column);
      args.weights = context.get<std::byte>(group.gemm.weights) +
                     kernel.packed_bytes(taps_, channels_, column);
      args.bias = context.get<std::int32_t>(group.gemm.bias) + column;
      args.multiplier = context.get<float>(group.gemm.multiplier) + column;
      rows_of_a = all_rows;
      for (std::int64_t pixel = first; pixel < last; pixel += tile_) {
        args.rows = rows_at(pixel);
        args.a = rows_of_a;
        args.c = context.get<std::uint8_t>(out_.buffer) + pixel * args.c_stride +
                 group.out_channel + column;
        kernel.run(args);
        rows_of_a += pointers_per_tile();
      }
    }
  }

  WindowGeometry g_;
  Stored in_, out_;
  BufferId padding_;
  std::vector<ConvGroup> groups_;
  int channels_;
  int taps_, summands_;  // taps_ = summands_ x taps of the window
  std::int32_t zero_, q_low_, q_high_;
  int tile_ = 1, most_tiles_ = 1;
  std::vector<ProductBlocks> blocks_;  // by group
  std::int64_t tiles_per_piece_ = 1;
};

class DepthwiseU8Step final : public Step {
 public:
  static constexpr int kPixels = 16;  // per kernel call

  DepthwiseU8Step(const WindowGeometry& geometry, const DepthwiseU8S8Kernel& kernel, Stored in,
                  Stored out, BufferId padding, PackedGemm packed, const IntegerWeights& weights,
                  const OutputStage& stage)
      : g_(geometry),
        kernel_(kernel),
        in_(std::move(in)),
        out_(std::move(out)),
        padding_(padding),
        packed_(packed),
        taps_(weights.taps),
        summands_(weights.summands),
        zero_(stage.zero_point),
        q_low_(stage.q_low),
        q_high_(stage.q_high) {}

  std::size_t scratch_bytes() const {
    return sizeof(void*) * kPixels * static_cast<std::size_t>(taps_);
  }

  void run(const RunContext& context) noexcept override {
    const std::int64_t pixels = context.outer(out_.dims) * g_.out_pixels();
    const WindowPointers<std::uint8_t> pointers(g_, context.get<std::uint8_t>(in_.buffer),
                                                context.get<std::uint8_t>(padding_));
    const std::int64_t blocks = (pixels + kPixels - 1) / kPixels;
    const std::int64_t grain =
        std::max<std::int64_t>(1, 200'000 / (std::int64_t{kPixels} * taps_ * g_.channels));
    context.pool->parallel_for(
        blocks, grain, [&](std::int64_t begin, std::int64_t end, int thread) {
          auto* taps = context.thread_scratch<const std::uint8_t*>(thread);
          for (std::int64_t block = begin; block < end; ++block) {
            const std::int64_t first = block * kPixels;
            const int count = static_cast<int>(std::min<std::int64_t>(kPixels, pixels - first));
            for (int summand = 0; summand < summands_; ++summand) {
              pointers.fill(first, count, 0, 1, taps_, taps + std::ptrdiff_t{summand} * g_.taps());
            }
            kernel_.run({count, taps_, g_.channels, taps, context.get<std::byte>(packed_.weights),
                         context.get<std::int32_t>(packed_.bias),
                         context.get<float>(packed_.multiplier),
                         context.get<std::uint8_t>(out_.buffer) + first * out_.dims[3],
                         static_cast<std::ptrdiff_t>(out_.dims[3]), zero_, q_low_, q_high_});
          }
        });
  }

 private:
  WindowGeometry g_;
  const DepthwiseU8S8Kernel& kernel_;
  Stored in_, out_;
  BufferId padding_;
  PackedGemm packed_;
  int taps_, summands_;  // as in ConvU8Step
  std::int32_t zero_, q_low_, q_high_;
};

/// A pixel of padding: zero points (clause 8), readable past its end.
BufferId padding_pixel(PlanBuilder& builder, int channels, std::int32_t zero_point) {
  return builder.add_constant(
      std::vector<std::uint8_t>(static_cast<std::size_t>(channels) + AlignedBuffer::kOverread,
                                static_cast<std::uint8_t>(zero_point)));
}

void add_depthwise(PlanBuilder& builder, const Node& node, const WindowGeometry& geometry,
                   const IntegerWeights& weights, const OutputStage& stage, const Stored& in,
                   const Stored& out, BufferId padding, std::int64_t macs) {
  const DepthwiseU8S8Kernel& kernel = select_depthwise_u8s8(builder.isa());
  // [c][taps][1] -> [taps][c]
  std::vector<std::int8_t> by_tap(weights.values.size());
  for (int c = 0; c < weights.outputs; ++c) {
    for (int t = 0; t < weights.taps; ++t) {
      by_tap[static_cast<std::size_t>(t * weights.outputs + c)] =
          weights.values[static_cast<std::size_t>(c * weights.taps + t)];
    }
  }
  AlignedBuffer bytes(kernel.packed_bytes(weights.taps, weights.outputs));
  kernel.pack(weights.taps, weights.outputs, by_tap.data(), bytes.data());
  builder.count_packed(bytes.size_bytes());
  PackedGemm packed;
  packed.weights = builder.add_constant(std::move(bytes));
  packed.bias = builder.add_constant(stage.bias);
  packed.multiplier = builder.add_constant(stage.multiplier);
  auto step =
      std::make_unique<DepthwiseU8Step>(geometry, kernel, in, out, padding, packed, weights, stage);
  builder.request_scratch(step->scratch_bytes());
  builder.add_step(std::move(step),
                   {node.name, "Conv", "depthwise_u8s8/" + std::string(kernel.name), "", macs},
                   {in.buffer, out.buffer});
}

/// A convolution without a QuantizeLinear behind it still needs codes to write.
const ActivationCodes& require_output(const Node& node, const IntegerNode& integer) {
  if (!integer.output) {
    fail(ErrorKind::kInternal, "compile: node '", node.name, "' (Conv) has no integer output");
  }
  return *integer.output;
}

}  // namespace

void lower_conv_u8(PlanBuilder& builder, const Node& node, const IntegerNode& integer) {
  const auto& conv = std::get<Conv2d>(node.op);
  const ActivationCodes& input = integer.inputs[0];
  const ActivationCodes& output = require_output(node, integer);
  IntegerWeights weights = read_weights(builder, node, input);
  const OutputStage stage =
      make_output_stage(node, weights, input, &output, intersect(conv.activation, integer.clamp));
  WindowGeometry geometry = conv_geometry(builder.graph(), node, conv);
  Stored in = builder.stored(input.integers);
  const bool is_depthwise =
      conv.groups == geometry.channels && weights.outputs == geometry.channels;
  if (!is_depthwise && merges_rows(geometry, conv.groups)) {
    MergedRows merged = merge_rows(builder, node, geometry, in, input.zero_point);
    weights.taps /= geometry.kernel[1];
    weights.inputs = merged.channels;
    geometry = merged.geometry;
    in = std::move(merged.input);
  }
  const Stored out =
      builder.define(output.integers, DType::kUInt8, output.scale, output.zero_point);
  const BufferId padding =
      padding_pixel(builder, std::max(geometry.channels, weights.inputs), input.zero_point);
  const std::int64_t macs = count_macs(builder.graph(), node);
  if (is_depthwise) {
    add_depthwise(builder, node, geometry, weights, stage, in, out, padding, macs);
    return;
  }
  std::vector<ConvGroup> groups;
  const int outputs = weights.outputs / conv.groups;
  for (int group = 0; group < conv.groups; ++group) {
    groups.push_back({pack_gemm(builder, weights, stage, group * outputs, outputs),
                      group * weights.inputs, group * outputs, outputs});
  }
  const std::string kernel = "conv2d_u8s8/" + std::string(groups[0].gemm.kernel->name);
  auto step =
      std::make_unique<ConvU8Step>(geometry, in, out, padding, std::move(groups), weights, stage);
  builder.request_scratch(step->scratch_bytes());
  builder.add_step(std::move(step), {node.name, "Conv", kernel, "", macs}, {in.buffer, out.buffer});
}

}  // namespace octet
