#include "octet/train/train.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <numbers>
#include <numeric>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/train/execute.h"
#include "octet/train/toy_models.h"

namespace octet {
namespace {

using ::testing::HasSubstr;

Tensor constant(const Graph& graph, const std::string& name) {
  return *graph.value(*graph.find_value(name)).constant;
}

/// Every constant's bytes, by name.
std::map<std::string, std::vector<std::byte>> weight_bytes(const Graph& graph) {
  std::map<std::string, std::vector<std::byte>> bytes;
  for (const Value& value : graph.values()) {
    if (!value.constant) continue;
    const std::byte* begin = value.constant->raw();
    bytes[value.name].assign(begin, begin + value.constant->size_bytes());
  }
  return bytes;
}

std::string error_of(const std::function<void()>& run, ErrorKind kind) {
  try {
    run();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

std::filesystem::path temp_file(const std::string& name) {
  const auto path = std::filesystem::path(::testing::TempDir()) /
                    ("octet_train_" + std::to_string(::getpid()) + "_" + name);
  std::filesystem::remove(path);
  return path;
}

// ---- the update rules, against the equations in double ----

/// Softmax regression by the equations.
struct Reference {
  std::vector<double> weights;  ///< [classes][features + 1], the bias last
  std::vector<double> first, second;
  std::vector<double> losses;
};

Reference train_reference(const Graph& graph, const Dataset& data, const TrainOptions& o) {
  const int classes = data.num_classes();
  const int features = static_cast<int>(data.sample_shape[0]);
  const int row = features + 1;
  Reference r;
  const Tensor weight = constant(graph, "weight"), bias = constant(graph, "bias");
  for (int c = 0; c < classes; ++c) {
    for (int f = 0; f < features; ++f) r.weights.push_back(weight.data<float>()[c * features + f]);
    r.weights.push_back(bias.data<float>()[c]);
  }
  r.first.resize(r.weights.size());
  r.second.resize(r.weights.size());
  for (int epoch = 0; epoch < o.epochs; ++epoch) {
    std::vector<double> gradient(r.weights.size());
    double loss = 0;
    for (std::int64_t i = 0; i < data.size(); ++i) {
      std::vector<double> x(static_cast<std::size_t>(row), 1.0);
      for (int f = 0; f < features; ++f) x[f] = data.samples.data<float>()[i * features + f];
      std::vector<double> p(static_cast<std::size_t>(classes));
      double sum = 0;
      for (int c = 0; c < classes; ++c) {
        p[c] = std::exp(std::inner_product(x.begin(), x.end(), r.weights.begin() + c * row, 0.0));
        sum += p[c];
      }
      loss -= std::log(p[data.labels[i]] / sum) / data.size();
      for (int c = 0; c < classes; ++c) {
        const double error = (p[c] / sum - (data.labels[i] == c)) / data.size();
        for (int f = 0; f < row; ++f) gradient[c * row + f] += error * x[f];
      }
    }
    r.losses.push_back(loss);
    double lr = o.lr;
    if (o.schedule == Schedule::kCosine) {
      lr *= 0.5 * (1 + std::cos(std::numbers::pi * epoch / o.epochs));
    } else if (o.schedule == Schedule::kStep) {
      lr *= std::pow(o.step_gamma, epoch / o.step_epochs);
    }
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const double g = gradient[i] + o.weight_decay * r.weights[i];
      if (o.optimizer == Optimizer::kSgd) {
        r.first[i] = epoch == 0 ? g : o.momentum * r.first[i] + g;
        r.weights[i] -= lr * (o.nesterov ? g + o.momentum * r.first[i] : r.first[i]);
      } else {
        r.first[i] = 0.9 * r.first[i] + 0.1 * g;
        r.second[i] = 0.999 * r.second[i] + 0.001 * g * g;
        const double mean = r.first[i] / (1 - std::pow(0.9, epoch + 1));
        const double square = r.second[i] / (1 - std::pow(0.999, epoch + 1));
        r.weights[i] -= lr * mean / (std::sqrt(square) + 1e-8);
      }
    }
  }
  return r;
}

class UpdateRuleTest : public ::testing::TestWithParam<std::pair<const char*, TrainOptions>> {};

TEST_P(UpdateRuleTest, EqualsTheEquationsInDouble) {
  TrainOptions options = GetParam().second;
  options.epochs = 6;
  options.batch = 0;
  options.threads = 1;
  const Graph graph = linear_model(4, 3, 5);
  const DataSplits data{toy_table(40, 4, 3, 9), {}, {}};
  const TrainResult result = train(graph, data, options);
  const Reference expected = train_reference(graph, data.train, options);
  ASSERT_EQ(result.epochs.size(), 6u);
  for (int epoch = 0; epoch < 6; ++epoch) {
    EXPECT_NEAR(result.epochs[epoch].train_loss, expected.losses[epoch], 2e-6);
  }
  const Tensor weight = constant(result.best, "weight"), bias = constant(result.best, "bias");
  for (int c = 0; c < 3; ++c) {
    for (int f = 0; f < 4; ++f) {
      EXPECT_NEAR(weight.data<float>()[c * 4 + f], expected.weights[c * 5 + f], 5e-6);
    }
    EXPECT_NEAR(bias.data<float>()[c], expected.weights[c * 5 + 4], 5e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(
    , UpdateRuleTest,
    ::testing::Values(std::pair{"plain", TrainOptions{.lr = 0.5f,
                                                      .momentum = 0,
                                                      .nesterov = false,
                                                      .schedule = Schedule::kConstant}},
                      std::pair{"momentum", TrainOptions{.lr = 0.5f,
                                                         .nesterov = false,
                                                         .weight_decay = 0.05f,
                                                         .schedule = Schedule::kConstant}},
                      std::pair{"nesterov_cosine", TrainOptions{.lr = 0.5f, .weight_decay = 0.05f}},
                      std::pair{"nesterov_step", TrainOptions{.lr = 0.5f,
                                                              .schedule = Schedule::kStep,
                                                              .step_epochs = 2,
                                                              .step_gamma = 0.5f}},
                      std::pair{"adam", TrainOptions{.optimizer = Optimizer::kAdam,
                                                     .lr = 0.05f,
                                                     .weight_decay = 0.1f,
                                                     .schedule = Schedule::kCosine}}),
    [](const auto& info) { return info.param.first; });

TEST(Train, UpdatesRunningStatisticsWithUnbiasedVariance) {
  Graph graph;
  const ValueId x = graph.add_input("input", DType::kFloat32, Shape{kDynamicDim, 3});
  const ValueId y = graph.add("bn", BatchNorm{.momentum = 0.25f},
                              {x, graph.add_constant("scale", filled(Shape{3}, 1)),
                               graph.add_constant("shift", filled(Shape{3}, 0)),
                               graph.add_constant("mean", filled(Shape{3}, 2)),
                               graph.add_constant("variance", filled(Shape{3}, 4))});
  graph.add_output(y);
  infer_shapes(graph);
  const DataSplits data{toy_table(20, 3, 3, 4), {}, {}};
  const TrainResult result = train(graph, data, {.epochs = 1, .batch = 0, .threads = 1});
  for (int c = 0; c < 3; ++c) {
    double mean = 0, square = 0;
    for (int i = 0; i < 20; ++i) mean += data.train.samples.data<float>()[i * 3 + c] / 20.0;
    for (int i = 0; i < 20; ++i) {
      square += std::pow(data.train.samples.data<float>()[i * 3 + c] - mean, 2);
    }
    EXPECT_NEAR(constant(result.best, "mean").data<float>()[c], 0.75 * 2 + 0.25 * mean, 1e-6);
    EXPECT_NEAR(constant(result.best, "variance").data<float>()[c], 0.75 * 4 + 0.25 * square / 19,
                1e-5);
  }
}

// ---- repeatability, stop and resume ----

TrainOptions cnn_options() {
  TrainOptions options;
  options.epochs = 3;
  options.batch = 8;
  options.lr = 0.1f;
  options.weight_decay = 1e-3f;
  options.augmentation = {.crop_padding = 1, .horizontal_flip = true};
  options.threads = 1;
  options.seed = 3;
  return options;
}

DataSplits cnn_data() { return {toy_images(29, 1), toy_images(20, 2), {}}; }

TEST(Train, SameSeedGivesTheSameBytes) {
  const DataSplits data = cnn_data();
  TrainOptions options = cnn_options();
  options.threads = 2;
  const auto first = weight_bytes(train(toy_cnn(1), data, options).best);
  EXPECT_EQ(first, weight_bytes(train(toy_cnn(1), data, options).best));
  options.seed = 4;
  EXPECT_NE(first, weight_bytes(train(toy_cnn(1), data, options).best));
}

class ResumeTest : public ::testing::TestWithParam<Optimizer> {};

TEST_P(ResumeTest, StoppingAfterEveryBatchChangesNoByte) {
  const DataSplits data = cnn_data();
  TrainOptions options = cnn_options();
  options.optimizer = GetParam();
  options.lr = GetParam() == Optimizer::kAdam ? 0.01f : 0.1f;
  const TrainResult whole = train(toy_cnn(1), data, options);

  const std::atomic<bool> stop = true;
  options.stop = &stop;
  options.checkpoint = temp_file("resume.ckpt");
  TrainResult part = train(toy_cnn(1), data, options);
  options.resume = true;
  int runs = 1;
  for (; part.stopped && runs < 100; ++runs) part = train(toy_cnn(1), data, options);
  EXPECT_EQ(runs, 3 * 5);  // per epoch each of 4 batches, and the validation after the last
  EXPECT_EQ(weight_bytes(part.best), weight_bytes(whole.best));
  EXPECT_EQ(part.best_epoch, whole.best_epoch);
  ASSERT_EQ(part.epochs.size(), whole.epochs.size());
  for (std::size_t i = 0; i < whole.epochs.size(); ++i) {
    EXPECT_EQ(part.epochs[i].train_loss, whole.epochs[i].train_loss);
    EXPECT_EQ(part.epochs[i].train_top1, whole.epochs[i].train_top1);
    EXPECT_EQ(part.epochs[i].val_loss, whole.epochs[i].val_loss);
    EXPECT_EQ(part.epochs[i].val_top1, whole.epochs[i].val_top1);
  }
  std::filesystem::remove(*options.checkpoint);
}

INSTANTIATE_TEST_SUITE_P(, ResumeTest, ::testing::Values(Optimizer::kSgd, Optimizer::kAdam),
                         [](const auto& info) {
                           return info.param == Optimizer::kSgd ? "sgd" : "adam";
                         });

TEST(Train, ResumingAFinishedRunReturnsItsResult) {
  const DataSplits data = cnn_data();
  TrainOptions options = cnn_options();
  options.checkpoint = temp_file("finished.ckpt");
  const TrainResult whole = train(toy_cnn(1), data, options);
  options.resume = true;
  const TrainResult again = train(toy_cnn(1), data, options);
  EXPECT_EQ(weight_bytes(again.best), weight_bytes(whole.best));
  EXPECT_FALSE(again.stopped);
  std::filesystem::remove(*options.checkpoint);
}

TEST(Train, ResumeRefusesOtherOptionsModelsAndFiles) {
  const DataSplits data = cnn_data();
  TrainOptions options = cnn_options();
  options.epochs = 1;
  options.checkpoint = temp_file("other.ckpt");
  train(toy_cnn(1), data, options);
  options.resume = true;
  TrainOptions faster = options;
  faster.lr = 0.2f;
  EXPECT_THAT(error_of([&] { train(toy_cnn(1), data, faster); }, ErrorKind::kBadData),
              HasSubstr("lr was 0.1"));
  EXPECT_THAT(error_of([&] { train(toy_cnn(2), data, options); }, ErrorKind::kBadData),
              HasSubstr("model was"));
  const DataSplits other{toy_images(29, 7), data.validation, {}};
  EXPECT_THAT(error_of([&] { train(toy_cnn(1), other, options); }, ErrorKind::kBadData),
              HasSubstr("data contents"));
  write_file(*options.checkpoint, "not a checkpoint");
  EXPECT_THAT(error_of([&] { train(toy_cnn(1), data, options); }, ErrorKind::kBadData),
              HasSubstr("other.ckpt"));
  std::filesystem::remove(*options.checkpoint);
  error_of([&] { train(toy_cnn(1), data, options); }, ErrorKind::kNoInput);
  options.checkpoint = "/no/such/folder/file.ckpt";
  error_of([&] { train(toy_cnn(1), data, options); }, ErrorKind::kCannotCreate);
}

// ---- what is kept and reported ----

TEST(Train, LearnsAndKeepsTheBestEpochOnValidation) {
  const DataSplits data{toy_images(120, 1), toy_images(60, 2), toy_images(60, 3)};
  TrainOptions options = cnn_options();
  options.epochs = 6;
  options.batch = 16;
  std::vector<TrainProgress> seen;
  const TrainResult result =
      train(toy_cnn(1), data, options, [&](const TrainProgress& p) { seen.push_back(p); });
  ASSERT_EQ(result.epochs.size(), 6u);
  EXPECT_LT(result.epochs.back().train_loss, result.epochs.front().train_loss);
  int best = 0;
  for (int i = 0; i < 6; ++i) {
    EXPECT_TRUE(result.epochs[i].has_validation);
    EXPECT_GT(result.epochs[i].images_per_s, 0);
    if (result.epochs[i].val_top1 >= result.epochs[best].val_top1) best = i;
  }
  EXPECT_EQ(result.best_epoch, best + 1);
  EXPECT_GT(result.epochs[best].val_top1, 60);
  ASSERT_GE(seen.size(), 6u);
  EXPECT_EQ(seen.back().epoch, 6);
  EXPECT_EQ(seen.back().step, seen.back().steps);

  // The returned weights really are that epoch's: they score what it reported.
  const FloatModel model(result.best);
  const ValueId logits = result.best.outputs()[0];
  std::vector<std::int32_t> all(60);
  std::iota(all.begin(), all.end(), 0);
  Tensor batch(DType::kFloat32, Shape{60, 3, 8, 8});
  fill_batch(data.validation, all, data.train.preprocessing, {}, nullptr,
             batch.mutable_data<float>());
  const Tensor scores = model.forward(batch, std::span(&logits, 1))[0];
  int correct = 0;
  for (int i = 0; i < 60; ++i) {
    const float* row = scores.data<float>().data() + i * 3;
    correct += std::max_element(row, row + 3) - row == data.validation.labels[i];
  }
  EXPECT_DOUBLE_EQ(100.0 * correct / 60, result.epochs[best].val_top1);
}

TEST(Train, WritesPreprocessingAndClassesIntoTheModel) {
  const TrainResult result = train(toy_cnn(1), cnn_data(), cnn_options());
  EXPECT_EQ(preprocessing_from_json(result.best.metadata.at("octet.preprocessing")),
            cnn_data().train.preprocessing);
  EXPECT_EQ(result.best.metadata.at("octet.classes"), R"(["red","green","blue"])");
}

TEST(Train, UsesTheModelsOwnPreprocessing) {
  Graph graph = toy_cnn(1);
  const Preprocessing own{1.0f, {100, 100, 100}, {50, 50, 50}};
  graph.metadata["octet.preprocessing"] = to_json(own);
  const TrainResult result = train(graph, cnn_data(), cnn_options());
  EXPECT_EQ(preprocessing_from_json(result.best.metadata.at("octet.preprocessing")), own);
  EXPECT_NE(weight_bytes(result.best),
            weight_bytes(train(toy_cnn(1), cnn_data(), cnn_options()).best));
}

TEST(Train, LeavesOutALastBatchOfOneOnlyForBatchNorm) {
  std::vector<int> steps;
  const ProgressSink count = [&](const TrainProgress& p) { steps.push_back(p.steps); };
  TrainOptions options{.epochs = 1, .batch = 4, .threads = 1};
  train(toy_cnn(1), {toy_images(9, 1), {}, {}}, options, count);
  EXPECT_EQ(steps.back(), 2);
  train(linear_model(4, 3, 1), {toy_table(9, 4, 3, 1), {}, {}}, options, count);
  EXPECT_EQ(steps.back(), 3);
  options.batch = 1;
  EXPECT_THAT(error_of(
                  [&] {
                    train(toy_cnn(1), {toy_images(9, 1), {}, {}}, options);
                  },
                  ErrorKind::kUsage),
              HasSubstr("batch norm"));
}

TEST(Train, NamesWhatDoesNotFit) {
  const TrainOptions options{.epochs = 1, .batch = 4, .threads = 1};
  const auto bad = [&](const Graph& graph, const Dataset& data) {
    return error_of([&] { train(graph, {data, {}, {}}, options); }, ErrorKind::kBadData);
  };
  EXPECT_THAT(bad(linear_model(5, 3, 1), toy_table(9, 4, 3, 1)), HasSubstr("[N, 5]"));
  EXPECT_THAT(bad(linear_model(4, 2, 1), toy_table(9, 4, 3, 1)), HasSubstr("3 classes"));
  Dataset labels = toy_table(9, 4, 3, 1);
  labels.labels[5] = 3;
  EXPECT_THAT(bad(linear_model(4, 3, 1), labels), HasSubstr("sample 5"));
  EXPECT_THAT(bad(linear_model(4, 3, 1), toy_table(0, 4, 3, 1)), HasSubstr("no training samples"));
  Dataset infinite = toy_table(9, 4, 3, 1);
  for (float& value : infinite.samples.mutable_data<float>()) value *= 1e38f;
  EXPECT_THAT(bad(linear_model(4, 3, 1), infinite), HasSubstr("loss"));
}

TEST(Train, RefusesCudaWhereLibtorchHasNone) {
  TrainOptions options = cnn_options();
  options.device = "cuda";
  try {
    const TrainResult result = train(toy_cnn(1), cnn_data(), options);
    GTEST_SKIP() << "this libtorch has CUDA; it trained " << result.epochs.size() << " epochs";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUnsupported);
  }
}

TEST(Train, NamesTheBlasLibrary) {
  const BlasInfo blas = blas_info();
  EXPECT_FALSE(blas.library.empty());
  EXPECT_EQ(blas.is_reference, blas.library == "reference");
}

}  // namespace
}  // namespace octet
