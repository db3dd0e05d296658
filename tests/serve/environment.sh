#!/usr/bin/env bash
# Prints the folder of a Python environment with Triton's server and its clients, which it makes first if there is none:
# environment.sh [more packages, name of the folder].
# Exits with 3 if Python, venv or the network to packages is missing.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
environment=build/serve/${2:-venv}
packages="nvidia-pytriton==0.7.0 tritonclient[grpc,http] numpy onnx prometheus-client jsonschema pyyaml ${1:-}"
if [ "$(cat "$environment/complete" 2>/dev/null)" != "$packages" ]; then
	{
		rm -rf "$environment"
		# shellcheck disable=SC2086
		python3 -m venv "$environment" && "$environment/bin/pip" install --quiet --disable-pip-version-check $packages
	} >&2 || exit 3
	# The last perf_analyzer that runs with Debian's libc; it is only in this version's package for this platform.
	"$environment/bin/pip" download --quiet --no-deps --dest "$environment/perf" tritonclient==2.51.0 nvidia-cuda-runtime-cu12 >&2 &&
		for wheel in "$environment"/perf/*.whl; do python3 -m zipfile -e "$wheel" "$environment/perf"; done
	echo "$packages" >"$environment/complete"
fi
echo "$environment"
