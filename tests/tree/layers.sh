#!/usr/bin/env bash
# make check-layers: which folders may include which, and what the libraries may link. It asks the preprocessor: `cc
# -MM` lists all of the project's headers that a file reads.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
out=$1
passed=0 failed=0 skipped=0

good() { passed=$((passed + 1)); }
bad() { echo "FAIL: $*"; failed=$((failed + 1)); }
skip() { echo "skipped: layers: $*"; skipped=$((skipped + 1)); }

# may_read LAYER PATTERN FILES...: checks that every project header that the files read matches the pattern
may_read() {
	local layer=$1 pattern=$2 file rule strangers
	shift 2
	for file in "$@"; do
		[ -f "$file" ] || continue
		# shellcheck disable=SC2086
		if ! rule=$(${CC:-cc} -std=gnu11 $INCLUDES -MM "$file"); then
			bad "$file cannot be preprocessed"
			continue
		fi
		# The rule is "NAME.o: FILE HEADER... \". Takes the words after the first, one per line, without a/../.
		strangers=$(echo "$rule" | tr ' \\' '\n\n' | sed '/^$/d; /:$/d; s|[^/]*/\.\./||g' | grep -vxF "$file" | grep -vE "^($pattern)")
		if [ -z "$strangers" ]; then good; else bad "$layer: $file reads $(echo "$strangers" | tr '\n' ' ')"; fi
	done
}

# in_order PATTERN FOLDER...: checks that each folder's files read only what matches the pattern, their own folder and
# the folders before it. Folders joined by + count as one.
in_order() {
	local allowed=$1 folder part parts file files
	shift
	for folder in "$@"; do
		files=()
		IFS=+ read -ra parts <<<"$folder"
		for part in "${parts[@]}"; do
			allowed+="|$part/[^/]*$"
			for file in "$part"/*.[ch]; do
				case $file in *.cpu.c | *.row.c) ;; *) files+=("$file") ;; esac
			done
		done
		if [ ${#files[@]} = 0 ]; then bad "$folder holds no file"; fi
		may_read "$folder" "$allowed" "${files[@]}"
	done
}

shopt -s nullglob
# A folder may include itself and the folders before it, so there are no cycles.
in_order 'schemas/|runtime/include/' runtime/base runtime/artifact runtime/sched runtime/core runtime/devices runtime
in_order "schemas/|compiler/include/|$out/gen/" compiler/core compiler/variants \
	compiler/kernels+compiler/kernels/dense+compiler/kernels/rows+compiler/kernels/index compiler/lower compiler/ops compiler/ops/microsoft \
	compiler/passes compiler/targets compiler/artifact onnx compiler
may_read onnx "schemas/|compiler/include/|compiler/core/|onnx/|$out/gen/" onnx/*.c
# Every folder must be in that order.
for folder in $(find compiler runtime -mindepth 2 -name '*.c' -printf '%h\n' | sort -u); do
	if grep -qE "(^|[[:space:]+])$folder([[:space:]+]|\$)" "$0"; then good; else bad "$folder has no place in the order of folders"; fi
done
# Header names are unique.
twins=$(find compiler onnx runtime schemas tools tests -name '*.h' -printf '%f\n' | sort | uniq -d)
if [ -z "$twins" ]; then good; else bad "several headers are named $twins"; fi
may_read command 'tools/erc/|runtime/include/erc\.h|compiler/include/ercc\.h|schemas/(dtype|artifact)\.h' tools/erc/*.c

may_read backend 'tools/triton/|runtime/include/erc\.h|schemas/dtype\.h' tools/triton/*.c
# The Python package calls what the public headers declare, and nothing else.
for header in runtime/include/erc.h compiler/include/ercc.h; do
	library=$(basename "$header" .h)
	called=$(grep -hoE "\\b${library}_[a-z0-9_]*[a-z0-9]\\b" tools/python/erc/*.py | sort -u)
	strangers=$(comm -23 <(echo "$called") <(grep -oE "\\b${library}_[a-z0-9_]+" "$header" | sort -u))
	if [ -n "$called" ] && [ -z "$strangers" ]; then good; else bad "tools/python calls what $header does not declare: $strangers"; fi
done

# The command's other headers are those of the system and of cJSON: its include lines name no others.
lines=$(grep -hE '^#include <' tools/erc/*.c tools/erc/*.h | grep -E '<[^>]*/' | grep -vE '<(sys/|cjson/cJSON\.h)')
if [ -z "$lines" ]; then good; else bad "tools/erc includes: $lines"; fi

# The runtime parses neither ONNX nor JSON.
if grep -lE 'cJSON|protobuf' runtime/*.c runtime/*/*.c runtime/include/*.h; then bad "the runtime names a parser"; else good; fi

# onnx/ knows the format, not the operators.
operators=$("$out"/erc ops --format csv | tail -n +2 | cut -d, -f1 | sort -u)
if [ -z "$operators" ]; then
	bad "erc ops lists nothing, so onnx/ cannot be checked"
else
	known=
	for operator in $operators; do
		known+=$(grep -n "\"$operator\"" onnx/*.c onnx/*.h)
	done
	if [ -z "$known" ]; then good; else bad "onnx/ names operators: $known"; fi
fi

# A program that links a static library sees the names of its public header only.
for library in erc ercc; do
	strangers=$(nm --defined-only "$out/lib$library.a" | awk '$2 ~ /[A-Z]/ && NF == 3 { print $3 }' | grep -vE "^(${library}_|__)")
	if [ -z "$strangers" ]; then good; else bad "lib$library.a shows: $strangers"; fi
done

# The libraries that the shared runtime needs, and the symbols that it exports. Sanitizers add their own.
case $out in
*/asan | */tsan) skip "liberc.so's libraries and symbols (a sanitizer build)" ;;
*)
	needed=$(readelf -d "$out/liberc.so" | sed -nE 's/.*NEEDED.*\[(.*)\]/\1/p' |
		grep -vE '^(libc\.so|libpthread\.so|libdl\.so|ld-linux)')
	if [ -z "$needed" ]; then good; else bad "liberc.so needs: $needed"; fi
	shown=$(nm -D --defined-only "$out/liberc.so" | awk '{print $NF}' | sort)
	promised=$(tr '\n' ' ' <runtime/include/erc.h | grep -oE 'ERC_API [^;{]*\(' | grep -oE 'erc_[a-z0-9_]+\(' | tr -d '(' | sort -u)
	extra=$(comm -23 <(echo "$shown") <(echo "$promised"))
	lacking=$(comm -13 <(echo "$shown") <(echo "$promised"))
	if [ -z "$extra" ]; then good; else bad "liberc.so shows what erc.h does not declare: $extra"; fi
	if [ -z "$lacking" ]; then good; else bad "erc.h declares what liberc.so does not hold: $lacking"; fi
	;;
esac

# The backend exports the functions that the server looks for, and leaves the server's own to it.
backend=$out/triton/erc/libtriton_erc.so
if [ -f "$backend" ]; then
	strangers=$(nm -D --defined-only "$backend" | awk '{print $NF}' | grep -v '^TRITONBACKEND_')
	if [ -z "$strangers" ]; then good; else bad "$backend shows: $strangers"; fi
	needed=$(readelf -d "$backend" | sed -nE 's/.*NEEDED.*\[(.*)\]/\1/p' | grep -vE '^(libcjson\.so|libc\.so|libpthread\.so|libdl\.so|ld-linux)')
	if [ -z "$needed" ]; then good; else bad "$backend needs: $needed"; fi
else
	skip "Triton's backend was not built (release builds only)"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
