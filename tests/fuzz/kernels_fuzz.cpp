// The same bytes to every kernel that this machine can run and to the reference of its family: the
// same result, bit for bit, and no access outside the operands.

#include "octet/runtime/kernels/eltwise/eltwise.h"
#include "octet/runtime/kernels/layout/layout.h"
#include "octet/runtime/kernels/pool/pool.h"
#include "octet/runtime/kernels/quantize/quantize.h"
#include "octet/runtime/kernels/table/table.h"
#include "tests/fuzz/kernel_problem.h"

namespace octet::fuzz {
namespace {

void fuzz_eltwise_u8(Operands operands) {
  EltwiseU8Args args{};
  args.count = operands.around_vectors(600);
  args.a_scale = operands.scale();
  args.b_scale = operands.scale();
  args.c_scale = operands.scale();
  args.a_zero = operands.zero();
  args.b_zero = operands.zero();
  args.c_zero = operands.zero();
  std::tie(args.low, args.high) = operands.clamp_range();
  const bool in_place = operands.coin();
  operands.begin_elements();
  const auto count = static_cast<std::size_t>(args.count);
  const auto a = operands.codes(count), b = operands.codes(count);
  const auto run = [&](void (*kernel)(const EltwiseU8Args&) noexcept) {
    Block<std::uint8_t> in_a(a, 0), in_b(b, 0), out(count);
    args.a = in_a.data();
    args.b = in_b.data();
    args.c = in_place ? in_b.data() : out.data();
    kernel(args);
    return in_place ? in_b.values() : out.values();
  };
  const EltwiseKernel& reference = eltwise_kernels().back();
  const auto sums = run(reference.add_u8), products = run(reference.mul_u8);
  for_each_kernel(eltwise_kernels(), [&](const EltwiseKernel& kernel) {
    require_equal(run(kernel.add_u8), sums, "add_u8", kernel.name);
    require_equal(run(kernel.mul_u8), products, "mul_u8", kernel.name);
  });
}

void fuzz_eltwise_f32(Operands operands) {
  EltwiseF32Args args{};
  args.count = operands.around_vectors(300);
  std::tie(args.low, args.high) = operands.clamp_range();
  operands.begin_elements();
  const auto count = static_cast<std::size_t>(args.count);
  const Block<float> a(operands.reals(count), 0), b(operands.reals(count), 0);
  args.a = a.data();
  args.b = b.data();
  const auto run = [&](void (*kernel)(const EltwiseF32Args&) noexcept) {
    Block<float> out(count);
    args.c = out.data();
    kernel(args);
    return out.values();
  };
  const EltwiseKernel& reference = eltwise_kernels().back();
  for_each_kernel(eltwise_kernels(), [&](const EltwiseKernel& kernel) {
    require_equal(run(kernel.add_f32), run(reference.add_f32), "add_f32", kernel.name);
    require_equal(run(kernel.mul_f32), run(reference.mul_f32), "mul_f32", kernel.name);
    require_equal(run(kernel.clamp_f32), run(reference.clamp_f32), "clamp_f32", kernel.name);
  });
}

/// One block for each tap, so that no kernel reads past the channels of any of them.
template <typename T>
struct Taps {
  std::vector<Block<T>> blocks;
  std::vector<const T*> typed;
  std::vector<const void*> untyped;

