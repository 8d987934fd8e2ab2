#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

#include "octet/base/aligned_buffer.h"
#include "octet/base/rng.h"
#include "octet/runtime/kernels/depthwise/depthwise.h"

// A 3x3 convolution of 14x14 pixels with padding 1, as in MobileNet.

namespace octet {
namespace {

constexpr int kSide = 14, kTaps = 9;

template <typename T>
std::vector<const T*> windows(const T* image, const T* padding, int channels) {
  std::vector<const T*> a;
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      for (int t = 0; t < kTaps; ++t) {
        const int row = y + t / 3 - 1, column = x + t % 3 - 1;
        const bool inside = row >= 0 && row < kSide && column >= 0 && column < kSide;
        a.push_back(inside ? image + (row * kSide + column) * channels : padding);
      }
    }
  }
  return a;
}

void depthwise_u8s8(benchmark::State& state, const DepthwiseU8S8Kernel& kernel) {
  const int channels = static_cast<int>(state.range(0));
  const std::size_t size = static_cast<std::size_t>(kSide * kSide * channels);
  Rng rng(1);
  AlignedBuffer image(size), padding(static_cast<std::size_t>(channels));
  for (std::size_t i = 0; i < size; ++i) image.as<std::uint8_t>()[i] = rng.next_u32() & 255;
  std::vector<std::int8_t> weights(static_cast<std::size_t>(kTaps * channels));
  for (std::int8_t& weight : weights) weight = static_cast<std::int8_t>(rng.next_u32());
  std::vector<std::int32_t> bias(static_cast<std::size_t>(channels) + 64);
  std::vector<float> multiplier(bias.size(), 0.001f);
  const auto a =
      windows(image.as<const std::uint8_t>(), padding.as<const std::uint8_t>(), channels);
  const auto run = [&](const DepthwiseU8S8Kernel& k, const void* packed, std::uint8_t* c) {
    k.run({kSide * kSide, kTaps, channels, a.data(), packed, bias.data(), multiplier.data(), c,
           channels, 128, 0, 255});
  };
  const auto pack = [&](const DepthwiseU8S8Kernel& k) {
    AlignedBuffer packed(k.packed_bytes(kTaps, channels));
    k.pack(kTaps, channels, weights.data(), packed.data());
    return packed;
  };
  const DepthwiseU8S8Kernel& reference = depthwise_u8s8_kernels().back();
  const AlignedBuffer packed = pack(kernel), plain = pack(reference);
  std::vector<std::uint8_t> c(size), expected(size);
  run(reference, plain.data(), expected.data());
  run(kernel, packed.data(), c.data());
  if (c != expected) return state.SkipWithError("differs from the reference");
  for (auto _ : state) {
    run(kernel, packed.data(), c.data());
    benchmark::ClobberMemory();
  }
  state.counters["GMAC/s"] = benchmark::Counter(static_cast<double>(size) * kTaps * 1e-9,
                                                benchmark::Counter::kIsIterationInvariantRate);
}

void depthwise_f32(benchmark::State& state, const DepthwiseF32Kernel& kernel) {
  const int channels = static_cast<int>(state.range(0));
  const std::size_t size = static_cast<std::size_t>(kSide * kSide * channels);
  Rng rng(1);
  const auto random = [&](std::size_t count) {
    AlignedBuffer buffer(count * sizeof(float));
    for (std::size_t i = 0; i < count; ++i) buffer.as<float>()[i] = rng.normal();
    return buffer;
  };
  const std::size_t row = static_cast<std::size_t>(channels);
  const AlignedBuffer image = random(size), padding(row * sizeof(float)),
                      weights = random(kTaps * row), bias = random(row);
  AlignedBuffer c(size * sizeof(float)), expected(size * sizeof(float));
  const auto a = windows(image.as<float>(), padding.as<float>(), channels);
  const auto run = [&](const DepthwiseF32Kernel& k, AlignedBuffer& out) {
    k.run({kSide * kSide, kTaps, channels, a.data(), weights.as<float>(), bias.as<float>(),
           out.as<float>(), channels, 0.0f, 6.0f});
  };
  run(depthwise_f32_kernels().back(), expected);
  run(kernel, c);
  if (std::memcmp(c.data(), expected.data(), c.size_bytes()) != 0) {
    return state.SkipWithError("differs from the reference");
  }
  for (auto _ : state) {
    run(kernel, c);
    benchmark::ClobberMemory();
  }
  state.counters["GMAC/s"] = benchmark::Counter(static_cast<double>(size) * kTaps * 1e-9,
                                                benchmark::Counter::kIsIterationInvariantRate);
}

template <typename Kernel>
void register_kernels(const std::string& family, std::span<const Kernel> kernels,
                      void (*measure)(benchmark::State&, const Kernel&)) {
  for (const Kernel& kernel : kernels) {
    if (!contains(host_isa(), kernel.needs)) continue;
    benchmark::RegisterBenchmark(
        (family + "/" + std::string(kernel.name)).c_str(),
        [measure, &kernel](benchmark::State& state) { measure(state, kernel); })
        ->ArgName("channels")
        ->Arg(96)
        ->Arg(384)
        ->Arg(960);
  }
}

const bool registered = [] {
  register_kernels("depthwise_u8s8", depthwise_u8s8_kernels(), depthwise_u8s8);
  register_kernels("depthwise_f32", depthwise_f32_kernels(), depthwise_f32);
  return true;
}();

}  // namespace
}  // namespace octet
