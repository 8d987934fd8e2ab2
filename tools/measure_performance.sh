#!/bin/sh
# Measures what docs/performance.md shows and writes it between that page's markers: octet and ONNX
# Runtime on six networks, and where octet's time goes. About 20 minutes on 2 quiet cores. A table
# that lies in build/performance is not measured again: remove it to do so.
set -eu
cd "$(dirname "$0")/.."
page=docs/performance.md
tables=build/performance
mkdir -p "$tables"

peers() {  # peers TABLE OPTION...
  table=$tables/$1.md
  shift
  [ -s "$table" ] || {
    bench/peers/run.sh "$@"
    sed -e 1d build/peers/peers.md | cat -s >"$table"
  }
}

peers one-thread --bursts 10 --rounds 7
peers batch-32 --bursts 5 --rounds 3 --batch 32 --only 'small_cnn|@32'
peers batch-8 --bursts 4 --rounds 3 --batch 8 --only '@224|large|resnet18'
[ -s "$tables/narrow.md" ] || node bench/peers/narrow_weights.mjs >"$tables/narrow.md"
[ -s "$tables/roofline.md" ] || node bench/peers/roofline.mjs >"$tables/roofline.md"

for name in one-thread batch-32 batch-8 narrow roofline; do
  awk -v name="$name" -v table="$tables/$name.md" '
    $0 == "<!-- " name " -->" { print; while ((getline line < table) > 0) print line; skip = 1; next }
    $0 == "<!-- /" name " -->" { skip = 0 }
    !skip' "$page" >"$tables/page"
  cat "$tables/page" >"$page"
done
echo "wrote $page" >&2
