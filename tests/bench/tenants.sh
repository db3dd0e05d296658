#!/usr/bin/env bash
# `make bench-tenants`: tests/bench/tenants.py, in a Python environment of its own in build/partners, which is made when it
# is not there.
set -euo pipefail
environment=build/partners
if ! [ -x "$environment/bin/python" ] || ! "$environment/bin/python" -c 'import onnxruntime, openvino, numpy' 2>/dev/null; then
	python3 -m venv "$environment"
	"$environment/bin/pip" install --quiet onnxruntime openvino numpy
fi
exec "$environment/bin/python" tests/bench/tenants.py "$1"
