#include "octet/runtime/steps/pool_steps.h"

#include <algorithm>

#include "octet/base/error.h"
#include "octet/runtime/kernels/pool/pool.h"
#include "octet/runtime/steps/packed_weights.h"
#include "octet/runtime/steps/window_geometry.h"

namespace octet {
namespace {

enum class PoolKind { kMax, kAverage, kAverageWithPadding };

/// The output codes that a fused clamp allows.
struct CodeRange {
  std::int32_t low = 0, high = 255;
};

/// How one window is reduced: which input pixels it holds and, for a mean, by what it divides.
struct PoolWindowTaps {
  int count = 0;    ///< taps inside the input
  int divisor = 1;  ///< positions of the mean
};

class PoolStep final : public Step {
 public:
  PoolStep(const WindowGeometry& geometry, PoolKind kind, const PoolKernel& kernel, Stored in,
           Stored out, Padding end_limit, CodeRange codes)
      : g_(geometry),
        kind_(kind),
        kernel_(kernel),
        in_(std::move(in)),
        out_(std::move(out)),
        limit_(end_limit),
        codes_(codes) {}

  std::size_t scratch_bytes() const { return pointer_bytes() + sum_bytes(); }

  void run(const RunContext& context) noexcept override {
    const std::int64_t rows = context.outer(out_.dims) * g_.out_h;
    const std::int64_t row_work = std::int64_t{g_.out_w} * g_.taps() * g_.channels;
    const std::int64_t grain = std::max<std::int64_t>(1, 200'000 / (row_work + 1));
    context.pool->parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end, int thread) {
      for (std::int64_t row = begin; row < end; ++row) {
        run_row(context, row / g_.out_h, static_cast<int>(row % g_.out_h), thread);
      }
    });
  }

 private:
  std::size_t pointer_bytes() const {
    return (sizeof(void*) * static_cast<std::size_t>(g_.taps()) + 63) / 64 * 64;
  }
  std::size_t sum_bytes() const {
    return sizeof(std::int32_t) * (static_cast<std::size_t>(g_.channels) + 64);
  }

  PoolWindowTaps gather(const std::byte* image, int oy, int ox, const void** taps) const noexcept {
    const std::size_t element = size_bytes(in_.dtype);
    PoolWindowTaps window;
    window.divisor = 0;
    for (int ky = 0; ky < g_.kernel[0]; ++ky) {
      const int y = oy * g_.stride[0] - g_.pad_top + ky * g_.dilation[0];
      for (int kx = 0; kx < g_.kernel[1]; ++kx) {
        const int x = ox * g_.stride[1] - g_.pad_left + kx * g_.dilation[1];
        // With ceil_mode a window may reach past the padding; such positions never count.
        if (y < g_.in_h + limit_[2] && x < g_.in_w + limit_[3]) ++window.divisor;
        if (y < 0 || y >= g_.in_h || x < 0 || x >= g_.in_w) continue;
        taps[window.count++] =
            image + (static_cast<std::size_t>(y) * static_cast<std::size_t>(g_.in_w) +
                     static_cast<std::size_t>(x)) *
                        static_cast<std::size_t>(g_.channels) * element;
      }
    }
    if (kind_ != PoolKind::kAverageWithPadding) window.divisor = window.count;
    return window;
  }

  void run_row(const RunContext& context, std::int64_t n, int oy, int thread) const noexcept {
    const bool integer = in_.dtype == DType::kUInt8;
    const std::size_t element = size_bytes(in_.dtype);
    const auto* image = context.get<std::byte>(in_.buffer) +
                        static_cast<std::size_t>(n * in_.elements_per_outer()) * element;
    auto* out = context.get<std::byte>(out_.buffer) +
                static_cast<std::size_t>(((n * g_.out_h) + oy) * g_.out_w) *
                    static_cast<std::size_t>(g_.channels) * element;
    auto* scratch = context.thread_scratch<std::byte>(thread);
    auto* taps = reinterpret_cast<const void**>(scratch);
    auto* sums = reinterpret_cast<std::int32_t*>(scratch + pointer_bytes());
    for (int ox = 0; ox < g_.out_w; ++ox) {
      const PoolWindowTaps window = gather(image, oy, ox, taps);
      if (kind_ == PoolKind::kMax) {
        (integer ? kernel_.max_u8 : kernel_.max_f32)({window.count, g_.channels, taps, out});
      } else if (integer) {
        const auto multiplier = static_cast<float>(
            static_cast<double>(in_.scale) /
            (static_cast<double>(std::max(window.divisor, 1)) * static_cast<double>(out_.scale)));
        kernel_.average_u8({window.count, g_.channels,
                            reinterpret_cast<const std::uint8_t* const*>(taps), nullptr, 0,
                            in_.zero_point, multiplier, reinterpret_cast<std::uint8_t*>(out),
                            out_.zero_point, codes_.low, codes_.high, sums});
      } else {
        kernel_.average_f32({window.count, g_.channels, reinterpret_cast<const float* const*>(taps),
                             nullptr, 0, static_cast<float>(std::max(window.divisor, 1)),
                             reinterpret_cast<float*>(out)});
      }
      out += static_cast<std::size_t>(g_.channels) * element;
    }
  }

