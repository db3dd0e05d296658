#!/usr/bin/env bash
# `make compare-ort`: outputs of the model maker's networks, and of the trained models of ERC_TESTDATA in several
# shapes, compared with ONNX Runtime's, one after the other (the largest needs 1.5 GB of disk). Makes its own
# Python environment. MODELS selects networks; "" selects none.
set -uo pipefail
out=$1
work=$out/compare
environment=build/ort
mkdir -p "$work"
if ! "$environment/bin/python" -c 'import onnx, onnxruntime, numpy' 2>/dev/null; then
	python3 -m venv "$environment"
	"$environment/bin/pip" install --quiet onnx onnxruntime numpy
fi
passed=0 failed=0

# compare MODEL.onnx OPTIONS... (--shape, --const); `image`: the image that inputs are cut from
compare() {
	local artifact
	artifact=$work/$(basename "$1" .onnx).erca
	if "$out/erc" compile "$1" -o "$artifact" --target native --quiet "${@:2}" &&
		"$environment/bin/python" tools/dev/compare_ort.py --erc "$out/erc" --model "$1" --artifact "$artifact" --work "$work" \
			${image:+--image "$image"} "${@:2}"; then
		passed=$((passed + 1))
	else
		echo "  $* FAILED"
		failed=$((failed + 1))
	fi
	[ -n "${KEEP:-}" ] || rm -f "$artifact"
}

for model in ${MODELS-$("$out/make_model" 2>&1 | sed -n 's/^names: //p')}; do
	"$out/make_model" "$model" "$work/$model.onnx" && compare "$work/$model.onnx"
	[ -n "${KEEP:-}" ] || rm -f "$work/$model.onnx"
done
trained=${ERC_TESTDATA:-../shared}/models
if [ -f "$trained/silero_vad.onnx" ]; then
	image=$trained/ppocrv4_det.in.x.npy compare "$trained/ppocrv4_det.onnx" --shape x:1x3x96x128
	image=$trained/ppocrv4_det.in.x.npy compare "$trained/ppocrv4_det.onnx" --shape x:2x3x64x224
	image=$trained/ppocrv4_rec.in.x.npy compare "$trained/ppocrv4_rec.onnx" --shape x:1x3x48x320
	image=$trained/ppocrv4_rec.in.x.npy compare "$trained/ppocrv4_rec.onnx" --shape x:2x3x48x96
	compare "$trained/silero_vad.onnx" --const sr=16000 --shape input:2x576 --shape state:2x2x128
	compare "$trained/silero_vad.onnx" --const sr=16000 --shape input:4x576 --shape state:2x4x128
	compare "$trained/silero_vad.onnx" --const sr=8000 --shape input:1x288 --shape state:2x1x128
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
