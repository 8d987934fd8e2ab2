#!/bin/sh
# Checks every #include of octet/ against the layer table below, which docs/architecture.md shows.
#   tools/check_layers.sh [FOLDER]      FOLDER holds octet/; default: this repository
#   tools/check_layers.sh --self-test   proves that each rule catches a planted violation
set -eu

# module: what it may include besides itself
table='
base:
cpu: base
graph: base
onnx: base graph
zoo: base graph
data: base
quant: base graph
runtime: base cpu graph
train: base graph quant data
eval: base graph data
bench: base cpu graph runtime
report: base
cli: base cpu graph onnx zoo data quant runtime train eval bench report
'

check() {  # check FOLDER
  # Tests and benchmarks may look at other modules, but third-party homes hold for them too.
  (cd "$1" && find octet -name '*.h' -o -name '*.cpp' | sort | xargs -r awk -v table="$table" '
    BEGIN {
      rows = split(table, row, "\n")
      for (i = 1; i <= rows; i++) {
        if (split(row[i], part, ":") < 2) continue
        known[part[1]] = 1
        may[part[1], part[1]] = 1
        n = split(part[2], names, " ")
        for (j = 1; j <= n; j++) may[part[1], names[j]] = 1
      }
      # Third-party headers with one home.
      home["torch"] = home["ATen"] = home["c10"] = "train"
      home["google"] = home["onnx"] = "onnx"
      home["CLI"] = "cli"
      # Modules that ship to small devices: the standard library and the system, nothing else.
      bare["base"] = bare["cpu"] = bare["runtime"] = 1
      bad = 0
    }
    function complain(why) { print FILENAME ":" FNR ": " why; bad = 1 }
    FNR == 1 {
      split(FILENAME, path, "/")
      module = path[2]
      product = FILENAME !~ /_(test|bench)\.cpp$/
      if (!(module in known)) complain("module " module " is not in the table of check_layers.sh")
    }
    /^[ \t]*#[ \t]*include[ \t]/ {
      angle = /</
      header = $0
      sub(/^[^<"]*[<"]/, "", header)
      sub(/[>"].*$/, "", header)
      split(header, part, "/")
      if (part[1] == "octet") {
        if (product && !((module, part[2]) in may)) complain(module " may not include " header)
        next
      }
      if ((part[1] in home) && home[part[1]] != module) {
        complain(header " belongs in " home[part[1]] " only")
      } else if (header ~ /\.pb\.h$/ && module != "onnx") {
        complain(header " belongs in onnx only")
      } else if (product && (module in bare) && !system_header(header)) {
        complain(module " takes no third-party code: " header)
      }
    }
    function system_header(name) {
      return angle && (name ~ /^[a-z_0-9]+$/ || name ~ /^(sys|linux|asm)\// ||
                       name ~ /^(immintrin|arm_neon|cpuid|fcntl|pthread|sched|unistd)\.h$/)
    }
    END { exit bad }')
}

self_test() {
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  while read -r expected file include; do
    rm -rf "$scratch/octet"
    mkdir -p "$scratch/$(dirname "$file")"
    printf '#include %s\n' "$include" >"$scratch/$file"
    found=accepted
    check "$scratch" >/dev/null || found=refused
    if [ "$found" != "$expected" ]; then
      echo "check_layers self-test: $file with $include: found $found, expected $expected"
      return 1
    fi
  done <<'CASES'
accepted octet/runtime/plan.h "octet/graph/graph.h"
accepted octet/runtime/plan.cpp <vector>
accepted octet/cpu/isa.cpp <sys/auxv.h>
accepted octet/runtime/kernels/a/a_test.cpp "octet/zoo/zoo.h"
accepted octet/train/execute.cpp <torch/torch.h>
accepted octet/onnx/import.cpp <google/protobuf/message.h>
accepted octet/cli/main.cpp <CLI/CLI.hpp>
refused octet/base/tensor.h "octet/graph/graph.h"
refused octet/runtime/plan.h "octet/quant/quant_spec.h"
refused octet/runtime/kernels/a/a.cpp "octet/onnx/onnx.h"
refused octet/report/html.cpp "octet/bench/latency.h"
refused octet/quant/gptq.cpp <torch/torch.h>
refused octet/quant/gptq_test.cpp <ATen/ATen.h>
refused octet/zoo/zoo.cpp <google/protobuf/message.h>
refused octet/zoo/zoo.cpp "onnx.pb.h"
refused octet/eval/evaluate.cpp <CLI/CLI.hpp>
refused octet/runtime/plan.cpp <fmt/format.h>
refused octet/runtime/plan.cpp "plan.h"
refused octet/utils/misc.h <vector>
CASES
  echo "check_layers self-test: ok"
}

case ${1:-} in
  --self-test) self_test ;;
  *)
    cd "$(dirname "$0")/.."
    check "${1:-.}" || { echo "check_layers: the layer table is broken, see above"; exit 1; }
    echo "check_layers: ok"
    ;;
esac
