#include "octet/train/fake_quant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "octet/base/rng.h"
#include "octet/train/torch_bridge.h"

namespace octet {
namespace {

using ::testing::ElementsAre;

const at::Device kCpu(at::kCPU);

std::vector<float> values(const at::Tensor& tensor) {
  const Tensor copy = from_torch(tensor);
  return {copy.data<float>().begin(), copy.data<float>().end()};
}

/// Gradient of sum(weights * fake_quantize(x)) by x.
at::Tensor gradient(const at::Tensor& x, const CodeGrid& grid, const at::Tensor& weights) {
  at::Tensor leaf = x.detach().clone().requires_grad_();
  (fake_quantize(leaf, grid) * weights).sum().backward();
  return leaf.grad();
}

TEST(FakeQuantize, EqualsQuantizeThenDequantizeOnEveryCode) {
  Rng rng(11);
  for (const int zero : {0, 1, 127, 128, 200, 255}) {
    for (const int bits : {8, 5, 4}) {
      const QuantParams params{.scale = rng.uniform(0.001f, 3.0f),
                               .zero_point = std::min(zero, (1 << bits) - 1),
                               .bits = bits};
      std::vector<float> x{0.0f, -0.0f, 1e30f, -1e30f, INFINITY, -INFINITY};
      for (int code = -10; code < 270; ++code) {
        const float exact = dequantize(code, params);
        const float tie = (static_cast<float>(code - params.zero_point) + 0.5f) * params.scale;
        for (const float value : {exact, tie, std::nextafter(tie, 1e9f), std::nextafter(tie, -1e9f),
                                  exact + rng.normal() * params.scale}) {
          x.push_back(value);
        }
      }
      const auto y = values(fake_quantize(at::tensor(x), activation_grid(params, kCpu)));
      for (std::size_t i = 0; i < x.size(); ++i) {
        ASSERT_EQ(y[i], dequantize(quantize(x[i], params), params)) << x[i] << " zero " << zero;
      }
    }
  }
}

TEST(FakeQuantize, NanStaysVisible) {
  const CodeGrid grid = activation_grid({.scale = 0.1f, .zero_point = 3}, kCpu);
  EXPECT_TRUE(std::isnan(values(fake_quantize(at::full({5}, NAN), grid))[3]));
}

TEST(FakeQuantize, GradientPassesInsideAndStopsOutside) {
  // Codes 0..15, zero point 5: r from -5 to 10. Inside is decided after rounding.
  const CodeGrid grid = activation_grid({.scale = 0.5f, .zero_point = 5, .bits = 4}, kCpu);
  const at::Tensor x =
      at::tensor(std::vector<float>{-2.8f, -2.7f, -2.5f, 0.0f, 5.0f, 5.2f, 5.3f, 1e20f});
  const at::Tensor ramp = at::arange(1, 9).to(at::kFloat);
  EXPECT_THAT(values(gradient(x, grid, ramp)), ElementsAre(0, 2, 3, 4, 5, 6, 0, 0));
}

TEST(FakeQuantize, WeightsUseTheScaleOfTheirChannel) {
  const TensorQuantParams params{
      .scale = {0.5f, 2.0f}, .zero_point = {0, 0}, .axis = 0, .dtype = DType::kInt8};
  const CodeGrid grid = weight_grid(params, 4, /*torch_compat=*/false, kCpu);
  const at::Tensor w =
      at::tensor(std::vector<float>{0.3f, -0.9f, 9.0f, -9.0f, 2.9f, -3.1f}).view({2, 3});
  EXPECT_THAT(values(fake_quantize(w, grid)), ElementsAre(0.5f, -1.0f, 3.5f, -8, 2, -4));
  EXPECT_THAT(values(gradient(w, grid, at::ones({2, 3}))), ElementsAre(1, 1, 0, 1, 1, 1));

  TensorQuantParams columns = params;
  columns.axis = 1;
  const CodeGrid column_grid = weight_grid(columns, 4, /*torch_compat=*/true, kCpu);
  EXPECT_THAT(values(fake_quantize(w.view({3, 2}), column_grid)),
              ElementsAre(0.5f, 0, 3.5f, -8, 3, -4));
}

TEST(FakeQuantize, MemoryLayoutDoesNotMatterForWeights) {
  const at::Tensor w = at::arange(2 * 3 * 4 * 5).to(at::kFloat).view({2, 3, 4, 5}) / 7 - 8;
  const at::Tensor last = w.contiguous(at::MemoryFormat::ChannelsLast);
  for (const int axis : {0, 1}) {
    TensorQuantParams params{
        .scale = {0.1f, 0.7f, 0.3f}, .zero_point = {0, 0, 0}, .axis = axis, .dtype = DType::kInt8};
    params.scale.resize(static_cast<std::size_t>(w.size(axis)));
    const CodeGrid grid = weight_grid(params, 6, /*torch_compat=*/false, kCpu);
    EXPECT_EQ(values(fake_quantize(last, grid)), values(fake_quantize(w, grid)));
    const at::Tensor ones = at::ones({2, 3, 4, 5});
    at::Tensor leaf = last.detach().requires_grad_();
    fake_quantize(leaf, grid).sum().backward();
    EXPECT_EQ(values(leaf.grad()), values(gradient(w, grid, ones)));
  }
}

TEST(FakeQuantize, MemoryLayoutDoesNotMatter) {
  const CodeGrid grid = activation_grid({.scale = 0.1f, .zero_point = 100}, kCpu);
  const at::Tensor x = at::arange(2 * 3 * 4 * 5).to(at::kFloat).view({2, 3, 4, 5}) / 7 - 3;
  const at::Tensor ramp = at::arange(2 * 3 * 4 * 5).to(at::kFloat).view({2, 3, 4, 5});
  const at::Tensor last = x.contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor sliced = at::cat({x, x}, 3).slice(3, 0, 5);
  for (const at::Tensor& other : {last, sliced}) {
    EXPECT_EQ(values(fake_quantize(other, grid)), values(fake_quantize(x, grid)));
    at::Tensor leaf = other.detach().requires_grad_();
    (fake_quantize(leaf, grid) * ramp).sum().backward();
    EXPECT_EQ(values(leaf.grad()), values(gradient(x, grid, ramp)));
  }
}

}  // namespace
}  // namespace octet
