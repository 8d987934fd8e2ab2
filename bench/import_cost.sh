#!/bin/bash
# What importing and compiling a large file costs, against what cannot be avoided: reading it, and
# packing its weights. Without a file it makes vgg11_bn at 224 x 224 (531 MB). Writes
# build/import_cost/import_cost.md; with --document also that part of docs/benchmarking.md.
#   bench/import_cost.sh [--rounds 7] [--document] [MODEL.onnx]
set -eu
cd "$(dirname "$0")/.."
build=build/release
[ -x "$build/octet-measure" ] || build=build/no-torch
rounds=7
document=no
model=
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$2; shift 2 ;;
    --document) document=yes; shift ;;
    *) model=$1; shift ;;
  esac
done
folder=build/import_cost
mkdir -p "$folder"
if [ -z "$model" ]; then
  model=$folder/vgg11_bn.fp32_baseline.onnx
  [ -s "$model" ] || "$build/octet" pipeline --grid vgg11_bn --configs fp32_baseline --rounds 10 \
    -q -o "$folder" >"$folder/grid.txt"
fi

# Processor time, so that what else the machine does is no matter.
TIMEFORMAT='%U %S'
read_cpu_ms() {
  { time cat "$model" >/dev/null; } 2>&1 | awk '{ printf "%.1f", 1000 * ($1 + $2) }'
}

# Each round does all once, so that what disturbs the machine disturbs all alike.
cat "$model" >/dev/null
: >"$folder/rounds.txt"
for round in $(seq "$rounds"); do
  read_ms=$(read_cpu_ms)
  "$build/octet-measure" "$model" 1 1 auto >"$folder/measure.txt"
  awk -v read_ms="$read_ms" '
    NR == 1 { rss = $1 }
    /^import_cpu_ms/ { import_ms = $2 }
    /^compile_cpu_ms/ { compile_ms = $2 }
    END { print read_ms, import_ms, compile_ms, rss }' "$folder/measure.txt" >>"$folder/rounds.txt"
done

median() { cut -d' ' -f"$1" "$folder/rounds.txt" | sort -n | sed -n "$((rounds / 2 + 1))p"; }
read_ms=$(median 1)
import_ms=$(median 2)
compile_ms=$(median 3)
rss=$(median 4)
size=$(wc -c <"$model")
{
  echo '| | |'
  echo '|---|--:|'
  echo "| \`$(basename "$model")\` | $((size / 1000000)) MB |"
  echo "| reading it (\`cat\`, warm) | $read_ms ms |"
  echo "| import | $import_ms ms |"
  echo "| compile: passes and packing | $compile_ms ms |"
  awk -v r="$read_ms" -v i="$import_ms" -v c="$compile_ms" -v m="$rss" -v s="$size" 'BEGIN {
    printf "| (import + compile) / (reading + compile) | %.2f |\n", (i + c) / (r + c)
    printf "| peak resident set, three runs included | %.0f MB |\n", m / 1e6
    printf "| peak / file | %.2f |\n", m / s
  }'
  echo
  cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
  echo "\`bench/import_cost.sh --rounds $rounds\`, medians of interleaved rounds; processor time, 1 thread; $cpu,"
  echo "$(nproc) cores; commit $(git rev-parse --short=12 HEAD); $(date -u +%Y-%m-%d)."
} >"$folder/import_cost.md"
cat "$folder/import_cost.md"

if [ $document = yes ]; then
  awk -v table="$folder/import_cost.md" '
    $0 == "<!-- /import-cost -->" { inside = 0 }
    !inside { print }
    $0 == "<!-- import-cost -->" {
      inside = 1
      while ((getline line < table) > 0) print line
    }' docs/benchmarking.md >"$folder/benchmarking.md"
  cp "$folder/benchmarking.md" docs/benchmarking.md
fi
