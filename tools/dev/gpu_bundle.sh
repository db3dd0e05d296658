#!/usr/bin/env bash
# `make gpu-bundle`: packs build/gpu-bundle.tar.gz, with all that check.sh and bench.sh need on a machine that has a GPU, its
# driver, NVRTC and Python, but none of our libraries, no C compiler and no make: this repository's last commit, programs
# that need only libc, and ONNX's conformance suite if it is available. tests/gpu/run.sh is the entry point.
#   gpu_bundle.sh BUILD PROGRAMS...     programs: paths below BUILD, built again in build/gpu
set -euo pipefail
cd "$(dirname "$0")/../.."
from=$1
shift
programs=("$@")
bin=build/gpu
name=elasticroom-gpu
references=$bin/references
most_mb=60
testdata=${ERC_TESTDATA:-../shared}
archive=$testdata/conformance/onnx-1.23-backend-tests.tar.xz

# The same objects, linked with our libraries as archives. Debian has no archive of cJSON, so its shared library is added.
mkdir -p "$bin"
cp -a "$from/obj" "$from/gen" "$from/embed" "$bin/"
libraries='-Wl,-Bstatic -lprotobuf-c -Wl,-Bdynamic -lcjson -lm -ldl'
origin="-Wl,-rpath,'\$\$ORIGIN/lib:\$\$ORIGIN/../lib:\$\$ORIGIN/../../lib'" # bin, bin/tests, bin/tests/devices
check='-Wl,-Bstatic -lcheck_pic -lsubunit -Wl,-Bdynamic -lrt -lm'
find "$bin" -type f ! -path "$bin/obj/*" ! -path "$bin/gen/*" ! -path "$references/*" ! -name embed -delete # may be linked differently
LDFLAGS="$origin" make --no-print-directory -j"$(nproc)" O="$bin" COMPILER_LIBS="$libraries" CHECK_LIBS="$check" "${programs[@]/#/$bin/}"

# Outputs of the cpu device, for machines without a compiler for CPU kernels. They are kept for later bundles. gpt2's are too large.
if ! [ -d "$references" ] || [ "$from/make_model" -nt "$references" ]; then
	echo "  references, which takes minutes"
	networks=$({ "$bin/make_model" 2>&1 || true; } | sed -n 's/^names: //p')
	rm -rf "$references" "$references.new"
	MODELS=${networks/gpt2 /} tests/gpu/references.sh "$bin" "$references.new" >"$bin/references.log"
	mv "$references.new" "$references"
fi

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
root=$stage/$name
mkdir -p "$root/bin/lib" "$root/build"
git archive HEAD | tar x -C "$root"
git describe --always --dirty | tee "$root/bin/revision" >"$root/revision"
for program in "${programs[@]}"; do
	install -D "$bin/$program" "$root/bin/$program"
	strip "$root/bin/$program"
done
cjson=$(ldd "$bin/erc" | awk '$1 ~ /^libcjson/ { print $1, $3 }')
if [ -n "$cjson" ]; then
	install -m 644 "${cjson#* }" "$root/bin/lib/${cjson% *}"
fi
install tests/gpu/run.sh "$root/run.sh"
cp -r "$references" "$root/bin/"
if [ -d "$testdata/models/twins" ]; then
	mkdir -p "$root/testdata/models"
	cp -r "$testdata/models/twins" "$root/testdata/models/"
	chmod -R u+w "$root/testdata"
fi

# Unpacked where tests/conformance/run.sh looks for it, because that machine may have no xz.
if [ -f "$archive" ]; then
	install -D -m 644 "$archive" "$root/testdata/conformance/$(basename "$archive")"
	suite=$root/build/suite-$(cksum <"$archive" | cut -d' ' -f1)
	mkdir "$suite"
	tar xJf "$archive" -C "$suite"
else
	echo "gpu_bundle.sh: without ONNX's suite: $archive is missing" >&2
fi

# The libraries that a program needs besides libc's own, and the newest libc version that it needs.
for program in "${programs[@]}"; do
	LD_LIBRARY_PATH='' ldd "$root/bin/$program" | awk -v program="$program" -v root="$root" '
		$1 ~ /^(linux-vdso|libc|libm|libdl|libpthread|librt)\.so|ld-linux/ || index($3, root) == 1 { next }
		{ print "gpu_bundle.sh: " program " needs " $1; bad = 1 } END { exit bad }' >&2
done
libc=$(find "$root/bin" -type f -executable -exec objdump -T {} + 2>/dev/null | grep -o 'GLIBC_2\.[0-9.]*' | sort -uV | tail -1)
tar cz -C "$stage" -f build/gpu-bundle.tar.gz "$name"
bytes=$(stat -c %s build/gpu-bundle.tar.gz)
echo "build/gpu-bundle.tar.gz: $((bytes / 1000000)).$((bytes / 100000 % 10)) MB, ${#programs[@]} programs, revision $(cat "$root/revision"), needs $libc"
if [ "$bytes" -gt $((most_mb * 1000000)) ]; then
	echo "gpu_bundle.sh: more than $most_mb MB" >&2
	exit 1
fi
