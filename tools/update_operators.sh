#!/bin/sh
# Writes docs/operators.md from what the program says of itself.
#   tools/update_operators.sh [PROGRAM]           default: build/release/octet
#   tools/update_operators.sh --check [PROGRAM]   only says whether the page is as the program is
set -eu
cd "$(dirname "$0")/.."
check=
if [ "${1:-}" = --check ]; then check=1; shift; fi
program=${1:-build/release/octet}
page=docs/operators.md
fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
{
  cat <<'TEXT'
# Operators

Made by `tools/update_operators.sh` from `octet operators`. Opsets up to 27 are read; where an operator changed its
meaning, each opset's own is taken, and a form that the model's opset does not have is refused by name. *Kernel*: a
vectorized float kernel for the usual forms, the definition for the others. *Definition*: computed as ONNX defines it,
correct and not fast. The last column is what static quantization does; every operator without an entry runs in float
between DequantizeLinear and QuantizeLinear, and `octet info --layers` says so. Models that are quantized already keep
their own scales; in them any function of one number runs on integers, as a table.

Of the domain `com.microsoft`: MatMulNBits, and what ONNX Runtime's QOperator tool writes: QGemm, QLinearAdd,
QLinearAveragePool, QLinearConcat, QLinearConv, QLinearGlobalAveragePool, QLinearLeakyRelu, QLinearMul, QLinearSigmoid,
QLinearSoftmax, QuantizeLinear, DequantizeLinear. They are read as the operators that they are defined by.

TEXT
  "$program" operators
} >"$fresh"
if [ -n "$check" ]; then
  cmp -s "$fresh" "$page" || {
    echo "update_operators: $page is not what $program says; run tools/update_operators.sh" >&2
    exit 1
  }
  exit 0
fi
cp "$fresh" "$page"
echo "wrote $page" >&2
