#include "octet/graph/functions/resize.h"

#include "octet/graph/functions/arrangement_harness.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

Tensor floats(const std::vector<float>& values) {
  return Tensor::from(Shape{static_cast<std::int64_t>(values.size())}, values);
}

/// One axis resized to `size`.
std::vector<float> row(ResizeOptions options, const std::vector<float>& values, std::int64_t size) {
  return elements_of<float>(
      run(resize(std::move(options)), {floats(values), {}, {}, list({size})}));
}

TEST(ResizeTest, RoundsTowardsEachNeighbour) {
  const auto nearest = [](NearestMode mode) {
    return row({.coordinates = CoordinateMode::kAsymmetric, .nearest = mode}, {0, 1, 2}, 6);
  };
  EXPECT_THAT(nearest(NearestMode::kFloor), ElementsAre(0, 0, 1, 1, 2, 2));
  EXPECT_THAT(nearest(NearestMode::kCeil), ElementsAre(0, 1, 1, 2, 2, 2));
  EXPECT_THAT(nearest(NearestMode::kRoundPreferFloor), ElementsAre(0, 0, 1, 1, 2, 2));
  EXPECT_THAT(nearest(NearestMode::kRoundPreferCeil), ElementsAre(0, 1, 1, 2, 2, 2));
}

TEST(ResizeTest, PlacesCoordinatesByMode) {
  const auto linear = [](CoordinateMode mode, std::int64_t size) {
    return row({.mode = ResizeMode::kLinear, .coordinates = mode}, {0, 4, 8, 12}, size);
  };
  EXPECT_THAT(linear(CoordinateMode::kHalfPixel, 2), ElementsAre(2, 10));
  EXPECT_THAT(linear(CoordinateMode::kAsymmetric, 2), ElementsAre(0, 8));
  EXPECT_THAT(linear(CoordinateMode::kAlignCorners, 2), ElementsAre(0, 12));
  EXPECT_THAT(linear(CoordinateMode::kPytorchHalfPixel, 1), ElementsAre(0));
  EXPECT_THAT(linear(CoordinateMode::kHalfPixel, 1), ElementsAre(6));
  EXPECT_THAT(linear(CoordinateMode::kAlignCorners, 7), ElementsAre(0, 2, 4, 6, 8, 10, 12));
}

TEST(ResizeTest, CropsToTheRegion) {
  const Op op = resize({.mode = ResizeMode::kLinear,
                        .coordinates = CoordinateMode::kTfCropAndResize,
                        .extrapolation_value = -1.0f});
  const auto cropped = [&](float begin, float end) {
    return elements_of<float>(
        run(op, {floats({0, 4, 8, 12, 16}), floats({begin, end}), {}, list({3})}));
  };
  EXPECT_THAT(cropped(0.25f, 0.75f), ElementsAre(4, 8, 12));
  EXPECT_THAT(cropped(0.5f, 1.5f), ElementsAre(8, 16, -1)) << "outside: the extrapolation value";
  EXPECT_THAT(cropped(1.0f, 0.0f), ElementsAre(16, 8, 0)) << "mirrored";
  EXPECT_THAT(error_of(ErrorKind::kBadData, op, {floats({1, 2}), {}, {}, list({3})}),
              HasSubstr("no roi"));
}

TEST(ResizeTest, KeepsProportions) {
  const Tensor x = counted<float>({1, 1, 2, 4});
  const auto shape = [&](AspectPolicy policy) {
    return run(resize({.policy = policy, .axes = {-1, 2}}), {x, {}, {}, list({7, 8})}).shape();
  };
  EXPECT_EQ(shape(AspectPolicy::kStretch), (Shape{1, 1, 8, 7}));
  EXPECT_EQ(shape(AspectPolicy::kNotLarger), (Shape{1, 1, 4, 7})) << "3.5 rounds up";
  EXPECT_EQ(shape(AspectPolicy::kNotSmaller), (Shape{1, 1, 8, 16}));
}

TEST(ResizeTest, AntialiasAveragesWhatItSkips) {
  const std::vector<float> values{0, 0, 0, 8, 0, 0, 0, 0};
  const auto with = row({.mode = ResizeMode::kLinear, .antialias = true}, values, 2);
  // Triangles of radius 4 around 1.5 and 5.5, normalized over all taps; the edge repeats.
  EXPECT_THAT(with, Pointwise(FloatNear(1e-6f), {8 * 0.625f / 4, 8 * 0.375f / 4}));
  EXPECT_THAT(row({.mode = ResizeMode::kLinear}, values, 2), ElementsAre(0, 0));
}

TEST(ResizeTest, ExcludedNeighboursLeaveTheWeightsToTheOthers) {
  const std::vector<float> flat(4, 3.0f);
  for (const bool exclude : {false, true}) {
    for (const bool antialias : {false, true}) {
      for (const std::int64_t size : {1, 3, 9}) {
        const auto result =
            row({.mode = ResizeMode::kCubic, .exclude_outside = exclude, .antialias = antialias},
                flat, size);
        EXPECT_THAT(result, Pointwise(FloatNear(1e-5f),
                                      std::vector<float>(static_cast<std::size_t>(size), 3.0f)));
      }
    }
  }
}

