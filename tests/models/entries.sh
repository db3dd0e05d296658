#!/usr/bin/env bash
# Networks with several entries: entries.sh BUILD. An artifact for three batches is at most a tenth larger than one for one batch,
# and each entry gives the bytes of an artifact for that batch alone.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
out=$1
targets=(cpu:x86-64-v3 cpu:x86-64-v4 emulated:sm_90)
networks=(mobilenetv2 minilm)
passed=0 failed=0 skipped=0
if ! command -v "${CC:-cc}" >/dev/null; then
	echo "skipped: entries: no C compiler"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
case $out in
*/asan | */tsan) networks=(mobilenetv2) ;;
esac
work=$out/entries.d
mkdir -p "$work"
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$PWD/build/cache}

# verdict CODE WHAT...
verdict() {
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL: entries: ${*:2}"
	fi
}

# same_outputs NETWORK TARGET BATCH: outputs of the entry and of the artifact for the batch alone, for one random input
same_outputs() {
	local name
	name=$("$out/erc" inspect "$work/$1.erca" --format csv | awk -F, '$3 == "output" { print $4; exit }')
	local inputs=()
	while read -r input; do inputs+=(--input "$input=random:7"); done \
		< <("$out/erc" inspect "$work/alone.erca" --format csv | awk -F, '$2 == "'"$2"'" && $3 == "input" { print $4 }')
	"$out/erc" run "$work/$1.erca" --target "$2" --entry "batch=$3" "${inputs[@]}" --output "$name=@$work/entry.npy" &&
		"$out/erc" run "$work/alone.erca" --target "$2" "${inputs[@]}" --output "$name=@$work/alone.npy" &&
		cmp "$work/entry.npy" "$work/alone.npy"
}

for network in "${networks[@]}"; do
	"$out/make_model" "$network" "$work/$network.onnx" --dynamic-batch --size 32 >"$work/log" || exit 1
	"$out/erc" compile "$work/$network.onnx" -o "$work/$network.erca" --dim batch=1,2,5 --quiet \
		--target "$(IFS=,; echo "${targets[*]}")"
	verdict $? "$network does not compile"
	for batch in 1 2 5; do
		"$out/erc" compile "$work/$network.onnx" -o "$work/alone.erca" --dim "batch=$batch" --quiet \
			--target "$(IFS=,; echo "${targets[*]}")"
		all=$(stat -c %s "$work/$network.erca") one=$(stat -c %s "$work/alone.erca")
		echo "$network: $all bytes with three batches, $one with batch $batch"
		[ $((all * 10)) -le $((one * 11)) ]
		verdict $? "$network: the artifact is more than a tenth larger"
		for target in "${targets[@]}"; do
			if [ "$target" = cpu:x86-64-v4 ] && ! grep -q avx512bw /proc/cpuinfo; then
				echo "skipped: entries: $target (this machine does not run it)"
				skipped=$((skipped + 1))
				continue
			fi
			same_outputs "$network" "$target" "$batch"
			verdict $? "$network on $target: batch $batch differs"
		done
	done
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
