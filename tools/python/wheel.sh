#!/usr/bin/env bash
# make wheel: writes BUILD/wheel/erc-*.whl, and prints its path. Usage: wheel.sh BUILD. The tools for it, and what
# tests/python needs, come from PyPI into build/python; without them the exit code is 3.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$1
environment=build/python

missing() {
	echo "there is no $1" >&2
	exit 3
}

if ! "$environment/bin/python" -c 'import auditwheel, hatchling, ml_dtypes, mypy, numpy, onnx' 2>/dev/null; then
	command -v python3 >/dev/null || missing "Python"
	rm -rf "$environment"
	python3 -m venv "$environment" >&2 || missing "Python module venv"
	"$environment/bin/pip" install --quiet --retries 1 auditwheel hatchling ml_dtypes mypy numpy onnx >&2 || missing "package index"
fi
rm -rf "$out/wheel"
ERC_BUILD=$(basename "$out") "$environment/bin/pip" wheel --quiet --no-build-isolation --no-deps -w "$out/wheel" tools/python
ls "$out"/wheel/*.whl
