// GEMM and depthwise kernels against their references.

#include "octet/runtime/kernels/depthwise/depthwise.h"
#include "octet/runtime/kernels/gemm_f32/gemm_f32.h"
#include "octet/runtime/kernels/gemm_u8s8/gemm_u8s8.h"
#include "tests/fuzz/kernel_problem.h"

namespace octet::fuzz {
namespace {

constexpr std::size_t kGap = 3;  // elements between two rows of a result, never written

struct Sizes {
  int rows, taps, channels, n;
  std::size_t depth() const {
    return static_cast<std::size_t>(taps) * static_cast<std::size_t>(channels);
  }
};

Sizes draw_sizes(Operands& operands, int max_rows) {
  const int taps = operands.coin() ? operands.between(1, 9) : 1;
  return {operands.between(1, max_rows), taps, operands.around_vectors(taps == 1 ? 300 : 80),
          operands.around_vectors(130)};
}

template <typename Kernel>
int most_rows(std::span<const Kernel> table) {
  int rows = 1;
  for_each_kernel(table, [&](const Kernel& kernel) { rows = std::max(rows, kernel.mr); });
  return rows;
}

template <typename T>
T* as(Block<std::byte>& block) {
  return reinterpret_cast<T*>(block.data());
}

std::size_t whole_lines(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

template <typename T>
std::vector<T> padded(std::vector<T> values, int multiple) {
  const auto step = static_cast<std::size_t>(multiple);
  values.resize((values.size() + step - 1) / step * step);
  return values;
}

/// Rows [first, first + count) of [taps][rows] pointers into `base`.
template <typename T>
std::vector<const T*> pointers(const T* base, const Sizes& sizes, int first, int count) {
  std::vector<const T*> result;
  for (int t = 0; t < sizes.taps; ++t) {
    for (int r = first; r < first + count; ++r) {
      result.push_back(base + static_cast<std::ptrdiff_t>(t * sizes.rows + r) * sizes.channels);
    }
  }
  return result;
}

struct U8S8Problem {
  Sizes sizes;
  std::int32_t c_zero, q_low, q_high;
  std::vector<std::uint8_t> a;
  std::vector<std::int8_t> w;
  std::vector<std::int32_t> bias;
  std::vector<float> multiplier;
};

/// In steps of as many rows as the kernel takes. Codes first, then the sums.
std::pair<std::vector<std::uint8_t>, std::vector<std::int32_t>> run(const GemmU8S8Kernel& kernel,
                                                                    const U8S8Problem& p) {
  const Sizes& s = p.sizes;
  const Block<std::uint8_t> a(p.a, 64);
  Block<std::byte> packed(whole_lines(kernel.packed_bytes(s.taps, s.channels, s.n)), 0, 0);
  kernel.pack(s.taps, s.channels, s.n, p.w.data(), packed.data());
  Block<std::byte> scratch(whole_lines(kernel.scratch_bytes(s.taps, s.channels)));
  const Block<std::int32_t> bias(padded(p.bias, kernel.nr), 0);
  const Block<float> multiplier(padded(p.multiplier, kernel.nr), 0);
  const std::size_t stride = static_cast<std::size_t>(s.n) + kGap;
  const std::size_t size =
      static_cast<std::size_t>(s.rows - 1) * stride + static_cast<std::size_t>(s.n);
  Block<std::uint8_t> c(size);
  Block<std::int32_t> acc(size);
  for (int first = 0; first < s.rows; first += kernel.mr) {
    const int rows = std::min(kernel.mr, s.rows - first);
    const auto row_pointers = pointers(a.data(), s, first, rows);
    const std::size_t offset = static_cast<std::size_t>(first) * stride;
    GemmU8S8Args args{.rows = rows,
                      .taps = s.taps,
                      .channels = s.channels,
                      .n = s.n,
                      .a = row_pointers.data(),
                      .weights = packed.data(),
                      .bias = bias.data(),
                      .multiplier = multiplier.data(),
                      .c = c.data() + offset,
                      .c_stride = static_cast<std::ptrdiff_t>(stride),
                      .c_zero = p.c_zero,
                      .q_low = p.q_low,
                      .q_high = p.q_high,
                      .acc = nullptr,
                      .acc_stride = 0,
                      .scratch = scratch.data()};
    kernel.run(args);
    args.acc = acc.data() + offset;
    args.acc_stride = static_cast<std::ptrdiff_t>(stride);
    args.c = nullptr;
    args.multiplier = nullptr;
    kernel.run(args);
  }
  return {c.values(), acc.values()};
}

struct F32Problem {
  Sizes sizes;
  float low, high;
  std::vector<float> a, w, bias;
};

std::vector<float> run(const GemmF32Kernel& kernel, const F32Problem& p) {
  const Sizes& s = p.sizes;
  const Block<float> a(p.a, 0);
  Block<std::byte> packed(whole_lines(kernel.packed_bytes(s.taps, s.channels, s.n)), 0, 0);
  kernel.pack(s.taps, s.channels, s.n, p.w.data(), as<float>(packed));
  const Block<float> bias(padded(p.bias, kernel.nr), 0);
  const std::size_t stride = static_cast<std::size_t>(s.n) + kGap;
  Block<float> c(static_cast<std::size_t>(s.rows - 1) * stride + static_cast<std::size_t>(s.n));
  for (int first = 0; first < s.rows; first += kernel.mr) {
    const int rows = std::min(kernel.mr, s.rows - first);
    const auto row_pointers = pointers(a.data(), s, first, rows);
    kernel.run({.rows = rows,
                .taps = s.taps,
                .channels = s.channels,
                .n = s.n,
                .a = row_pointers.data(),
                .weights = as<float>(packed),
                .bias = bias.data(),
                .c = c.data() + static_cast<std::size_t>(first) * stride,
                .c_stride = static_cast<std::ptrdiff_t>(stride),
                .low = p.low,
                .high = p.high});
  }
  return c.values();
}

/// Pixels that share rows, as neighbouring windows do.
struct Windows {
  int pixels, taps, channels;
  std::size_t stride() const { return static_cast<std::size_t>(channels) + kGap; }
  std::size_t output_size() const {
    return static_cast<std::size_t>(pixels - 1) * stride() + static_cast<std::size_t>(channels);
  }
  std::size_t row_count() const { return static_cast<std::size_t>(taps) + 3; }
  std::size_t row_elements() const { return row_count() * static_cast<std::size_t>(channels); }
};

Windows draw_windows(Operands& operands) {
  return {operands.between(1, 7), operands.between(1, 25), operands.around_vectors(260)};
}

template <typename T>
std::vector<const T*> rows_of(const T* base, const Windows& windows, Operands& operands) {
  std::vector<const T*> rows;
  for (int i = 0; i < windows.pixels * windows.taps; ++i) {
    rows.push_back(base + static_cast<std::size_t>(operands.code()) % windows.row_count() *
                              static_cast<std::size_t>(windows.channels));
  }
  return rows;
}

}  // namespace

void fuzz_gemm_u8s8(Operands operands) {
  const std::span<const GemmU8S8Kernel> table = gemm_u8s8_kernels();
  U8S8Problem p;
  p.sizes = draw_sizes(operands, most_rows(table));
  p.c_zero = operands.zero();
  p.q_low = operands.between(0, 255);
  p.q_high = operands.between(p.q_low, 255);
  operands.begin_elements();
  p.a = operands.codes(static_cast<std::size_t>(p.sizes.rows) * p.sizes.depth());
  p.w = operands.weights(static_cast<std::size_t>(p.sizes.n) * p.sizes.depth());
  p.bias = operands.biases(static_cast<std::size_t>(p.sizes.n));
  p.multiplier = operands.multipliers(static_cast<std::size_t>(p.sizes.n));
  const auto expected = run(table.back(), p);
  for_each_kernel(table, [&](const GemmU8S8Kernel& kernel) {
    const Sizes& s = p.sizes;
    if (kernel.exact_for && !kernel.exact_for(s.taps, s.channels, s.n, p.w.data())) return;
    const auto found = run(kernel, p);
    require_equal(found.first, expected.first, "gemm_u8s8", kernel.name);
    require_equal(found.second, expected.second, "gemm_u8s8 sums", kernel.name);
  });
}

void fuzz_gemm_f32(Operands operands) {
  const std::span<const GemmF32Kernel> table = gemm_f32_kernels();
  F32Problem p;
  p.sizes = draw_sizes(operands, most_rows(table));
  std::tie(p.low, p.high) = operands.clamp_range();
  operands.begin_elements();
  p.a = operands.reals(static_cast<std::size_t>(p.sizes.rows) * p.sizes.depth());
  p.w = operands.reals(static_cast<std::size_t>(p.sizes.n) * p.sizes.depth());
  p.bias = operands.reals(static_cast<std::size_t>(p.sizes.n));
  const std::vector<float> expected = run(table.back(), p);
  for_each_kernel(table, [&](const GemmF32Kernel& kernel) {
    require_equal(run(kernel, p), expected, "gemm_f32", kernel.name);
  });
}

void fuzz_depthwise_u8s8(Operands operands) {
  const Windows w = draw_windows(operands);
  const std::int32_t zero = operands.zero(), low = operands.between(0, 255),
                     high = operands.between(low, 255);
  operands.begin_elements();
  const Block<std::uint8_t> rows(operands.codes(w.row_elements()), 64);
  const auto channels = static_cast<std::size_t>(w.channels);
  const auto weights = operands.weights(static_cast<std::size_t>(w.taps) * channels);
  const Block<std::int32_t> bias(operands.biases(channels), 64 * sizeof(std::int32_t));
  const Block<float> multiplier(operands.multipliers(channels), 64 * sizeof(float));
  const auto a = rows_of(rows.data(), w, operands);
  const auto run = [&](const DepthwiseU8S8Kernel& kernel) {
    Block<std::byte> packed(kernel.packed_bytes(w.taps, w.channels), 0, 0);
    kernel.pack(w.taps, w.channels, weights.data(), packed.data());
    Block<std::uint8_t> c(w.output_size());
    kernel.run({w.pixels, w.taps, w.channels, a.data(), packed.data(), bias.data(),
                multiplier.data(), c.data(), static_cast<std::ptrdiff_t>(w.stride()), zero, low,
                high});
    return c.values();
  };
  const auto expected = run(depthwise_u8s8_kernels().back());
  for_each_kernel(depthwise_u8s8_kernels(), [&](const DepthwiseU8S8Kernel& kernel) {
    require_equal(run(kernel), expected, "depthwise_u8s8", kernel.name);
  });
}

void fuzz_depthwise_f32(Operands operands) {
  const Windows w = draw_windows(operands);
  const auto [low, high] = operands.clamp_range();
  operands.begin_elements();
  constexpr std::size_t kReadable = 16 * sizeof(float);
  const Block<float> rows(operands.reals(w.row_elements()), kReadable);
  const auto channels = static_cast<std::size_t>(w.channels);
  const Block<float> weights(operands.reals(static_cast<std::size_t>(w.taps) * channels),
                             kReadable);
  const Block<float> bias(operands.reals(channels), kReadable);
  const auto a = rows_of(rows.data(), w, operands);
  const auto run = [&, low = low, high = high](const DepthwiseF32Kernel& kernel) {
    Block<float> c(w.output_size());
    kernel.run({w.pixels, w.taps, w.channels, a.data(), weights.data(), bias.data(), c.data(),
                static_cast<std::ptrdiff_t>(w.stride()), low, high});
    return c.values();
  };
  const auto expected = run(depthwise_f32_kernels().back());
  for_each_kernel(depthwise_f32_kernels(), [&](const DepthwiseF32Kernel& kernel) {
    require_equal(run(kernel), expected, "depthwise_f32", kernel.name);
  });
}

}  // namespace octet::fuzz
