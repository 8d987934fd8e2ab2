#include "octet/runtime/kernels/layout/layout.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "octet/runtime/kernels/guarded_buffer.h"

namespace octet {
namespace {

template <typename T>
class LayoutTest : public testing::Test {};
using ElementTypes = testing::Types<std::uint8_t, std::uint32_t>;
TYPED_TEST_SUITE(LayoutTest, ElementTypes);

TYPED_TEST(LayoutTest, MovesEveryElementToItsPlaceAndBack) {
  for (const int channels : {1, 2, 3, 31, 32, 33, 65}) {
    for (const int pixels : {1, 2, 31, 32, 33, 100}) {
      const std::size_t size = static_cast<std::size_t>(channels * pixels);
      GuardedBuffer<TypeParam> nchw(size), nhwc(size), back(size);
      std::iota(nchw.begin(), nchw.end(), TypeParam{0});
      nchw_to_nhwc(sizeof(TypeParam), channels, pixels, nchw.data(), nhwc.data());
      for (int c = 0; c < channels; ++c) {
        for (int p = 0; p < pixels; ++p) {
          ASSERT_EQ(nhwc[static_cast<std::size_t>(p * channels + c)],
                    nchw[static_cast<std::size_t>(c * pixels + p)])
              << channels << " channels, " << pixels << " pixels";
        }
      }
      nhwc_to_nchw(sizeof(TypeParam), channels, pixels, nhwc.data(), back.data());
      ASSERT_EQ(std::vector(back.begin(), back.end()), std::vector(nchw.begin(), nchw.end()));
    }
  }
}

}  // namespace
}  // namespace octet
