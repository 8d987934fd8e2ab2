#!/bin/sh
# A file compiled for an instruction set may define its named entry points and nothing that the
# linker could merge with baseline code: a weak symbol there can crash older machines.
#   tools/check_isa_symbols.sh [BUILD_FOLDER]   default: build/release
set -eu
cd "$(dirname "$0")/.."
build=${1:-build/release}
objects=$(find "$build/modules" -name '*_avx*.cpp.o' -o -name '*_fma*.cpp.o' -o -name '*_neon*.cpp.o')
[ -n "$objects" ] || { echo "check_isa_symbols: no such object under $build"; exit 1; }
status=0
for object in $objects; do
  weak=$(nm -C --defined-only "$object" | grep ' [WVu] ' || true)
  [ -z "$weak" ] || { printf '%s: weak symbols:\n%s\n' "$object" "$weak"; status=1; }
done
[ "$status" -ne 0 ] || echo "check_isa_symbols: ok, $(echo "$objects" | wc -l) objects"
exit "$status"
