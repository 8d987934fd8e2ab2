#include <algorithm>
#include <utility>

#include "octet/graph/functions/window_axes.h"
#include "octet/runtime/steps/conv_steps.h"
#include "octet/runtime/steps/packed_weights.h"

namespace octet {
namespace {

/// The outputs y of one axis for which (y + begin) mod stride is the same read through the same
/// taps: output `first + i * stride` reads input `in_first + i - tap.shift` through each of them.
struct AxisPhase {
  struct Tap {
    int index = 0;  ///< in the kernel
    std::int64_t shift = 0;
  };
  std::int64_t first = 0, count = 0, in_first = 0;
  std::vector<Tap> taps;
};

std::vector<AxisPhase> phases_of(const WindowAxis& axis) {
  std::vector<AxisPhase> phases;
  for (std::int64_t phase = 0; phase < axis.stride; ++phase) {
    AxisPhase result;
    // The first output at or behind 0 with (first + begin) mod stride == phase.
    result.first = ((phase - axis.begin) % axis.stride + axis.stride) % axis.stride;
    if (result.first >= axis.out) continue;
    result.count = (axis.out - result.first + axis.stride - 1) / axis.stride;
    result.in_first = (result.first + axis.begin) / axis.stride;
    for (std::int64_t tap = 0; tap < axis.kernel; ++tap) {
      const std::int64_t offset = tap * axis.dilation;
      if (offset % axis.stride != phase) continue;
      result.taps.push_back({static_cast<int>(tap), offset / axis.stride});
    }
    phases.push_back(std::move(result));
  }
  return phases;
}

/// One group of one phase: a product with its own weights and slices of the channels.
struct PhaseGroup {
  PackedGemm gemm;
  int in_channel = 0, out_channel = 0;
};
struct Phase {
  AxisPhase y, x;
  std::vector<PhaseGroup> groups;

  int taps() const {
    return static_cast<int>(std::max<std::size_t>(1, y.taps.size() * x.taps.size()));
  }
};

/// A transposed convolution is one convolution of stride 1 per phase of the output, with the taps
/// that reach it; it writes every stride-th pixel of every stride-th row.
class ConvTransposeU8Step final : public Step {
 public:
  ConvTransposeU8Step(Stored in, Stored out, BufferId padding, std::vector<Phase> phases,
                      int channels, int outputs, std::int64_t stride_y, std::int64_t stride_x,
                      const OutputStage& stage)
      : in_(std::move(in)),
        out_(std::move(out)),
        padding_(padding),
        phases_(std::move(phases)),
        channels_(channels),
        outputs_(outputs),
        stride_y_(stride_y),
        stride_x_(stride_x),
        zero_(stage.zero_point),
        q_low_(stage.q_low),
        q_high_(stage.q_high) {
    for (const Phase& phase : phases_) {
      for (const PhaseGroup& group : phase.groups) {
        mr_ = std::max(mr_, group.gemm.kernel->mr);
        kernel_bytes_ =
            std::max(kernel_bytes_, group.gemm.kernel->scratch_bytes(phase.taps(), channels_));
      }
      taps_ = std::max(taps_, phase.taps());
    }
  }

  std::size_t scratch_bytes() const { return pointer_bytes() + kernel_bytes_; }

  void run(const RunContext& context) noexcept override {
    for (const Phase& phase : phases_) {
      const std::int64_t rows = context.outer(out_.dims) * phase.y.count;
      const std::int64_t macs_per_row = phase.x.count * phase.taps() * channels_ * out_.dims[3];
      const std::int64_t grain = std::max<std::int64_t>(1, 1'000'000 / (macs_per_row + 1));
      context.pool->parallel_for(rows, grain,
                                 [&](std::int64_t begin, std::int64_t end, int thread) {
                                   for (std::int64_t row = begin; row < end; ++row)
                                     run_row(context, phase, row, thread);
                                 });
    }
  }

 private:
  std::size_t pointer_bytes() const {
    return (static_cast<std::size_t>(taps_) * static_cast<std::size_t>(mr_) * sizeof(void*) + 63) /
           64 * 64;
  }

  void run_row(const RunContext& context, const Phase& phase, std::int64_t row,
               int thread) const noexcept {
    const std::int64_t image = row / phase.y.count, i = row % phase.y.count;
    const std::int64_t out_y = phase.y.first + i * stride_y_;
    auto* scratch = context.thread_scratch<std::byte>(thread);
    auto* pointers = reinterpret_cast<const std::uint8_t**>(scratch);
    for (std::int64_t j = 0; j < phase.x.count; j += mr_) {
      const auto count = static_cast<int>(std::min<std::int64_t>(mr_, phase.x.count - j));
      const std::int64_t out_x = phase.x.first + j * stride_x_;
      auto* c = context.get<std::uint8_t>(out_.buffer) +
                ((image * out_.dims[1] + out_y) * out_.dims[2] + out_x) * out_.dims[3];
      for (const PhaseGroup& group : phase.groups) {
        fill(context, phase, image, i, j, count, group.in_channel, pointers);
        GemmU8S8Args args{};
        args.rows = count;
        args.taps = phase.taps();
        args.channels = channels_;
        args.n = outputs_;
        args.a = pointers;
        args.weights = context.get<std::byte>(group.gemm.weights);
        args.bias = context.get<std::int32_t>(group.gemm.bias);
        args.multiplier = context.get<float>(group.gemm.multiplier);
        args.c = c + group.out_channel;
        args.c_stride = stride_x_ * out_.dims[3];
        args.c_zero = zero_;
        args.q_low = q_low_;
        args.q_high = q_high_;
        args.scratch = scratch + pointer_bytes();
        group.gemm.kernel->run(args);
      }
    }
  }