  WindowGeometry g_;
  PoolKind kind_;
  const PoolKernel& kernel_;
  Stored in_, out_;
  Padding limit_;  ///< padding at the bottom and right that counts as positions
  CodeRange codes_;
};

class GlobalAverageStep final : public Step {
 public:
  GlobalAverageStep(const PoolKernel& kernel, Stored in, Stored out, CodeRange codes)
      : kernel_(kernel), in_(std::move(in)), out_(std::move(out)), codes_(codes) {
    pixels_ = in_.dims[1] * in_.dims[2];
    channels_ = static_cast<int>(in_.dims[3]);
    multiplier_ = static_cast<float>(static_cast<double>(in_.scale) /
                                     (static_cast<double>(pixels_) * out_.scale));
  }
  std::size_t scratch_bytes() const {
    return sizeof(std::int32_t) * (static_cast<std::size_t>(channels_) + 64);
  }
  void run(const RunContext& context) noexcept override {
    const std::int64_t sample = in_.elements_per_outer();
    const std::int64_t grain = std::max<std::int64_t>(1, 200'000 / (sample + 1));
    context.pool->parallel_for(
        context.outer(in_.dims), grain, [&](std::int64_t begin, std::int64_t end, int thread) {
          for (std::int64_t n = begin; n < end; ++n) {
            if (in_.dtype == DType::kUInt8) {
              kernel_.average_u8(
                  {pixels_, channels_, nullptr, context.get<std::uint8_t>(in_.buffer) + n * sample,
                   channels_, in_.zero_point, multiplier_,
                   context.get<std::uint8_t>(out_.buffer) + n * channels_, out_.zero_point,
                   codes_.low, codes_.high, context.thread_scratch<std::int32_t>(thread)});
            } else {
              kernel_.average_f32({pixels_, channels_, nullptr,
                                   context.get<float>(in_.buffer) + n * sample, channels_,
                                   static_cast<float>(pixels_),
                                   context.get<float>(out_.buffer) + n * channels_});
            }
          }
        });
  }

 private:
  const PoolKernel& kernel_;
  Stored in_, out_;
  CodeRange codes_;
  std::int64_t pixels_;
  int channels_;
  float multiplier_;
};

Stored integer_input(PlanBuilder& builder, const IntegerNode& integer) {
  Stored in = builder.stored(integer.inputs[0].integers);
  in.scale = integer.inputs[0].scale;
  in.zero_point = integer.inputs[0].zero_point;
  return in;
}

}  // namespace

void lower_pool(PlanBuilder& builder, const Node& node, const IntegerNode* integer) {
  const Stored in = integer ? integer_input(builder, *integer) : builder.stored(*node.inputs[0]);
  const Stored out = integer ? builder.define(integer->output->integers, DType::kUInt8,
                                              integer->output->scale, integer->output->zero_point)
                             : builder.define(node.outputs[0], DType::kFloat32);
  CodeRange codes;
  if (integer) {
    codes = {clamp_code(integer->clamp.low, out.scale, out.zero_point),
             clamp_code(integer->clamp.high, out.scale, out.zero_point)};
  }
  const PoolKernel& kernel = select_pool(builder.isa());
  const std::string type = integer ? "u8/" : "f32/";
  const auto add = [&](auto step, const std::string& family) {
    builder.request_scratch(step->scratch_bytes());
    builder.add_step(
        std::move(step),
        {node.name, std::string(op_name(node.op)), family + type + std::string(kernel.name)},
        {in.buffer, out.buffer});
  };
  if (std::holds_alternative<GlobalAveragePool>(node.op)) {
    add(std::make_unique<GlobalAverageStep>(kernel, in, out, codes), "global_average_");
    return;
  }
  const auto* max = std::get_if<MaxPool>(&node.op);
  const PoolWindow& window = max ? max->window : std::get<AveragePool>(node.op).window;
  const PoolKind kind = max ? PoolKind::kMax
                        : std::get<AveragePool>(node.op).count_include_pad
                            ? PoolKind::kAverageWithPadding
                            : PoolKind::kAverage;
  add(std::make_unique<PoolStep>(pool_geometry(builder.graph(), node, window), kind, kernel, in,
                                 out, window.padding, codes),
      max ? "max_pool_" : "average_pool_");
}

}  // namespace octet
