#!/usr/bin/env bash
# `make twins`: makes the random-weight twins of ONNX's light models in build/twins (1.9 GB) with
# the test data's own script, in its own Python environment. NAMES selects some of them.
set -euo pipefail
testdata=${ERC_TESTDATA:-../shared}
environment=build/twins-python
if [ ! -f "$testdata/models/make_twins.py" ]; then
	echo "error: $testdata/models/make_twins.py is missing" >&2
	echo "note: set ERC_TESTDATA to the folder with the test data" >&2
	exit 1
fi
if ! "$environment/bin/python" -c 'import onnx, numpy' 2>/dev/null; then
	python3 -m venv "$environment"
	"$environment/bin/pip" install --quiet onnx numpy
fi
light=build/twins-light
mkdir -p "$light"
tar xJf "$testdata/conformance/onnx-1.23-backend-tests.tar.xz" -C "$light" data/light
# shellcheck disable=SC2086
"$environment/bin/python" "$testdata/models/make_twins.py" "$light/data/light" build/twins \
	${NAMES:-bvlc_alexnet densenet121 inception_v1 inception_v2 resnet50 vgg19 zfnet512}
