#!/usr/bin/env bash
# Each kernel template compiles alone, with its own defaults for the compiler's defines, in both dialects that a C
# compiler accepts; GPU kernels in the emulated one.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0

# compiles FILE DIALECT HEADER...: compiles it after the text that precedes it in a kernel's source
compiles() {
	local file=$1 dialect=$2 stem vector=0 log
	shift 2
	stem=${file%%.*}
	case $file in *.cpu.c) if grep -qw LANES "$file"; then vector=1; fi ;; esac # the template uses whole vectors
	if log=$({
		printf '#include "%s"\n' schemas/tile.h "$dialect" compiler/core/kernel_math.h compiler/core/kernel_functions.h \
			compiler/kernels/kernel_params.h "$@"
		printf 'enum {\n#include "%s.params.def"\n};\n#include "%s"\n' "$stem" "$file"
	} | ${CC:-cc} -std=gnu11 -I. -DVECTOR=$vector -Wall -Wno-psabi -Wno-unused-function -Werror -fsyntax-only -x c - 2>&1); then
		passed=$((passed + 1))
	else
		echo "FAIL: $file, after $dialect:"
		echo "$log" | head -n 20
		failed=$((failed + 1))
	fi
}

shopt -s nullglob
for file in compiler/kernels/*/*.cpu.c compiler/kernels/*/*.row.c; do
	compiles "$file" compiler/targets/cpu_dialect.h
done
for file in compiler/kernels/*/*.cu compiler/kernels/*/*.row.c; do
	compiles "$file" compiler/targets/cuda_emulate.h compiler/targets/cuda_lines.h
done

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
