#!/usr/bin/env bash
# `make bench`: the model maker's models, compiled for this machine and measured one by one.
# Settings: MODELS, WORKERS, SECONDS_EACH. Compare figures within one run only.
set -euo pipefail
out=$1
work=$out/bench
results=${RESULTS:-tests/bench/results}
mkdir -p "$work" "$results"
printf '%-14s %10s %10s %10s %12s %12s %12s\n' model "p50 ms" "p90 ms" "p99 ms" "first ms" "compile s" "artifact MB"
for model in ${MODELS:-resnet50 mobilenetv2 vgg19}; do
	[ -f "$work/$model.onnx" ] || "$out/make_model" "$model" "$work/$model.onnx"
	start=$(date +%s%N)
	"$out/erc" compile "$work/$model.onnx" -o "$work/$model.erca" --target native --quiet
	compiled=$(awk -v a="$start" -v b="$(date +%s%N)" 'BEGIN { print (b - a) / 1e9 }')
	"$out/erc" bench "$work/$model.erca" --workers "${WORKERS:-1}" --seconds "${SECONDS_EACH:-5}" --format json >"$results/$model.json"
	awk -v model="$model" -v compiled="$compiled" '
		function value() { sub(/.*:[ \t]*/, ""); sub(/,.*/, ""); return $0 + 0 }
		/"p50_us"/ { p50 = value() } /"p90_us"/ { p90 = value() } /"p99_us"/ { p99 = value() }
		/"first_result_us"/ { first = value() } /"artifact_bytes"/ { bytes = value() }
		END { printf "%-14s %10.2f %10.2f %10.2f %12.1f %12.1f %12.1f\n", model, p50 / 1e3, p90 / 1e3, p99 / 1e3,
			first / 1e3, compiled, bytes / 1e6 }' "$results/$model.json"
done
echo "raw samples: $results/*.json"
