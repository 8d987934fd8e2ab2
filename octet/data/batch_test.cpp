#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "octet/data/dataset.h"
#include "octet/data/parts.h"
#include "octet/data/test_files.h"

namespace octet {
namespace {

const Preprocessing kIdentity{.divisor = 1, .mean = {0}, .std = {1}};

Dataset byte_images(std::int64_t count, Shape shape) {
  Dataset data = make_dataset("images", std::move(shape), DType::kUInt8, count, {"a", "b"});
  Rng rng(5);
  for (std::uint8_t& byte : data.samples.mutable_data<std::uint8_t>()) {
    byte = static_cast<std::uint8_t>(1 + rng.below(255));
  }
  return data;
}

TEST(FillBatchTest, BytesGiveTheFormulaBitForBitInEveryChannel) {
  const Dataset data = byte_images(3, {3, 5, 4});
  const Preprocessing preprocessing{
      .divisor = 255, .mean = {0.4914f, 0.4822f, 0.4465f}, .std = {0.247f, 0.2435f, 0.2616f}};
  std::vector<float> out(2 * 60);
  fill_batch(data, std::vector<std::int32_t>{2, 0}, preprocessing, {}, nullptr, out);
  const auto bytes = data.samples.data<std::uint8_t>();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t c = i % 60 / 20;
    const std::uint8_t byte = bytes[i < 60 ? 120 + i : i - 60];
    const float scaled = static_cast<float>(byte) / preprocessing.divisor;
    ASSERT_EQ(out[i], (scaled - preprocessing.mean[c]) / preprocessing.std[c]) << i;
  }
}

TEST(FillBatchTest, TablesAreStandardizedFeatureByFeature) {
  Dataset data = make_dataset("table", {2}, DType::kFloat32, 2, {"a", "b"});
  std::ranges::copy(std::vector<float>{10, 5, 30, 7}, data.samples.mutable_data<float>().begin());
  std::vector<float> out(4);
  fill_batch(data, std::vector<std::int32_t>{1, 0}, {.divisor = 1, .mean = {10, 5}, .std = {4, 2}},
             {}, nullptr, out);
  EXPECT_THAT(out, testing::ElementsAre(5, 1, 0, 0));
}

TEST(FillBatchTest, OneMeanServesAllChannels) {
  const Dataset data = byte_images(1, {3, 2, 2});
  std::vector<float> out(12);
  fill_batch(data, std::vector<std::int32_t>{0}, {.divisor = 1, .mean = {1}, .std = {2}}, {},
             nullptr, out);
  EXPECT_EQ(out[11], (static_cast<float>(data.samples.data<std::uint8_t>()[11]) - 1) / 2);
}

/// The crop of a zero-padded image, then the mirror: written down pixel by pixel.
std::vector<float> expected_crop(const Dataset& data, std::int64_t padding, std::uint32_t top,
                                 std::uint32_t left, bool flip) {
  const std::int64_t c = data.sample_shape[0], h = data.sample_shape[1], w = data.sample_shape[2];
  std::vector<float> out;
  for (std::int64_t i = 0; i < c * h * w; ++i) {
    const std::int64_t x = flip ? w - 1 - i % w : i % w;
    const std::int64_t from_x = x + left - padding;
    const std::int64_t from_y = i / w % h + top - padding;
    const bool inside = from_x >= 0 && from_x < w && from_y >= 0 && from_y < h;
    const auto at = static_cast<std::size_t>((i / (w * h) * h + from_y) * w + from_x);
    out.push_back(inside ? data.samples.data<std::uint8_t>()[at] : 0.0f);
  }
  return out;
}

TEST(FillBatchTest, AugmentationDrawsTopLeftAndFlipInThatOrderPerSample) {
  const Dataset data = byte_images(1, {2, 4, 5});
  const std::vector<std::int32_t> indices(50, 0);
  std::vector<float> out(indices.size() * 40);
  Rng rng(3), replay(3);
  fill_batch(data, indices, kIdentity, {.crop_padding = 2, .horizontal_flip = true}, &rng, out);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const std::uint32_t top = replay.below(5), left = replay.below(5);
    const bool flip = replay.below(2) == 1;
    const std::vector<float> actual(out.begin() + static_cast<std::ptrdiff_t>(40 * i),
                                    out.begin() + static_cast<std::ptrdiff_t>(40 * (i + 1)));
    ASSERT_EQ(actual, expected_crop(data, 2, top, left, flip)) << i;
  }
}

TEST(FillBatchTest, ThePaddingOfACropIsBlackBeforePreprocessing) {
  const Dataset data = byte_images(1, {1, 1, 1});
  std::vector<float> out(1);
  bool padded = false;
  Rng rng(1);
  for (int i = 0; i < 50; ++i) {
    fill_batch(data, std::vector<std::int32_t>{0}, {.divisor = 255, .mean = {.5f}, .std = {.25f}},
               {.crop_padding = 1}, &rng, out);
    padded |= out[0] == -2.0f;
  }
  EXPECT_TRUE(padded);
}

TEST(FillBatchTest, WithoutAugmentationTheGeneratorIsNotTouched) {
  const Dataset data = byte_images(1, {1, 2, 2});
  std::vector<float> out(4);
  Rng rng(9);
  fill_batch(data, std::vector<std::int32_t>{0}, kIdentity, {}, &rng, out);
  EXPECT_EQ(rng.next_u32(), Rng(9).next_u32());
}

TEST(FillBatchTest, AnEmptyBatchIsValid) {
  fill_batch(byte_images(1, {1, 2, 2}), {}, kIdentity, {}, nullptr, {});
}

TEST(FillBatchTest, WhatDoesNotFitIsRefused) {
  const Dataset data = byte_images(2, {3, 2, 2});
  std::vector<float> out(12);
  const auto kind_of = [&](std::vector<std::int32_t> indices, const Preprocessing& preprocessing,
                           const Augmentation& augmentation, std::size_t size) {
    return error_of([&] {
             fill_batch(data, indices, preprocessing, augmentation, nullptr,
                        std::span(out).first(size));
           })
        .kind();
  };
  EXPECT_EQ(kind_of({0}, {.divisor = 1, .mean = {0, 0}, .std = {1, 1}}, {}, 12),
            ErrorKind::kBadData);
  EXPECT_EQ(kind_of({0}, kIdentity, {}, 11), ErrorKind::kInternal);
  EXPECT_EQ(kind_of({2}, kIdentity, {}, 12), ErrorKind::kInternal);
  EXPECT_EQ(kind_of({-1}, kIdentity, {}, 12), ErrorKind::kInternal);
  EXPECT_EQ(kind_of({0}, kIdentity, {.crop_padding = 1}, 12), ErrorKind::kInternal);
  EXPECT_EQ(kind_of({0}, kIdentity, {.crop_padding = -1}, 12), ErrorKind::kUsage);

  const Dataset table = make_dataset("table", {12}, DType::kFloat32, 1, {"a", "b"});
  Rng rng(1);
  EXPECT_EQ(error_of([&] {
              fill_batch(table, std::vector<std::int32_t>{0}, kIdentity, {.horizontal_flip = true},
                         &rng, out);
            }).kind(),
            ErrorKind::kUsage);
}

}  // namespace
}  // namespace octet
