#!/usr/bin/env bash
# Runs the reference models that exist: run.sh BUILD. Two are in ERC_TESTDATA; `make twins` (Python) makes the other
# seven in build/twins.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
out=$1
twins=${ERC_TESTDATA:-../shared}/models/twins
if [ ! -f "$twins/input.npy" ]; then
	echo "skipped: models: the reference models are not here (ERC_TESTDATA)"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
case $out in
*/asan | */tsan)
	echo "skipped: models: whole reference models (a sanitizer build; minutes each)"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
	;;
esac
lacking=
for reference in "$twins"/*.ref.npy; do
	name=$(basename "$reference" .ref.npy)
	[ -f "$twins/$name.onnx" ] || [ -f "build/twins/$name.onnx" ] || lacking+=" $name"
done
mkdir -p "$out/models.d" build/twins
export XDG_CACHE_HOME=$PWD/build/cache
"$out/models" "$twins" "$out/models.d" "$twins" build/twins >"$out/models.d/log"
code=$?
[ -n "$lacking" ] && echo "skipped: models: not made yet ('make twins', needs Python):$lacking"
# Each model that was not made counts as skipped.
awk -v lacking="$(echo "$lacking" | wc -w)" '
	/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { $5 += lacking }
	{ print }' "$out/models.d/log"
exit $code
