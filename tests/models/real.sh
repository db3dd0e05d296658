#!/usr/bin/env bash
# Compares trained models with outputs of ONNX Runtime: real.sh BUILD. Models and outputs are in ERC_TESTDATA/models.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
out=$1
models=${ERC_TESTDATA:-../shared}/models
work=$out/real.d
passed=0 failed=0
export XDG_CACHE_HOME=$PWD/build/cache
if [ ! -f "$models/silero_vad.onnx" ]; then
	echo "skipped: real: the trained models are not here (ERC_TESTDATA)"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
if ! command -v "${CC:-cc}" >/dev/null; then
	echo "skipped: real: no C compiler"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
mkdir -p "$work"

count() {
	if "${@:2}" >"$work/log" 2>&1; then
		passed=$((passed + 1))
		echo "$1: $(tr '\n' ';' <"$work/log")"
	else
		failed=$((failed + 1))
		echo "FAIL: $1: $(cat "$work/log")"
	fi
}

# compiled NAME OPTIONS...
compiled() {
	"$out/erc" compile "$models/$1.onnx" -o "$work/$1.erca" "${@:2}" --quiet || failed=$((failed + 1))
}

compiled ppocrv4_det --target native --shape x:1x3x160x320
compiled ppocrv4_rec --target native --shape x:1x3x48x160
compiled silero_vad --target native --const sr=16000 --shape input:1x576 --shape state:2x1x128
count ppocrv4_det "$out/erc" run "$work/ppocrv4_det.erca" --input "x=@$models/ppocrv4_det.in.x.npy" \
	--expect "sigmoid_0.tmp_0=@$models/ppocrv4_det.out.sigmoid_0_tmp_0.npy" --l2 1e-5
count ppocrv4_rec "$out/erc" run "$work/ppocrv4_rec.erca" --input "x=@$models/ppocrv4_rec.in.x.npy" \
	--expect "softmax_11.tmp_0=@$models/ppocrv4_rec.out.softmax_11_tmp_0.npy" --l2 1e-5
count "silero_vad, one step" "$out/erc" run "$work/silero_vad.erca" --input "input=@$models/silero_vad.in.input.npy" \
	--input "state=@$models/silero_vad.in.state.npy" --expect "output=@$models/silero_vad.out.output.npy" \
	--expect "stateN=@$models/silero_vad.out.stateN.npy" --l2 1e-5
count "silero_vad, ten steps with a state" "$out/voice" "$work/silero_vad.erca" tests/models/voice
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
