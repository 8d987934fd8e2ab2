#include "octet/train/qat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "octet/base/error.h"
#include "octet/graph/passes/passes.h"
#include "octet/train/execute.h"
#include "octet/train/toy_models.h"

namespace octet {
namespace {

using ::testing::HasSubstr;

std::string weights_of(const Graph& graph) {
  std::string bytes = to_string(graph);
  for (const Value& value : graph.values()) {
    if (!value.constant) continue;
    bytes += value.name;
    bytes.append(reinterpret_cast<const char*>(value.constant->raw()),
                 value.constant->size_bytes());
  }
  return bytes;
}

DataSplits image_data() { return {toy_images(90, 1), toy_images(60, 2), {}}; }

/// A network worth quantizing, trained once for all tests.
const Graph& trained_cnn() {
  static const Graph graph =
      train(toy_cnn(1), image_data(), {.epochs = 6, .batch = 16, .lr = 0.1f, .threads = 1}).best;
  return graph;
}

QatOptions quick_options() {
  QatOptions options;
  options.train.epochs = 2;
  options.train.batch = 16;
  options.train.lr = 0.01f;
  options.train.threads = 1;
  options.calibration_samples = 64;
  return options;
}

TEST(Qat, FakeQuantizesEveryPointAndSaysSo) {
  const QuantSpec spec = parse_config("qat_int8");
  const QatResult result = fine_tune_quantized(trained_cnn(), spec, image_data(), quick_options());
  // Input, conv1, conv2, residual sum, global pool, logits; weights of two convolutions and fc.
  for (const auto* infos : {&result.prepared, &result.converted}) {
    ASSERT_EQ(infos->size(), 9u);
    EXPECT_EQ(std::ranges::count_if(*infos, [](const auto& i) { return i.is_weight; }), 3);
    for (const FakeQuantInfo& info : *infos) {
      EXPECT_EQ(info.bits, 8) << info.name;
      EXPECT_LT(info.range.min, info.range.max) << info.name;
      ASSERT_EQ(info.scale.size(), info.zero_point.size()) << info.name;
      const std::size_t channels = info.name == "fc.weight" ? 3 : 8;
      EXPECT_EQ(info.scale.size(), info.is_weight ? channels : 1) << info.name;
    }
  }
  EXPECT_EQ(result.total_weights, 8 * 3 * 9 + 8 * 8 * 9 + 3 * 8);
  EXPECT_GT(result.changed_weights, 0);
  EXPECT_LE(result.changed_weights, result.total_weights);
  ASSERT_EQ(result.epochs.size(), 2u);
  EXPECT_TRUE(result.epochs[0].has_validation);
  EXPECT_EQ(weights_of(result.quantized),
            weights_of(insert_qdq(result.fine_tuned, result.assignment, spec)));
  EXPECT_EQ(result.quantized.metadata.at("octet.config"), "qat_int8");
  EXPECT_EQ(result.quantized.metadata.at("octet.classes"), R"(["red","green","blue"])");
}

TEST(Qat, ReportsTheAccuracyOfTheIntegersItReturns) {
  QatOptions options = quick_options();
  options.train.epochs = 1;
  for (const char* config : {"qat_int8", "static_w4a5"}) {
    const QuantSpec spec = parse_config(config);
    const DataSplits data = image_data();
    const QatResult result = fine_tune_quantized(trained_cnn(), spec, data, options);
    std::vector<std::int32_t> all(60);
    std::iota(all.begin(), all.end(), 0);
    Tensor batch(DType::kFloat32, Shape{60, 3, 8, 8});
    fill_batch(data.validation, all, data.train.preprocessing, {}, nullptr,
               batch.mutable_data<float>());
    const auto codes = fake_quant_codes(result.fine_tuned, result.assignment, spec, batch);
    const Tensor& logits = codes.at(result.fine_tuned.outputs()[0]);
    int correct = 0;
    for (int i = 0; i < 60; ++i) {
      const std::uint8_t* row = logits.data<std::uint8_t>().data() + i * 3;
      correct += std::max_element(row, row + 3) - row == data.validation.labels[i];
    }
    // Biases are floats in training: a sum at a tie may round the other way.
    EXPECT_NEAR(correct, result.epochs[0].val_top1 * 60 / 100, 1.01) << config;
    EXPECT_GT(correct, 30) << config;
  }
}

TEST(Qat, WithoutStepsWorthMentioningItIsPlainQuantization) {
  QatOptions options = quick_options();
  options.train.epochs = 1;
  options.train.lr = 1e-20f;
  options.freeze_observers = 0;
  const QuantSpec spec = parse_config("static_int8_per_channel");
  const QatResult result = fine_tune_quantized(trained_cnn(), spec, image_data(), options);
  EXPECT_EQ(result.changed_weights, 0);
  ASSERT_EQ(result.prepared.size(), result.converted.size());
  for (std::size_t i = 0; i < result.prepared.size(); ++i) {
    EXPECT_EQ(result.prepared[i].name, result.converted[i].name);
    EXPECT_EQ(result.prepared[i].scale, result.converted[i].scale);
    EXPECT_EQ(result.prepared[i].zero_point, result.converted[i].zero_point);
  }
}

TEST(Qat, ObserversMoveUntilTheyAreFrozen) {
  QatOptions options = quick_options();
  const QuantSpec spec = parse_config("qat_int8");
  options.averaging = 0.5f;
  options.train.lr = 1e-20f;
  const auto conv_scale = [&](double freeze) {
    options.freeze_observers = freeze;
    return fine_tune_quantized(trained_cnn(), spec, image_data(), options).converted[1].scale[0];
  };
  const float frozen_at_once = conv_scale(0), late = conv_scale(0.9), never = conv_scale(1);
  EXPECT_NE(frozen_at_once, late);
  EXPECT_NE(late, never);
}

TEST(Qat, RecoversWhatFewBitsLose) {
  QatOptions options = quick_options();
  options.train.epochs = 6;
  options.train.lr = 0.02f;
  const QatResult result =
      fine_tune_quantized(trained_cnn(), parse_config("static_w3a4"), image_data(), options);
  EXPECT_LT(result.epochs.back().train_loss, result.epochs.front().train_loss);
  for (const FakeQuantInfo& info : result.converted) EXPECT_EQ(info.bits, info.is_weight ? 3 : 4);
  for (const Value& value : result.quantized.values()) {
    if (!value.constant || value.constant->dtype() != DType::kInt8) continue;
    const auto [low, high] = std::ranges::minmax(value.constant->data<std::int8_t>());
    EXPECT_GE(low, -3) << value.name;
    EXPECT_LE(high, 3) << value.name;
  }
}

TEST(Qat, StoppingAfterEveryBatchChangesNoByte) {
  const QuantSpec spec = parse_config("qat_int8");
  QatOptions options = quick_options();
  const QatResult whole = fine_tune_quantized(trained_cnn(), spec, image_data(), options);
  const std::atomic<bool> stop = true;
  options.train.stop = &stop;
  options.train.checkpoint = std::filesystem::path(::testing::TempDir()) /
                             ("octet_qat_" + std::to_string(::getpid()) + ".ckpt");
  std::filesystem::remove(*options.train.checkpoint);
  QatResult part = fine_tune_quantized(trained_cnn(), spec, image_data(), options);
  options.train.resume = true;
  int runs = 1;
  for (; part.stopped && runs < 50; ++runs) {
    part = fine_tune_quantized(trained_cnn(), spec, image_data(), options);
  }
  EXPECT_GT(runs, 6);
  EXPECT_EQ(weights_of(part.quantized), weights_of(whole.quantized));

  options.averaging = 0.02f;
  try {
    fine_tune_quantized(trained_cnn(), spec, image_data(), options);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    EXPECT_THAT(error.what(), HasSubstr("averaging"));
  }
  std::filesystem::remove(*options.train.checkpoint);
}

TEST(Qat, RefusesWhatItCannotDo) {
  const auto kind = [&](const Graph& graph, const char* config) {
    try {
      fine_tune_quantized(graph, parse_config(config), image_data(), quick_options());
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::kInternal;
  };
  EXPECT_EQ(kind(trained_cnn(), "dynamic_int8"), ErrorKind::kUsage);
  EXPECT_EQ(kind(trained_cnn(), "fp32_baseline"), ErrorKind::kUsage);
  QatOptions options = quick_options();
  const QatResult result =
      fine_tune_quantized(trained_cnn(), parse_config("qat_int8"), image_data(), options);
  EXPECT_EQ(kind(result.quantized, "qat_int8"), ErrorKind::kBadData);
}

}  // namespace
}  // namespace octet
