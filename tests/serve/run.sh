#!/usr/bin/env bash
# make check-serve: the backend in Triton's server, used by the clients that people use. Usage: run.sh BUILD [test...].
# Without Python or PyPI it is skipped.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
out=$1
shift
export XDG_CACHE_HOME=$PWD/build/cache
if ! environment=$(tests/serve/environment.sh); then
	echo "skipped: serve: Python with venv, or PyPI, is not here"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
exec "$environment/bin/python" tests/serve/main.py "$out" "$@"
