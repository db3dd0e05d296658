#!/usr/bin/env bash
# Compares preempted runs with a run alone, on whole models of the model maker: preempt.sh BUILD [RUNS [MODEL...]].
# `make check` runs few; `make same-bits` runs 1,000 on all models. check-gpu sets TARGET, DEVICE, SECONDS_EACH (for an
# artifact) and MODEL_SIZE (of the networks' inputs).
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
target=${TARGET:-native}
if [ "${target#cuda}" = "$target" ] && ! command -v "${CC:-cc}" >/dev/null; then
	echo "skipped: preempt: no C compiler"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
work=$out/preempt.d${DEVICE:+-$DEVICE}
mkdir -p "$work"
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$PWD/build/cache}
artifacts=()

# compiled ONNX NAME OPTIONS...
compiled() {
	"$out/erc" compile "$1" -o "$work/$2.erca" "${@:3}" --target "$target" --quiet || exit 1
	case $target in
	emulated:*) "$out/stub_artifact" "$work/$2.erca" "$work/$2.erca" || exit 1 ;;
	esac
	artifacts+=("$work/$2.erca")
}

compiled samples/digits/digits.onnx digits --dim batch=1
# A model whose numbers of tiles depend on data.
if tar xJf tests/sizes/cases.tar.xz -C "$work" preempted.onnx; then
	compiled "$work/preempted.onnx" sizes
else
	echo "skipped: preempt: a model whose numbers of tiles depend on data: no xz"
fi
# Branches and loops whose course is known at run time only.
if [[ ${DEVICE:-$target} != cuda* && $target != cuda* ]] && tar xJf tests/control/cases.tar.xz -C "$work" preempted.onnx; then
	compiled "$work/preempted.onnx" control
else
	echo "skipped: preempt: branches and loops: CUDA has none"
fi
for model in "${models[@]}"; do
	onnx=$model
	if [ ! -f "$onnx" ]; then
		onnx=$work/$model.onnx
		"$out/make_model" "$model" "$onnx" ${MODEL_SIZE:+--size "$MODEL_SIZE"} || exit 1
	fi
	compiled "$onnx" "$(basename "$onnx" .onnx)"
	[ "$onnx" = "$model" ] || rm "$onnx"
done
# The same networks for batches of 1 to 3, as they run for 2; on devices that have ranges.
for model in "${models[@]}"; do
	case ${DEVICE:-$target} in cuda*) break ;; esac
	[ ! -f "$model" ] && "$out/make_model" "$model" "$work/ranged.onnx" --dynamic-batch ${MODEL_SIZE:+--size "$MODEL_SIZE"} || continue
	compiled "$work/ranged.onnx" "$model-ranged" --dim batch=1..3
	shape=$("$out/erc" inspect "$work/$model-ranged.erca" --format csv | sed -n 's/^[^,]*,[^,]*,input,\([^,]*\),[^,]*,\[3x\([^,]*\)\],.*/\1:2x\2/p' | head -n 1)
	artifacts[-1]+=@$shape
done
units=2
if [ -n "${DEVICE:-}" ]; then
	units=0 # all of them
else # emulated GPU kernels on the CPU; a sum is cut into parts
	"$out/make_model" mobilenetv2 "$work/small.onnx" --size 32 || exit 1
	"$out/erc" compile "$work/small.onnx" -o "$work/emulated.erca" --target emulated:sm_90 --quiet || exit 1
	artifacts+=("$work/emulated.erca")
fi
"$out/preempt" ${DEVICE:+--device "$DEVICE"} ${SECONDS_EACH:+--seconds "$SECONDS_EACH"} "$runs" $units "${artifacts[@]}"
