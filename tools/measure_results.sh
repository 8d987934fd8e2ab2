#!/bin/sh
# Measures everything that docs/results.md shows and writes that file. Needs the data sets and
# trained models of OCTET_DATA_DIR (or ../shared/data); about 20 minutes on 2 cores. A part whose
# results already lie in build/results is not measured again: remove its folder to do so.
set -eu
cd "$(dirname "$0")/.."
: "${OCTET_DATA_DIR:=$(cd .. && pwd)/shared/data}"
export OCTET_DATA_DIR
octet=$PWD/build/release/octet
results=build/results
small_cnn=$OCTET_DATA_DIR/models/small_cnn_cifar10_fp32.onnx
mkdir -p "$results"

done_already() { [ -s "$results/$1" ]; }

traffic() {
  done_already traffic_replay.txt || {
    "$octet" train --model traffic_net --data traffic --compat torch -q \
      -o "$results/traffic_replay.onnx" >"$results/traffic_replay.tmp"
    grep -v '^wrote' "$results/traffic_replay.tmp" >"$results/traffic_replay.txt"
  }
  done_already traffic/pareto.md ||
    "$octet" pipeline --model traffic_net --data traffic --epochs 100 --equal-budget \
      -o "$results/traffic"
}

cifar10() {
  done_already small_cnn/pareto.md ||
    "$octet" pipeline --from "$small_cnn" --data cifar10 --equal-budget --qat-epochs 1 \
      -o "$results/small_cnn"
  done_already small_cnn_scratch.txt || {
    "$octet" train --model small_cnn --data cifar10 --epochs 5 --seed 1729 --compat torch -q \
      -o "$results/small_cnn_scratch.onnx" >"$results/small_cnn_scratch.tmp"
    grep -v '^wrote' "$results/small_cnn_scratch.tmp" >"$results/small_cnn_scratch.txt"
  }
  for granularity in per_tensor per_channel; do
    done_already "parity_$granularity.txt" || {
      "$octet" quantize "$small_cnn" --config "static_int8_$granularity" --compat torch \
        --data cifar10 -q -o "$results/parity_$granularity.onnx" >"$results/parity.tmp"
      sed -n '/^converted/,/^$/p' "$results/parity.tmp" >"$results/parity_$granularity.txt"
    }
  done
  rm -f "$results/parity.tmp"
}

mnist() {
  done_already mnist_tutorial.txt || {
    top1() { sed -n 's/.*top-1 \([0-9.]* %\).*/\1/p' | head -n 1; }
    for seed in 0 1 2 3 4; do
      name=$results/mnist_tutorial
      fp32=$("$octet" train --model mnist_mlp --data mnist --compat torch --epochs 1 \
        --schedule constant --seed "$seed" -q -o "${name}_fp32.onnx" | top1)
      "$octet" quantize "${name}_fp32.onnx" --config static_int8_per_tensor --data mnist -q \
        -o "${name}_ptq.onnx" >"$results/mnist_tutorial_ptq.txt"
      ptq=$("$octet" eval "${name}_ptq.onnx" --data mnist -q | top1)
      qat=$("$octet" qat "${name}_fp32.onnx" --data mnist --seed "$seed" -q \
        -o "${name}_qat.onnx" | top1)
      paired=$("$octet" eval "${name}_qat.onnx" --data mnist --against "${name}_ptq.onnx" -q |
        sed -n 's/.*\(McNemar.*\)/\1/p')
      echo "seed $seed: FP32 $fp32, static $ptq, QAT $qat; QAT against static: $paired"
    done >"$results/mnist_tutorial.tmp"
    mv "$results/mnist_tutorial.tmp" "$results/mnist_tutorial.txt"
  }
  done_already mnist/pareto.md ||
    "$octet" pipeline --model mnist_mlp --data mnist --equal-budget -o "$results/mnist"
}

mobilenet() {
  done_already mobilenet_v2/pareto.md ||
    "$octet" pipeline --model mobilenet_v2 --input-size 32 --data cifar10 --epochs 1 \
      --qat-epochs 1 -o "$results/mobilenet_v2"
}

part() {  # part TITLE COMMAND FILE: a pareto.md with its headings one level down
  printf '\n## %s\n\n`%s`\n' "$1" "$2"
  sed -e '1d' -e 's/^## /### /' "$3"
}

quoted() {  # quoted FILE
  printf '\n```\n'
  cat "$1"
  printf '```\n'
}

write_document() {
  {
    echo '# Results'
    echo
    echo 'Made by `tools/measure_results.sh`: every figure below was measured by the program as it'
    echo 'stood at the commit named in each part, on the machine named there. Accuracies are those'
    echo 'of the written files on the integer kernels, over the whole test part, which neither'
    echo 'training nor calibration ever sees.'
    part 'Traffic: an honest table' \
      'octet pipeline --model traffic_net --data traffic --epochs 100 --equal-budget' \
      "$results/traffic/pareto.md"
    printf '\n### Replay of a PyTorch run\n\n'
    echo '`octet train --model traffic_net --data traffic --compat torch`: full batch, Adam, 15'
    echo 'steps from seed 42. The run it replays printed the same 15 losses and got the same 791'
    echo 'of 1,256 test rows; at 62.98 % it is under-trained, as the table above shows.'
    quoted "$results/traffic_replay.txt"
    part 'small_cnn on CIFAR-10' \
      'octet pipeline --from small_cnn_cifar10_fp32.onnx --data cifar10 --equal-budget --qat-epochs 1' \
      "$results/small_cnn/pareto.md"
    printf '\n### Trained from nothing, 5 epochs, all 50,000 training images\n'
    quoted "$results/small_cnn_scratch.txt"
    printf '\n### Scales of PyTorch'"'"'s default observers (`--compat torch`)\n'
    quoted "$results/parity_per_tensor.txt"
    part 'mnist_mlp on MNIST' 'octet pipeline --model mnist_mlp --data mnist --equal-budget' \
      "$results/mnist/pareto.md"
    printf '\n### The tutorial'"'"'s recipe: one epoch, Adam 1e-3, batch 10, all 60,000 images\n\n'
    echo 'The float model ends within 1 point from seed to seed. QAT starts from it and has one epoch'
    echo 'more, at a rate of 1e-4.'
    quoted "$results/mnist_tutorial.txt"
    part 'mobilenet_v2 at 32 x 32 on CIFAR-10, one epoch' \
      'octet pipeline --model mobilenet_v2 --input-size 32 --data cifar10 --epochs 1 --qat-epochs 1' \
      "$results/mobilenet_v2/pareto.md"
  } >docs/results.md
  echo "wrote docs/results.md" >&2
}

if [ $# -eq 0 ]; then set -- traffic cifar10 mnist mobilenet; fi
for name in "$@"; do "$name"; done
write_document
