#!/usr/bin/env bash
# Small files that would keep a command busy without end: loops in loops, calls of calls, and pipes that nobody writes to.
. "$LIBRARY"
cp "$MODELS"/{relu_add,nested_loops}.onnx .
cp "$LIBRARY_DATA/nested_calls.erca" .
run timeout 60 erc check nested_loops.onnx
run timeout 60 erc check nested_loops.onnx --max-iterations 100
run timeout 60 erc check nested_loops.onnx --max-nodes 50
for part in '' --plan --variants --budgets --memory; do
	# shellcheck disable=SC2086
	timeout 20 erc inspect nested_calls.erca $part >out.txt
	echo "erc inspect nested_calls.erca $part: exit $?, $(($(wc -l <out.txt) < 2000)) for few lines"
done
mkfifo pipe.onnx pipe.erca pipe.json pipe.npy
run timeout 20 erc check pipe.onnx
run timeout 20 erc inspect pipe.onnx
run timeout 20 erc inspect pipe.erca
run timeout 20 erc run pipe.erca
run timeout 20 erc compile relu_add.onnx -o a.erca --target sim:h100 --budget pipe.json
quietly erc compile relu_add.onnx -o a.erca --target cpu:x86-64-v3 --quiet
run timeout 20 erc run a.erca --input x=@pipe.npy
mkdir kernels cache
mkfifo kernels/pointwise.cpu.c
run timeout 20 erc compile relu_add.onnx -o b.erca --target cpu:x86-64-v3 --no-cache --quiet --kernel-dir kernels
# Every file of the kernel cache as a pipe: the kernels are built anew.
XDG_CACHE_HOME=$PWD/cache erc compile relu_add.onnx -o c.erca --target cpu:x86-64-v3 --quiet
find cache -type f | while read -r file; do rm "$file" && mkfifo "$file"; done
XDG_CACHE_HOME=$PWD/cache timeout 60 erc compile relu_add.onnx -o d.erca --target cpu:x86-64-v3 --quiet
echo "exit $?"
cmp c.erca d.erca && echo "the same artifact"
