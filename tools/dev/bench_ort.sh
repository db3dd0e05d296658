#!/usr/bin/env bash
# `make bench-ort`: erc and ONNX Runtime on the same models, alternating within one run; all ratios
# at the end. Makes its own Python environment in build/ort. Settings: MODELS, SLICES, THREADS.
set -euo pipefail
out=$1
work=$out/bench
results=${RESULTS:-tests/bench/results}
environment=build/ort
mkdir -p "$work" "$results"
if ! [ -x "$environment/bin/python" ] || ! "$environment/bin/python" -c 'import onnxruntime, numpy' 2>/dev/null; then
	python3 -m venv "$environment"
	"$environment/bin/pip" install --quiet onnxruntime numpy
fi
rm -f "$work/ratios.txt"
for model in ${MODELS:-resnet50}; do
	[ -f "$work/$model.onnx" ] || "$out/make_model" "$model" "$work/$model.onnx"
	"$out/erc" compile "$work/$model.onnx" -o "$work/$model.erca" --target native --quiet
	"$environment/bin/python" tools/dev/bench_ort.py --erc "$out/erc" --model "$work/$model.onnx" \
		--artifact "$work/$model.erca" --slices "${SLICES:-10}" --threads "${THREADS:-1}" \
		--summary "$work/ratios.txt" --json "$results/ort-$model.json"
done
cat "$work/ratios.txt"
