#!/bin/sh
# Installs what the build and the tests need on Debian or Ubuntu, as root or with sudo; `setup.sh lint` also installs
# what `make lint` needs, `setup.sh serve` what `make check-serve` does not skip then (as services that start by themselves,
# where there is systemd). Does nothing if everything is installed. On other systems it names the packages and
# stops with exit code 6.
set -eu

debian="gcc make libc6-dev pkg-config protobuf-c-compiler libprotobuf-c-dev libcjson-dev check xz-utils"
more= # programs besides
for part in "$@"; do
	case $part in
	lint) more="$more clang-format-14 shellcheck" debian="$debian clang-format-14 shellcheck" ;;
	serve) more="$more curl haproxy prometheus" debian="$debian curl haproxy prometheus libb64-0d python3-venv" ;;
	*) echo "usage: setup.sh [lint] [serve]" >&2 && exit 2 ;;
	esac
done

# True if the build would find everything, however it was installed.
have_all() {
	for tool in "${CC:-cc}" ar make pkg-config protoc-c xz $more; do
		command -v "$tool" >/dev/null 2>&1 || return 1
	done
	case $more in *haproxy*) /sbin/ldconfig -p | grep -q libb64 || return 1 ;; esac
	pkg-config --exists libprotobuf-c libcjson check || return 1
	# pkg-config may find only its own files, so this checks the headers.
	# shellcheck disable=SC2046  # the flags are words of their own
	printf '#include <stdlib.h>\n#include <protobuf-c/protobuf-c.h>\n#include <cjson/cJSON.h>\n#include <check.h>\n' |
		"${CC:-cc}" -E -x c $(pkg-config --cflags libprotobuf-c libcjson check) - >/dev/null 2>&1
}

name_packages() {
	echo "error: $1" >&2
	echo "note: needed are a C compiler, make, pkg-config, xz, protobuf-c with protoc-c, cJSON and Check" >&2
	echo "note: on Debian or Ubuntu these are: $debian" >&2
	exit 6
}

have_all && exit 0
command -v apt-get >/dev/null 2>&1 || name_packages "packages are missing and this system has no apt-get"

as_root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null 2>&1 || name_packages "packages are missing; installing them needs root or sudo"
	as_root=sudo
fi

echo "installing: $debian" >&2
export DEBIAN_FRONTEND=noninteractive
# Package lists may be missing or old (new containers): update them once.
$as_root apt-get update -qq >&2 || name_packages "apt-get update failed"
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $debian >&2 || name_packages "apt-get install failed"
have_all || name_packages "packages are installed, but something is still missing"
