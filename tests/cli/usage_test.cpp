#include "tests/cli/cli_test.h"

// Exit code 64: the command line itself is wrong.

namespace octet {
namespace {

struct WrongUse {
  const char* command_line;
  std::vector<std::string> says;
};

class UsageTest : public CliTest {
 protected:
  void expect_refused(const std::vector<WrongUse>& cases) const {
    put_traffic_net("m.onnx");
    for (const WrongUse& wrong : cases) expect_fails(wrong.command_line, 64, wrong.says);
  }
};

TEST_F(UsageTest, MisspeltCommandsAndOptionsGetTheNearestName) {
  expect_refused({
      {"", {"subcommand"}},
      {"trian", {"'trian'", "did you mean 'train'"}},
      {"evla m.onnx --data roads", {"'evla'", "did you mean 'eval'"}},
      {"data chek roads", {"'chek'", "did you mean 'check'"}},
      {"info m.onnx --layres", {"--layres", "did you mean '--layers'"}},
      {"train --modle traffic_net --data roads -o t.onnx", {"did you mean '--model'"}},
      {"eval m.onnx --data roads --jsn", {"did you mean '--json'"}},
      {"eval m.onnx --data roads --zzzzzzzz", {"--zzzzzzzz"}},
  });
}

TEST_F(UsageTest, MisspeltNamesGetTheNearestOneAndTheAcceptedOnes) {
  expect_refused({
      {"train --model trafic_net --data roads -o t.onnx",
       {"trafic_net", "did you mean 'traffic_net'", "small_cnn"}},
      {"pipeline --model smal_cnn --data shapes10 --tiny -o run", {"did you mean 'small_cnn'"}},
      {"train --model traffic_net --data raods -o t.onnx", {"did you mean 'roads'", "cifar10"}},
      {"eval m.onnx --data raods", {"did you mean 'roads'"}},
      {"pipeline --grid small_cnn,resnet2 -o grid", {"did you mean 'resnet20'"}},
      {"data check cifr10", {"did you mean 'cifar10'"}},
      {"data fetch cifr10", {"did you mean 'cifar10'"}},
      {"eval m.onnx --data roads --split tset", {"did you mean 'test'", "validation"}},
      {"train --model traffic_net --data roads --optimizer adm -o t.onnx",
       {"did you mean 'adam'", "sgd"}},
      {"train --model traffic_net --data roads --schedule cosin -o t.onnx",
       {"did you mean 'cosine'"}},
      {"train --model traffic_net --data roads --device cuta -o t.onnx", {"did you mean 'cuda'"}},
      {"run m.onnx --input input=x.npy --output-dir out --format npz",
       {"did you mean 'npy'", "pb"}},
      {"quantize m.onnx --config static_int8_per_chanel --data roads -o q.onnx",
       {"did you mean 'static_int8_per_channel'", "dynamic_int8"}},
      {"pipeline --from m.onnx --data roads --configs dynamic_int9 -o run",
       {"did you mean 'dynamic_int8'"}},
      {"quantize m.onnx --config static_int8_per_channel --calib-method minmx --data roads "
       "-o q.onnx",
       {"did you mean 'minmax'"}},
      {"eval m.onnx --data roads --isa avx3", {"did you mean 'avx2'", "baseline"}},
      {"info m.onnx --isa avx3", {"did you mean 'avx2'"}},
      {"info m.onnx --weights fc3", {"did you mean 'fc"}},
      {"bench m.onnx --disable-pass fuse-activation",
       {"did you mean 'fuse-activations'", "fold-batch-norm"}},
      {"run m.onnx --input inptu=x.npy --output-dir out", {"did you mean 'input'"}},
  });
}

TEST_F(UsageTest, ValuesOutOfRangeAreNamedWithTheAcceptedOnes) {
  expect_refused({
      {"train --model traffic_net --data roads --epochs 0 -o t.onnx", {"--epochs", "0", "1"}},
      {"train --model traffic_net --data roads --epochs -1 -o t.onnx", {"--epochs", "-1"}},
      {"train --model traffic_net --data roads --epochs two -o t.onnx", {"--epochs", "two"}},
      {"train --model traffic_net --data roads --batch -1 -o t.onnx", {"--batch", "-1"}},
      {"train --model traffic_net --data roads --lr nan -o t.onnx", {"lr", "nan"}},
      {"train --model traffic_net --data roads --lr -1 -o t.onnx", {"--lr", "-1"}},
      {"train --model traffic_net --data roads --lr inf -o t.onnx", {"--lr", "inf"}},
      {"train --model traffic_net --data roads --weight-decay nan -o t.onnx",
       {"weight-decay", "nan"}},
      {"train --model traffic_net --data roads --momentum nan -o t.onnx", {"momentum", "nan"}},
      {"train --model traffic_net --data roads --limit 0 -o t.onnx", {"--limit", "0"}},
      {"train --model traffic_net --data roads --validation-fraction nan -o t.onnx",
       {"--validation-fraction", "nan"}},
      {"info m.onnx --threads 0", {"--threads", "0", "1"}},
      {"info m.onnx --threads 1000000", {"--threads", "1000000"}},
      {"eval m.onnx --data roads --seed x", {"--seed", "x"}},
      {"eval m.onnx --data roads --seed -1", {"--seed", "-1"}},
      {"eval m.onnx --data roads --limit 0", {"--limit", "0"}},
      {"quantize m.onnx --config static_int8_per_channel --data roads --calib-samples 0 -o q.onnx",
       {"--calib-samples", "0"}},
      {"bench m.onnx --batch 0", {"--batch", "0"}},
      {"bench m.onnx --batch 1,x", {"--batch", "x"}},
      {"bench m.onnx --rounds 0", {"--rounds", "0"}},
      {"bench m.onnx --max-seconds nan", {"--max-seconds", "nan"}},
      {"compare m.onnx m.onnx --max-drop nan", {"--max-drop", "nan"}},
      {"pipeline --from m.onnx --data roads --bench-batch 8 -o run", {"--bench-batch", "1"}},
      {"qat m.onnx --data roads --freeze-observers 2 -o q.onnx", {"--freeze-observers", "2"}},
      {"qat m.onnx --data roads --freeze-observers nan -o q.onnx", {"--freeze-observers", "nan"}},
  });
}

TEST_F(UsageTest, WhatIsMissingOrDoesNotGoTogetherIsNamed) {
  expect_refused({
      {"quantize m.onnx --config static_int8_per_channel -o q.onnx", {"--data"}},
      {"quantize m.onnx --config qat_int8 --data roads -o q.onnx", {"octet qat"}},
      {"quantize m.onnx --config dynamic_int8", {"--output"}},
      {"quantize --config dynamic_int8 -o q.onnx", {"model"}},
      {"qat m.onnx --config dynamic_int8 --data roads -o q.onnx", {"dynamic_int8", "static_"}},
      {"eval m.onnx", {"--data"}},
      {"eval m.onnx --data", {"--data"}},
      {"bench", {"models"}},
      {"compare m.onnx m.onnx --rounds 3 --max-drop 1", {"--data"}},
      {"run m.onnx --input x.npy --output-dir out", {"NAME=FILE"}},
      {"run m.onnx --input input=x.txt --output-dir out", {"x.txt", ".npy", ".pb"}},
      {"eval m.onnx --data csv:", {"csv: no path"}},
      {"eval m.onnx --data npy:only.npy", {"npy:X.npy,Y.npy"}},
      {"eval m.onnx --data roads:x", {"roads"}},
      {"train --model traffic_net --data roads --classes -3 -o t.onnx", {"-3"}},
      {"data", {"subcommand"}},
      {"pipeline --grid resnet20 --data roads -o grid", {"--grid", "--data"}},
      {"pipeline --grid resnet20 --configs qat_int8 -o grid", {"qat_int8", "needs training"}},
  });
}

}  // namespace
}  // namespace octet
