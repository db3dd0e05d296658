#!/usr/bin/env bash
# `make bench-tenants`: runs tests/bench/tenants.py in its own Python environment, build/partners, which is made if it
# does not exist.
set -euo pipefail
environment=build/partners
if ! [ -x "$environment/bin/python" ] || ! "$environment/bin/python" -c 'import onnxruntime, openvino, numpy' 2>/dev/null; then
	python3 -m venv "$environment"
	"$environment/bin/pip" install --quiet onnxruntime openvino numpy
fi
exec "$environment/bin/python" tests/bench/tenants.py "$1"