TEST(ResizeTest, GivenScalesAreThoseOfTheirAuthor) {
  // As floats 1 / (1.0f / 3) is 3; as doubles it is less, and its floor 2.
  const Op op =
      resize({.coordinates = CoordinateMode::kAsymmetric, .nearest = NearestMode::kFloor});
  EXPECT_THAT(
      elements_of<std::int64_t>(run(op, {counted<std::int64_t>({9}), {}, floats({1.0f / 3})})),
      ElementsAre(0, 3, 6));
  EXPECT_EQ(run(op, {counted<std::int64_t>({10}), {}, floats({0.7f})}).shape(), (Shape{7}));
}

TEST(ResizeTest, TakesAnyRankAndDtype) {
  for (int rank = 1; rank <= 6; ++rank) {
    const auto count = static_cast<std::size_t>(rank);
    const Shape shape(std::vector<std::int64_t>(count, 2));
    const Tensor x = counted<std::int8_t>(shape);
    const Tensor y = run(resize({}), {x, {}, floats(std::vector<float>(count, 2.0f))});
    EXPECT_EQ(y.shape(), Shape(std::vector<std::int64_t>(count, 4)));
    EXPECT_EQ(y.data<std::int8_t>().back(), x.data<std::int8_t>().back());
  }
  const auto cubic = elements_of<std::uint8_t>(
      run(resize({.mode = ResizeMode::kCubic}),
          {tensor<std::uint8_t>({4}, {0, 0, 255, 255}), {}, {}, list({8})}));
  EXPECT_EQ(cubic[3], 57) << "57.8, truncated";
  EXPECT_EQ(cubic[2], 0) << "an overshoot saturates";
  EXPECT_EQ(cubic[5], 255);
  EXPECT_THAT(error_of(ErrorKind::kBadData, resize({.mode = ResizeMode::kLinear}),
                       {tensor<bool>({1}, {true}), {}, {}, list({2})}),
              HasSubstr("bool"));
}

TEST(ResizeTest, ReadsAndWritesChannelsLast) {
  const Tensor x = counted<float>({2, 3, 4, 5});
  for (const ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kLinear, ResizeMode::kCubic}) {
    expect_same_channels_last(resize({.mode = mode}), {x, {}, floats({1, 1, 1.5f, 0.6f})});
    expect_same_channels_last(resize({.mode = mode, .antialias = true, .axes = {3}}),
                              {x, {}, {}, list({2})});
  }
}

TEST(ResizeTest, LeavesAnEmptyTensorEmpty) {
  const Tensor none(DType::kFloat32, Shape{0, 3});
  EXPECT_EQ(run(resize({}), {none, {}, {}, list({0, 6})}).shape(), (Shape{0, 6}));
  EXPECT_EQ(run(resize({}), {counted<float>({3}), {}, {}, list({0})}).shape(), (Shape{0}));
  EXPECT_THAT(error_of(ErrorKind::kBadData, resize({}), {none, {}, {}, list({2, 6})}),
              HasSubstr("elements to take from"));
}

TEST(ResizeTest, RefusesWhatIsNoSize) {
  const Tensor x = counted<float>({2, 2});
  const auto fails = [&](const MaybeTensors& inputs, const char* text) {
    EXPECT_THAT(error_of(ErrorKind::kBadData, resize({}), inputs), HasSubstr(text));
  };
  fails({x}, "one");
  fails({x, {}, floats({1, 1}), list({2, 2})}, "one");
  fails({x, {}, floats({1})}, "1 numbers");
  fails({x, {}, floats({1, -2})}, "scale -2");
  fails({x, {}, floats({1, std::numeric_limits<float>::quiet_NaN()})}, "scale nan");
  fails({x, {}, floats({1, 1e30f})}, "scale 1e+30");
  fails({x, {}, {}, list({1, -2})}, "size -2");
  EXPECT_THAT(error_of(ErrorKind::kBadData, resize({.axes = {0, 0}}), {x, {}, {}, list({1, 1})}),
              HasSubstr("named twice"));
  EXPECT_EQ(shape_with_variables(resize({.axes = {1}}), {x, {}, floats({2})}, 2),
            (Shape{2, kUnknownDim}));
}

TEST(ResizeTest, AnotherShapeAtRunTimeIsNotDefined) {
  const Tensor x = counted<float>({4});
  const TensorType type{DType::kFloat32, {8}};
  for (const float scale : {1.0f, 3.0f, -1.0f, std::numeric_limits<float>::infinity()}) {
    EXPECT_FALSE(
        apply(*function_of(resize({})), MaybeTensors{x, {}, floats({scale})}, std::span(&type, 1)));
  }
}

}  // namespace
}  // namespace octet
