#include <algorithm>
#include <utility>

#include "octet/base/error.h"
#include "octet/runtime/kernels/depthwise/depthwise.h"
#include "octet/runtime/kernels/gemm_f32/gemm_f32.h"
#include "octet/runtime/steps/conv_steps.h"
#include "octet/runtime/steps/float_weights.h"
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
    const std::int64_t macs_per_tile =
        std::int64_t{g_.taps()} * channels_ * static_cast<std::int64_t>(out_.dims[3]) * kernel_.mr;
    tiles_per_piece_ = std::max<std::int64_t>(1, 500'000 / (macs_per_tile + 1));
  }

  std::size_t scratch_bytes() const {
    return sizeof(void*) * static_cast<std::size_t>(g_.taps()) *
           static_cast<std::size_t>(kernel_.mr);
  }

  void run(const RunContext& context) noexcept override {
    const std::int64_t pixels = context.outer(out_.dims) * g_.out_pixels();
    const WindowPointers<float> pointers(g_, context.get<float>(in_.buffer),
                                         context.get<float>(padding_));
    const int outputs = static_cast<int>(out_.dims[3]) / static_cast<int>(groups_.size());
    context.pool->parallel_for(
        (pixels + kernel_.mr - 1) / kernel_.mr, tiles_per_piece_,
        [&](std::int64_t begin, std::int64_t end, int thread) {
          auto* rows_of_a = context.thread_scratch<const float*>(thread);
          for (std::int64_t tile = begin; tile < end; ++tile) {
            const std::int64_t first = tile * kernel_.mr;
            const int rows = static_cast<int>(std::min<std::int64_t>(kernel_.mr, pixels - first));
            for (std::size_t group = 0; group < groups_.size(); ++group) {
              const int at = static_cast<int>(group);
              pointers.fill(first, rows, at * channels_, rows, 1, rows_of_a);
              kernel_.run({rows, g_.taps(), channels_, outputs, rows_of_a,
                           context.get<float>(groups_[group].weights),
                           context.get<float>(groups_[group].bias),
                           context.get<float>(out_.buffer) + first * out_.dims[3] + at * outputs,
                           static_cast<std::ptrdiff_t>(out_.dims[3]), clamp_.low, clamp_.high});
            }
          }
        });
  }

 private:
  WindowGeometry g_;
  const GemmF32Kernel& kernel_;
  Stored in_, out_;
  BufferId padding_;
  std::vector<PackedFloat> groups_;
  int channels_;
  Clamp clamp_;
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
  const FloatWeights weights = read_float_conv_weights(builder, node);
  const WindowGeometry geometry = conv_geometry(builder.graph(), node, conv);
  const Stored in = builder.stored(*node.inputs[0]);
  const Stored out = builder.define(node.outputs[0], DType::kFloat32);
  const BufferId padding =
      builder.add_constant(std::vector<float>(static_cast<std::size_t>(geometry.channels), 0.0f));
  PlanLayer layer{node.name, "Conv", "", "", count_macs(builder.graph(), node)};
  if (conv.groups == geometry.channels && weights.outputs == geometry.channels) {
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