  /// [taps][count] pointers for the outputs i, j ... j + count - 1 of the phase.
  void fill(const RunContext& context, const Phase& phase, std::int64_t image, std::int64_t i,
            std::int64_t j, int count, int channel, const std::uint8_t** pointers) const noexcept {
    const auto* padding = context.get<std::uint8_t>(padding_) + channel;
    const auto* in = context.get<std::uint8_t>(in_.buffer) +
                     image * in_.dims[1] * in_.dims[2] * in_.dims[3] + channel;
    if (phase.y.taps.empty() || phase.x.taps.empty()) {
      std::fill_n(pointers, count, padding);  // the weights of this tap are zeros
      return;
    }
    for (const AxisPhase::Tap& tap_y : phase.y.taps) {
      const std::int64_t y = phase.y.in_first + i - tap_y.shift;
      const bool inside = y >= 0 && y < in_.dims[1];
      for (const AxisPhase::Tap& tap_x : phase.x.taps) {
        for (int r = 0; r < count; ++r) {
          const std::int64_t x = phase.x.in_first + j + r - tap_x.shift;
          *pointers++ = inside && x >= 0 && x < in_.dims[2]
                            ? in + (y * in_.dims[2] + x) * in_.dims[3]
                            : padding;
        }
      }
    }
  }

  Stored in_, out_;
  BufferId padding_;
  std::vector<Phase> phases_;
  int channels_, outputs_;  ///< of a group
  std::int64_t stride_y_, stride_x_;
  std::int32_t zero_, q_low_, q_high_;
  int mr_ = 1, taps_ = 1;
  std::size_t kernel_bytes_ = 0;
};

/// The weights of the taps of one phase; one tap of zeros where none reaches it.
IntegerWeights weights_of(const IntegerWeights& all, const AxisPhase& y, const AxisPhase& x,
                          std::int64_t kernel_x) {
  IntegerWeights part = all;
  part.values.clear();
  const auto inputs = static_cast<std::size_t>(all.inputs);
  for (int o = 0; o < all.outputs; ++o) {
    for (const AxisPhase::Tap& tap_y : y.taps) {
      for (const AxisPhase::Tap& tap_x : x.taps) {
        const std::int64_t tap = tap_y.index * kernel_x + tap_x.index;
        const auto* from = all.values.data() + (std::int64_t{o} * all.taps + tap) * all.inputs;
        part.values.insert(part.values.end(), from, from + inputs);
      }
    }
  }
  part.taps = static_cast<int>(y.taps.size() * x.taps.size());
  if (part.taps > 0) return part;
  part.taps = 1;
  part.values.assign(static_cast<std::size_t>(all.outputs) * inputs, 0);
  return part;
}

}  // namespace

void lower_conv_transpose_u8(PlanBuilder& builder, const Node& node, const IntegerNode& integer) {
  const ConvTransposeOptions& options = *conv_transpose_of(node.op);
  const ActivationCodes &input = integer.inputs[0], &output = *integer.output;
  const IntegerWeights weights = read_weights(builder, node, input);
  const Shape& x = builder.graph().value(*node.inputs[0]).shape;
  const Shape& w = builder.graph().value(*node.inputs[1]).shape;
  const WindowAxis axis_y = transposed_axis(options, 2, 0, x[2], w[2]);
  const WindowAxis axis_x = transposed_axis(options, 2, 1, x[3], w[3]);
  const auto groups = static_cast<int>(options.groups);
  const int outputs = weights.outputs / groups;

  OutputStage stage;
  std::vector<Phase> phases;
  std::string kernel;
  for (const AxisPhase& y : phases_of(axis_y)) {
    for (const AxisPhase& along_x : phases_of(axis_x)) {
      const IntegerWeights part = weights_of(weights, y, along_x, w[3]);
      stage = make_output_stage(node, part, input, &output, integer.clamp);
      Phase& phase = phases.emplace_back(Phase{y, along_x, {}});
      for (int group = 0; group < groups; ++group) {
        phase.groups.push_back({pack_gemm(builder, part, stage, group * outputs, outputs),
                                group * weights.inputs, group * outputs});
      }
      if (kernel.empty()) kernel = phase.groups[0].gemm.kernel->name;
    }
  }
  const Stored in = builder.stored(input.integers);
  const Stored out =
      builder.define(output.integers, DType::kUInt8, output.scale, output.zero_point);
  // A pixel of padding is the zero point (clause 8), readable past its end.
  const BufferId padding = builder.add_constant(
      std::vector<std::uint8_t>(static_cast<std::size_t>(x[1]) + AlignedBuffer::kOverread,
                                static_cast<std::uint8_t>(input.zero_point)));
  auto step =
      std::make_unique<ConvTransposeU8Step>(in, out, padding, std::move(phases), weights.inputs,
                                            outputs, axis_y.stride, axis_x.stride, stage);
  builder.request_scratch(step->scratch_bytes());
  builder.add_step(std::move(step),
                   {node.name, "ConvTranspose", "conv_transpose_u8s8/" + kernel, "",
                    count_macs(builder.graph(), node)},
                   {in.buffer, out.buffer});
}

}  // namespace octet
