#include "octet/train/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <random>

#include "octet/base/error.h"
#include "octet/base/files.h"

namespace octet {
namespace {

using ::testing::HasSubstr;

TrainCheckpoint sample_checkpoint() {
  TrainCheckpoint c;
  c.fingerprint = {{"lr", "0.1"}, {"seed", "7"}};
  c.parameters = {Tensor::from(Shape{2, 2}, std::vector<float>{1, -2, 3.5f, 4}),
                  Tensor::scalar(1.0f)};
  c.state = {Tensor::from(Shape{3}, std::vector<std::int64_t>{1, 2, 3})};
  c.optimizer = {Tensor(DType::kFloat32, Shape{2, 2})};
  c.best_parameters = c.parameters;
  c.best_state = c.state;
  c.optimizer_steps = 12;
  c.epoch_rng = "1 2 3";
  c.rng = "4 5 6 7";
  c.epoch = 3;
  c.step = 4;
  c.loss_sum = 0.25;
  c.correct = 9;
  c.seen = 10;
  c.epochs = {{.epoch = 1, .train_loss = 2.5, .val_top1 = 40, .lr = 0.1, .has_validation = true},
              {.epoch = 2, .train_loss = 2.0, .images_per_s = 100}};
  c.best_epoch = 1;
  c.best_correct = 5;
  return c;
}

/// The message of the Error(kBadData) that parsing `bytes` must give.
std::string parse_error(std::span<const std::byte> bytes) {
  try {
    parse_checkpoint(bytes, "file.ckpt");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData) << error.what();
    return error.what();
  }
  return "";
}

TEST(Checkpoint, ReadsBackWhatItWrote) {
  const TrainCheckpoint c = sample_checkpoint();
  const TrainCheckpoint read = parse_checkpoint(serialize(c), "memory");
  EXPECT_EQ(read.fingerprint, c.fingerprint);
  EXPECT_EQ(read.parameters, c.parameters);
  EXPECT_EQ(read.state, c.state);
  EXPECT_EQ(read.optimizer, c.optimizer);
  EXPECT_EQ(read.best_parameters, c.best_parameters);
  EXPECT_EQ(read.best_state, c.best_state);
  EXPECT_EQ(read.rng, c.rng);
  EXPECT_EQ(read.epoch_rng, c.epoch_rng);
  EXPECT_EQ(read.step, 4);
  EXPECT_EQ(read.loss_sum, 0.25);
  ASSERT_EQ(read.epochs.size(), 2u);
  EXPECT_EQ(read.epochs[0].val_top1, 40);
  EXPECT_TRUE(read.epochs[0].has_validation);
  EXPECT_FALSE(read.epochs[1].has_validation);
  EXPECT_EQ(serialize(read), serialize(c));
}

TEST(Checkpoint, EveryTruncationIsATypedError) {
  const std::vector<std::byte> bytes = serialize(sample_checkpoint());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_THAT(parse_error(std::span(bytes).first(size)), HasSubstr("file.ckpt")) << size;
  }
}

TEST(Checkpoint, EveryFlippedBitIsATypedError) {
  std::vector<std::byte> bytes = serialize(sample_checkpoint());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const std::byte mask = std::byte{1} << (bit % 8);
    bytes[bit / 8] ^= mask;
    ASSERT_THAT(parse_error(bytes), HasSubstr("file.ckpt")) << "bit " << bit;
    bytes[bit / 8] ^= mask;
  }
}

/// The checksum keeps damage out; a file whose checksum was made to fit must not crash us either.
TEST(Checkpoint, DamageUnderAValidChecksumNeverCrashes) {
  const std::vector<std::byte> good = serialize(sample_checkpoint());
  constexpr std::size_t kHeader = 8 + 4 + 8 + 8;
  const auto seed = static_cast<std::uint32_t>(::testing::UnitTest::GetInstance()->random_seed());
  std::mt19937 rng(seed);
  int rejected = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::byte> bytes = good;
    for (int i = 0; i < 3; ++i) {
      bytes[kHeader + rng() % (bytes.size() - kHeader)] = static_cast<std::byte>(rng());
    }
    ContentHash hash;
    hash.add(std::span(bytes).subspan(kHeader));
    const std::uint64_t value = hash.value();
    std::memcpy(bytes.data() + 20, &value, sizeof(value));
    try {
      parse_checkpoint(bytes, "file.ckpt");
    } catch (const Error& error) {
      ++rejected;
      ASSERT_EQ(error.kind(), ErrorKind::kBadData) << error.what() << ", seed " << seed;
    }
  }
  EXPECT_GT(rejected, 100);
}

TEST(Checkpoint, RefusesForeignFilesByName) {
  const std::string text = "This is a letter to somebody else and no checkpoint at all.";
  EXPECT_THAT(parse_error(std::as_bytes(std::span(text))), HasSubstr("not a training checkpoint"));
}

TEST(Checkpoint, MissingFileIsNoInput) {
  try {
    load_checkpoint(std::filesystem::path(::testing::TempDir()) / "octet_none.ckpt");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kNoInput);
  }
}

TEST(Checkpoint, FingerprintErrorNamesWhatDiffers) {
  const auto message = [](const Fingerprint& saved, const Fingerprint& current) -> std::string {
    try {
      require_same_fingerprint(saved, current, "file.ckpt");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadData);
      return error.what();
    }
    return "";
  };
  const Fingerprint base{{"lr", "0.1"}, {"seed", "7"}};
  EXPECT_EQ(message(base, base), "");
  EXPECT_THAT(message(base, {{"lr", "0.1"}, {"seed", "8"}}),
              ::testing::AllOf(HasSubstr("seed was 7"), HasSubstr("found 8")));
  EXPECT_THAT(message({{"lr", "0.1"}}, base), HasSubstr("seed was absent"));
  EXPECT_THAT(message(base, {{"lr", "0.1"}}), HasSubstr("found absent"));
}

}  // namespace
}  // namespace octet
