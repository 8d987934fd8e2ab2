#include "octet/graph/functions/recurrent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/graph/functions/run_function.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Tensor ones(const Shape& shape) {
  return tensor(shape, std::vector<float>(static_cast<std::size_t>(shape.num_elements()), 1.0f));
}

RecurrentOptions running_sum() {
  return {.kind = RecurrentKind::kRnn, .hidden_size = 1, .activations = {"Affine"}};
}

/// h' = x + h: every output is the sum of what was seen so far.
const Tensor kThreeSteps = tensor({3, 1, 1}, std::vector{1.0f, 10.0f, 100.0f});

TEST(RecurrentTest, RunsForwardsAndBackwards) {
  RecurrentOptions options = running_sum();
  const OptionalTensors inputs{kThreeSteps, ones({1, 1, 1}), ones({1, 1, 1})};
  EXPECT_THAT(elements<float>((*run_function(recurrent_function(options), inputs, 2))[0]),
              ElementsAre(1, 11, 111));
  options.direction = RecurrentDirection::kReverse;
  const auto reverse = run_function(recurrent_function(options), inputs, 2);
  EXPECT_THAT(elements<float>((*reverse)[0]), ElementsAre(111, 110, 100));
  EXPECT_THAT(elements<float>((*reverse)[1]), ElementsAre(111));
}

TEST(RecurrentTest, BothDirectionsStandSideBySide) {
  RecurrentOptions options = running_sum();
  options.direction = RecurrentDirection::kBidirectional;
  options.activations = {"Affine", "affine"};
  options.alpha = {1.0f, 2.0f};
  const auto y =
      run_function(recurrent_function(options), {kThreeSteps, ones({2, 1, 1}), ones({2, 1, 1})}, 2);
  EXPECT_THAT(elements<float>((*y)[0]), ElementsAre(1, 842, 11, 420, 111, 200));
}

TEST(RecurrentTest, ASequenceEndsWhereItsLengthSays) {
  RecurrentOptions options = running_sum();
  options.direction = RecurrentDirection::kReverse;
  const Tensor x = tensor({3, 2, 1}, std::vector{1.0f, 2.0f, 10.0f, 20.0f, 100.0f, 200.0f});
  const auto run = [&](const std::vector<std::int32_t>& lengths) {
    return run_function(recurrent_function(options),
                        {x, ones({1, 1, 1}), ones({1, 1, 1}), std::nullopt, tensor({2}, lengths)},
                        2);
  };
  const auto y = run({2, 3});
  ASSERT_TRUE(y);
  EXPECT_THAT(elements<float>((*y)[0]), ElementsAre(11, 222, 10, 220, 0, 200));
  EXPECT_THAT(elements<float>((*y)[1]), ElementsAre(11, 222));
  EXPECT_FALSE(run({4, 3})) << "longer than the tensor";
  EXPECT_FALSE(run({-1, 3}));
}

TEST(RecurrentTest, ClipBoundsWhatGoesIntoTheActivation) {
  RecurrentOptions options = running_sum();
  options.clip = 5.0f;
  EXPECT_THAT(
      elements<float>((*run_function(recurrent_function(options),
                                     {kThreeSteps, ones({1, 1, 1}), ones({1, 1, 1})}, 2))[0]),
      ElementsAre(1, 5, 5));
}

TEST(RecurrentTest, LstmByItsEquations) {
  RecurrentOptions options{.kind = RecurrentKind::kLstm,
                           .hidden_size = 1,
                           .activations = {"Affine", "Affine", "Affine"}};
  // Gates i, o, f, c of x = 1: 2, 3, 5, 7; peepholes i, o, f: 10, 100, 1000; c before: 1.
  const OptionalTensors inputs{ones({1, 1, 1}),
                               tensor({1, 4, 1}, std::vector{2.0f, 3.0f, 5.0f, 7.0f}),
                               tensor({1, 4, 1}, std::vector{0.0f, 0.0f, 0.0f, 0.0f}),
                               std::nullopt,
                               std::nullopt,
                               std::nullopt,
                               ones({1, 1, 1}),
                               tensor({1, 3}, std::vector{10.0f, 100.0f, 1000.0f})};
  const auto y = run_function(recurrent_function(options), inputs, 3);
  ASSERT_TRUE(y);
  const float c = 1005.0f * 1.0f + 12.0f * 7.0f;
  EXPECT_THAT(elements<float>((*y)[2]), ElementsAre(c));
  EXPECT_THAT(elements<float>((*y)[1]), ElementsAre((3.0f + 100.0f * c) * c));
  options.input_forget = true;
  EXPECT_THAT(elements<float>((*run_function(recurrent_function(options), inputs, 3))[2]),
              ElementsAre((1.0f - 12.0f) + 12.0f * 7.0f));
}

TEST(RecurrentTest, GruResetsBeforeOrAfterTheProduct) {
  RecurrentOptions options{
      .kind = RecurrentKind::kGru, .hidden_size = 1, .activations = {"Affine", "Affine"}};
  // z = 0, r = 3, recurrent weight of the candidate 2, its recurrent bias 5, h before: 1.
  const OptionalTensors inputs{ones({1, 1, 1}),
                               tensor({1, 3, 1}, std::vector{0.0f, 3.0f, 7.0f}),
                               tensor({1, 3, 1}, std::vector{0.0f, 0.0f, 2.0f}),
                               tensor({1, 6}, std::vector{0.f, 0.f, 0.f, 0.f, 0.f, 5.f}),
                               std::nullopt,
                               ones({1, 1, 1})};
  const auto h = [&] {
    return elements<float>((*run_function(recurrent_function(options), inputs, 2))[1]);
  };
  EXPECT_THAT(h(), ElementsAre(7.0f + 3.0f * 2.0f + 5.0f));
  options.linear_before_reset = true;
  EXPECT_THAT(h(), ElementsAre(7.0f + 3.0f * (2.0f + 5.0f)));
}

TEST(RecurrentTest, RefusesShapesAndActivationsThatDoNotFit) {
  const Tensor x = ones({3, 2, 4});
  RecurrentOptions options{.kind = RecurrentKind::kLstm, .hidden_size = 5};
  const auto error = [&](const Tensor& w, const Tensor& r) {
    return error_of_types(ErrorKind::kBadData, recurrent_function(options), {x, w, r});
  };
  EXPECT_THAT(error(ones({1, 20, 3}), ones({1, 20, 5})), HasSubstr("input 1"));
  EXPECT_THAT(error(ones({1, 20, 4}), ones({1, 20, 4})), HasSubstr("input 2"));
  options.activations = {"Tanh"};
  EXPECT_THAT(error(ones({1, 20, 4}), ones({1, 20, 5})), HasSubstr("activations"));
  options.hidden_size = 0;
  options.activations.clear();
  EXPECT_THAT(error(ones({1, 20, 4}), ones({1, 20, 5})), HasSubstr("hidden_size"));
}

}  // namespace
}  // namespace octet
