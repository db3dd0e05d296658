#!/usr/bin/env bash
# `make bench-gpu`, or from the bundle `./run.sh bench`: bench.sh DIR measures on the GPU with the programs in DIR, part
# by part, and prints one table. bench.py describes the parts and the settings.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
python=${PYTHON:-python3}
if ! command -v "$python" >/dev/null 2>&1; then
	echo "bench.sh: $python is not there: Python 3.9 or newer is needed (PYTHON=... names it)" >&2
	exit 6
fi
exec "$python" -u tests/gpu/bench.py "$@"
