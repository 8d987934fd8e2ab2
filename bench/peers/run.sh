#!/bin/sh
# octet against ONNX Runtime on the same files: build/peers/peers.md and peers.json.
#   bench/peers/run.sh [--bursts 12] [--rounds 11] [--batch 1,8,32] [--threads 1] [--only REGEX]
set -eu
cd "$(dirname "$0")/../.."
tests/interop/prepare
exec node bench/peers/main.mjs "$@"
