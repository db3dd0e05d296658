#!/usr/bin/env bash
# Computes the outputs of the cpu device for the models that check.sh runs, for machines without a C compiler:
# references.sh DIR OUT. Takes minutes. MODELS selects some of the networks.
set -uo pipefail
dir=$(cd "$1" && pwd) || exit 1
cd "$(dirname "$0")/../.." || exit 1
out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out" "$work/templates"
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$PWD/build/cache}
"$dir/template_models" "$work/templates" >/dev/null && "$dir/models" --save "$out" cpu "$work" "$work/templates" || exit 1
for network in ${MODELS-$("$dir/make_model" 2>&1 | sed -n 's/^names: //p')}; do
	"$dir/make_model" "$network" "$work/$network.onnx" && "$dir/models" --save "$out" cpu "$work" "$work/$network.onnx" || exit 1
	rm -f "$work/$network.onnx"
done
