#!/usr/bin/env bash
# Preempted runs against undisturbed ones, on whole models of the model maker: preempt.sh BUILD [RUNS [MODEL...]].
# In `make check` a short form; `make same-bits` runs 1,000 on all models.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
out=$1
runs=${2:-25}
shift $(($# < 2 ? $# : 2))
models=("$@")
[ ${#models[@]} = 0 ] && models=(squeezenet mobilenetv2)
case $out in
*/asan | */tsan) runs=$((runs / 5)) models=(squeezenet) ;;
esac
if ! command -v "${CC:-cc}" >/dev/null; then
	echo "skipped: preempt: no C compiler"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
mkdir -p "$out/preempt.d"
export XDG_CACHE_HOME=$PWD/build/cache
artifacts=("$out/preempt.d/digits.erca")
"$out/erc" compile samples/digits/digits.onnx -o "$out/preempt.d/digits.erca" --dim batch=1 --target native --quiet || exit 1
# A model whose numbers of tiles depend on data.
tar xJf tests/sizes/cases.tar.xz -C "$out/preempt.d" preempted.onnx || exit 1
"$out/erc" compile "$out/preempt.d/preempted.onnx" -o "$out/preempt.d/sizes.erca" --target native --quiet || exit 1
artifacts+=("$out/preempt.d/sizes.erca")
for model in "${models[@]}"; do
	onnx=$model
	if [ ! -f "$onnx" ]; then
		onnx=$out/preempt.d/$model.onnx
		"$out/make_model" "$model" "$onnx" || exit 1
	fi
	name=$(basename "$onnx" .onnx)
	"$out/erc" compile "$onnx" -o "$out/preempt.d/$name.erca" --target native --quiet || exit 1
	[ "$onnx" = "$model" ] || rm "$onnx"
	artifacts+=("$out/preempt.d/$name.erca")
done
# GPU kernels, emulated; one of the sums is cut.
"$out/make_model" mobilenetv2 "$out/preempt.d/small.onnx" --size 32 || exit 1
"$out/erc" compile "$out/preempt.d/small.onnx" -o "$out/preempt.d/emulated.erca" --target emulated:sm_90 --quiet || exit 1
artifacts+=("$out/preempt.d/emulated.erca")
"$out/preempt" "$runs" 2 "${artifacts[@]}"
