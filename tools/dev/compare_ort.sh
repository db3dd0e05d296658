#!/usr/bin/env bash
# `make compare-ort`: outputs of the model maker's networks against ONNX Runtime's, one after the
# other (the largest needs 1.5 GB of disk). Makes its own Python environment; MODELS picks some.
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
for model in ${MODELS:-$("$out/make_model" 2>&1 | sed -n 's/^names: //p')}; do
	if "$out/make_model" "$model" "$work/$model.onnx" &&
		"$out/erc" compile "$work/$model.onnx" -o "$work/$model.erca" --target native --quiet &&
		"$environment/bin/python" tools/dev/compare_ort.py --erc "$out/erc" --model "$work/$model.onnx" \
			--artifact "$work/$model.erca" --work "$work"; then
		passed=$((passed + 1))
	else
		echo "  $model FAILED"
		failed=$((failed + 1))
	fi
	[ -n "${KEEP:-}" ] || rm -f "$work/$model.onnx" "$work/$model.erca"
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
