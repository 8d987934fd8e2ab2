#include "octet/runtime/kernels/pool/pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "octet/runtime/kernels/guarded_buffer.h"

namespace octet {

void PrintTo(const PoolKernel& kernel, std::ostream* out) { *out << kernel.name; }

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr int kChannels[] = {1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 257};

const PoolKernel& reference() { return pool_kernels().back(); }

/// One guarded buffer per tap, so that no kernel may read past the channels of any of them.
template <typename T>
struct Taps {
  std::vector<std::unique_ptr<GuardedBuffer<T>>> buffers;
  std::vector<const T*> typed;
  std::vector<const void*> untyped;

  template <typename Draw>
  Taps(int taps, int channels, Draw draw) {
    for (int t = 0; t < taps; ++t) {
      buffers.push_back(std::make_unique<GuardedBuffer<T>>(static_cast<std::size_t>(channels)));
      for (T& value : *buffers.back()) value = draw();
      typed.push_back(buffers.back()->data());
      untyped.push_back(buffers.back()->data());
    }
  }
};

class PoolKernelTest : public testing::TestWithParam<PoolKernel> {
 protected:
  void SetUp() override {
    if (!contains(host_isa(), GetParam().needs)) GTEST_SKIP() << "host lacks the ISA";
  }
  float draw_float() {
    const float special[] = {0.0f, -0.0f, kInf, -kInf, kNaN, 1e30f, -1e30f};
    return rng_() % 8 == 0 ? special[rng_() % 7] : normal_(rng_);
  }
  std::mt19937 rng_{static_cast<std::uint32_t>(testing::UnitTest::GetInstance()->random_seed())};
  std::normal_distribution<float> normal_{0.0f, 3.0f};
};

template <typename T>
std::vector<T> max_pool(void (*run)(const MaxPoolArgs&) noexcept, const Taps<T>& taps,
                        int channels) {
  GuardedBuffer<T> c(static_cast<std::size_t>(channels));
  run({static_cast<int>(taps.untyped.size()), channels, taps.untyped.data(), c.data()});
  return {c.begin(), c.end()};
}

TEST_P(PoolKernelTest, MaximumOfCodesIsThatOfTheReference) {
  for (const int taps : {1, 2, 4, 9}) {
    for (const int channels : kChannels) {
      const Taps<std::uint8_t> a(taps, channels, [&] { return static_cast<std::uint8_t>(rng_()); });
      ASSERT_EQ(max_pool(GetParam().max_u8, a, channels), max_pool(reference().max_u8, a, channels))
          << taps << " taps, " << channels << " channels";
    }
  }
}

bool same_bytes(const std::vector<float>& a, const std::vector<float>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != a[i] && b[i] != b[i]) continue;  // any NaN
    if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0) return false;
  }
  return a.size() == b.size();
}

TEST_P(PoolKernelTest, MaximumOfFloatsIsThatOfTheReference) {
  for (const int taps : {1, 2, 4, 9}) {
    for (const int channels : kChannels) {
      const Taps<float> a(taps, channels, [&] { return draw_float(); });
      ASSERT_TRUE(same_bytes(max_pool(GetParam().max_f32, a, channels),
                             max_pool(reference().max_f32, a, channels)))
          << taps << " taps, " << channels << " channels";
    }
  }
}

TEST_P(PoolKernelTest, MaximumKeepsANaNOfAnyTap) {
  for (int position = 0; position < 4; ++position) {
    int t = 0;
    const Taps<float> a(4, 1, [&] { return t++ == position ? kNaN : 1.0f; });
    const float largest = max_pool(GetParam().max_f32, a, 1)[0];
    EXPECT_TRUE(largest != largest) << position;
  }
}

AveragePoolU8Args average_args(std::int64_t taps, int channels) {
  AveragePoolU8Args args{};
  args.taps = taps;
  args.channels = channels;
  args.multiplier = static_cast<float>(1.0 / static_cast<double>(taps));
  args.q_high = 255;
  return args;
}