  template <typename Draw>
  Taps(int taps, std::size_t channels, Draw draw) {
    for (int t = 0; t < taps; ++t) {
      blocks.emplace_back(draw(channels), 0);
      typed.push_back(blocks.back().data());
      untyped.push_back(blocks.back().data());
    }
  }
};

void fuzz_pool_u8(Operands operands) {
  const int taps = operands.between(1, 30), channels = operands.around_vectors(260);
  const bool contiguous = operands.coin();
  AveragePoolU8Args args{};
  args.taps = contiguous ? taps * (operands.coin() ? 1 : 40) : taps;
  args.channels = channels;
  args.a_zero = operands.zero();
  args.multiplier = std::fabs(operands.finite_float());
  args.c_zero = operands.zero();
  args.q_low = operands.between(0, 255);
  args.q_high = operands.between(args.q_low, 255);
  args.base_stride = channels + operands.between(0, 5);
  if (operands.coin()) args.multiplier = 1.0f / static_cast<float>(args.taps);
  operands.begin_elements();
  const auto size = static_cast<std::size_t>(channels);
  const Taps<std::uint8_t> a(taps, size, [&](std::size_t count) { return operands.codes(count); });
  const Block<std::uint8_t> base(
      operands.codes(
          contiguous ? static_cast<std::size_t>((args.taps - 1) * args.base_stride) + size : 0),
      0);
  args.a = contiguous ? nullptr : a.typed.data();
  args.base = base.data();
  const auto average = [&](const PoolKernel& kernel) {
    Block<std::uint8_t> c(size);
    Block<std::int32_t> scratch(size + 64);
    args.c = c.data();
    args.scratch = scratch.data();
    kernel.average_u8(args);
    return c.values();
  };
  const auto maximum = [&](const PoolKernel& kernel) {
    Block<std::uint8_t> c(size);
    kernel.max_u8({taps, channels, a.untyped.data(), c.data()});
    return c.values();
  };
  const PoolKernel& reference = pool_kernels().back();
  for_each_kernel(pool_kernels(), [&](const PoolKernel& kernel) {
    require_equal(average(kernel), average(reference), "average_u8", kernel.name);
    require_equal(maximum(kernel), maximum(reference), "max_u8", kernel.name);
  });
}

void fuzz_pool_f32(Operands operands) {
  const int taps = operands.between(1, 30), channels = operands.around_vectors(100);
  const bool contiguous = operands.coin();
  AveragePoolF32Args args{};
  args.taps = taps;
  args.channels = channels;
  args.base_stride = channels + operands.between(0, 5);
  args.count = static_cast<float>(operands.between(taps, 2 * taps));
  operands.begin_elements();
  const auto size = static_cast<std::size_t>(channels);
  const Taps<float> a(taps, size, [&](std::size_t count) { return operands.reals(count); });
  const Block<float> base(
      operands.reals(contiguous ? static_cast<std::size_t>((taps - 1) * args.base_stride) + size
                                : 0),
      0);
  args.a = contiguous ? nullptr : a.typed.data();
  args.base = base.data();
  const auto average = [&](const PoolKernel& kernel) {
    Block<float> c(size);
    args.c = c.data();
    kernel.average_f32(args);
    return c.values();
  };
  const auto maximum = [&](const PoolKernel& kernel) {
    Block<float> c(size);
    kernel.max_f32({taps, channels, a.untyped.data(), c.data()});
    return c.values();
  };
  const PoolKernel& reference = pool_kernels().back();
  for_each_kernel(pool_kernels(), [&](const PoolKernel& kernel) {
    require_equal(average(kernel), average(reference), "average_f32", kernel.name);
    require_equal(maximum(kernel), maximum(reference), "max_f32", kernel.name);
  });
}

void fuzz_quantize(Operands operands) {
  QuantizeNhwcArgs args{};
  args.channels = operands.coin() ? operands.between(1, 4) : operands.around_vectors(40);
  args.pixels = operands.around_vectors(130);
  args.scale = operands.scale();
  args.zero = operands.zero();
  args.q_low = operands.between(0, 255);
  args.q_high = operands.between(args.q_low, 255);
  operands.begin_elements();
  const auto count = static_cast<std::size_t>(args.channels * args.pixels);
  const Block<float> x(operands.reals(count), 0);
  args.x = x.data();
  const auto nhwc = [&](const QuantizeKernel& kernel) {
    Block<std::uint8_t> c(count);
    args.c = c.data();
    kernel.quantize_nhwc(args);
    return c.values();
  };
  const auto plain = [&](const QuantizeKernel& kernel) {
    Block<std::uint8_t> c(count);
    kernel.quantize({static_cast<std::int64_t>(count), x.data(), c.data(), args.scale, args.zero,
                     args.q_low, args.q_high});
    return c.values();
  };
  const auto range = [&](const QuantizeKernel& kernel) {
    std::vector<float> bounds(2);
    kernel.min_max(static_cast<std::int64_t>(count), x.data(), &bounds[0], &bounds[1]);
    return bounds;
  };
  const QuantizeKernel& reference = quantize_kernels().back();
  for_each_kernel(quantize_kernels(), [&](const QuantizeKernel& kernel) {
    require_equal(nhwc(kernel), nhwc(reference), "quantize_nhwc", kernel.name);
    require_equal(plain(kernel), plain(reference), "quantize", kernel.name);
    require_equal(range(kernel), range(reference), "min_max", kernel.name);
  });
}

void fuzz_dequantize(Operands operands) {
  DequantizeSumsArgs args{};
  args.rows = operands.between(0, 4);
  args.n = operands.around_vectors(130);
  std::tie(args.low, args.high) = operands.clamp_range();
  const float scale = operands.scale();
  const std::int32_t zero = operands.zero();
  const bool with_bias = operands.coin();
  operands.begin_elements();
  const auto n = static_cast<std::size_t>(args.n);
  const std::size_t count = static_cast<std::size_t>(args.rows) * n;
  const Block<std::int32_t> acc(operands.draw<std::int32_t>(count, [&] { return operands.word(); }),
                                0);
  const Block<float> scales(operands.multipliers(n), 0), bias(operands.reals(n), 0);
  const Block<std::uint8_t> codes(operands.codes(n), 0);
  args.acc = acc.data();
  args.scale = scales.data();
  args.bias = with_bias ? bias.data() : nullptr;
  const auto sums = [&](const QuantizeKernel& kernel) {
    Block<float> y(count);
    args.y = y.data();
    kernel.dequantize_sums(args);
    return y.values();
  };
  const auto plain = [&](const QuantizeKernel& kernel) {
    Block<float> y(n);
    kernel.dequantize({args.n, codes.data(), y.data(), scale, zero});
    return y.values();
  };
  const QuantizeKernel& reference = quantize_kernels().back();
  for_each_kernel(quantize_kernels(), [&](const QuantizeKernel& kernel) {
    require_equal(sums(kernel), sums(reference), "dequantize_sums", kernel.name);
    require_equal(plain(kernel), plain(reference), "dequantize", kernel.name);
  });
}

void fuzz_table(Operands operands) {
  const int count = operands.around_vectors(1000);
  const bool in_place = operands.coin();
  operands.begin_elements();
  const Block<std::uint8_t> table(operands.codes(256), 0);
  const auto a = operands.codes(static_cast<std::size_t>(count));
  const auto run = [&](const TableKernel& kernel) {
    Block<std::uint8_t> in(a, 0), out(a.size());
    kernel.run({count, in.data(), in_place ? in.data() : out.data(), table.data()});
    return in_place ? in.values() : out.values();
  };
  const auto expected = run(table_kernels().back());
  for_each_kernel(table_kernels(), [&](const TableKernel& kernel) {
    require_equal(run(kernel), expected, "table", kernel.name);
  });
}

/// No table: one portable function and its inverse.
void fuzz_layout(Operands operands) {
  const int channels = operands.around_vectors(70), pixels = operands.around_vectors(140);
  const int bytes = operands.coin() ? 1 : 4;
  operands.begin_elements();
  const Block<std::uint8_t> nchw(
      operands.codes(static_cast<std::size_t>(channels * pixels * bytes)), 0);
  Block<std::uint8_t> nhwc(nchw.size()), back(nchw.size());
  nchw_to_nhwc(bytes, channels, pixels, nchw.data(), nhwc.data());
  nhwc_to_nchw(bytes, channels, pixels, nhwc.data(), back.data());
  require_equal(back.values(), nchw.values(), "layout", "there and back");
}

constexpr void (*kFamilies[])(Operands) = {fuzz_gemm_u8s8,     fuzz_gemm_f32,   fuzz_depthwise_u8s8,
                                           fuzz_depthwise_f32, fuzz_eltwise_u8, fuzz_eltwise_f32,
                                           fuzz_pool_u8,       fuzz_pool_f32,   fuzz_quantize,
                                           fuzz_dequantize,    fuzz_table,      fuzz_layout};

}  // namespace
}  // namespace octet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace octet::fuzz;
  if (size == 0) return 0;
  kFamilies[data[0] % std::size(kFamilies)](Operands(data + 1, size - 1));
  return 0;
}