std::vector<std::uint8_t> average(const PoolKernel& kernel, AveragePoolU8Args args) {
  GuardedBuffer<std::uint8_t> c(static_cast<std::size_t>(args.channels));
  GuardedBuffer<std::int32_t> scratch(static_cast<std::size_t>(args.channels) + 64);
  args.c = c.data();
  args.scratch = scratch.data();
  kernel.average_u8(args);
  return {c.begin(), c.end()};
}

TEST(PoolReference, MeanOfCodesRoundsHalfToEvenBeforeTheZeroPoint) {
  const Taps<std::uint8_t> a(
      2, 1, [n = 0]() mutable { return static_cast<std::uint8_t>(n++ == 0 ? 8 : 13); });
  AveragePoolU8Args args = average_args(2, 1);
  args.a = a.typed.data();
  args.a_zero = 8;
  args.c_zero = 7;
  // (0 + 5) / 2 = 2.5 goes to 2, and then to 9.
  EXPECT_EQ(average(reference(), args), (std::vector<std::uint8_t>{9}));
}

TEST_P(PoolKernelTest, MeanOfCodesIsThatOfTheReference) {
  for (const int taps : {1, 2, 9, 49}) {
    for (const int channels : kChannels) {
      for (const std::int32_t zero : {0, 1, 127, 128, 129, 255}) {
        const Taps<std::uint8_t> a(taps, channels,
                                   [&] { return static_cast<std::uint8_t>(rng_()); });
        AveragePoolU8Args args = average_args(taps, channels);
        args.a = a.typed.data();
        args.a_zero = zero;
        args.c_zero = 255 - zero;
        args.q_low = zero % 2 == 0 ? 0 : 100;
        args.q_high = zero % 2 == 0 ? 255 : 200;
        ASSERT_EQ(average(GetParam(), args), average(reference(), args))
            << taps << " taps, " << channels << " channels, zero " << zero;
      }
    }
  }
}

TEST_P(PoolKernelTest, MeanOfManyContiguousTapsDoesNotOverflow16Bits) {
  for (const std::int64_t taps : {256, 257, 258, 514, 3000}) {
    for (const int channels : {1, 15, 16, 33}) {
      const std::ptrdiff_t stride = channels + 3;
      GuardedBuffer<std::uint8_t> base(static_cast<std::size_t>((taps - 1) * stride + channels));
      for (std::uint8_t& code : base) code = rng_() % 16 == 0 ? 254 : 255;
      AveragePoolU8Args args = average_args(taps, channels);
      args.base = base.data();
      args.base_stride = stride;
      args.a_zero = 128;
      args.c_zero = 128;
      args.multiplier *= 1.003f;
      ASSERT_EQ(average(GetParam(), args), average(reference(), args))
          << taps << " taps, " << channels << " channels";
    }
  }
}

TEST_P(PoolKernelTest, MeanOfFloatsIsThatOfTheReference) {
  for (const int taps : {1, 2, 9, 49}) {
    for (const int channels : kChannels) {
      for (const bool contiguous : {false, true}) {
        const Taps<float> a(taps, channels, [&] { return draw_float(); });
        const std::ptrdiff_t stride = channels;
        GuardedBuffer<float> base(static_cast<std::size_t>(taps * stride));
        for (float& value : base) value = draw_float();
        const auto average = [&](const PoolKernel& kernel) {
          GuardedBuffer<float> c(static_cast<std::size_t>(channels));
          kernel.average_f32({taps, channels, contiguous ? nullptr : a.typed.data(), base.data(),
                              stride, static_cast<float>(taps + 1), c.data()});
          return std::vector<float>(c.begin(), c.end());
        };
        ASSERT_TRUE(same_bytes(average(GetParam()), average(reference())))
            << taps << " taps, " << channels << " channels, contiguous " << contiguous;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, PoolKernelTest,
                         testing::ValuesIn(pool_kernels().begin(), pool_kernels().end()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace octet
