#!/usr/bin/env bash
# Wrong names, types and shapes at run; each message says what is expected.
. "$LIBRARY"
quietly erc compile "$MODELS/relu_add.onnx" -o tiny.erca --target cpu:x86-64-v3,sim:h100 --quiet
npy() { # npy FILE DESCR SHAPE BYTES: zeros
	local header="{'descr': '$2', 'fortran_order': False, 'shape': $3, }"
	printf '\x93NUMPY\1\0\x76\0%-117s\n' "$header" >"$1"
	head -c "$4" /dev/zero >>"$1"
}
npy f64.npy '<f8' '(2, 3)' 48
npy shape.npy '<f4' '(3, 2)' 24
npy good.npy '<f4' '(2, 3)' 24
npy short.npy '<f4' '(2, 3)' 20
npy big.npy '>f4' '(2, 3)' 24
npy text.npy '<U4' '(2, 3)' 96
npy huge.npy '<f4' '(4294967296, 4294967296)' 24
run erc run tiny.erca
run erc run tiny.erca --input y=zeros
run erc run tiny.erca --input x
run erc run tiny.erca --input x=nothing
run erc run tiny.erca --input x=zeros --input x=zeros
for file in f64 shape short big text huge missing; do
	run erc run tiny.erca --input x=@$file.npy
done
run erc run tiny.erca --input x=@good.npy --output z=@z.npy
run erc run tiny.erca --input x=@good.npy --output y=z.npy
run erc run tiny.erca --input x=@good.npy --expect y=@shape.npy
run erc run tiny.erca --input x=@good.npy --output y=@missing/y.npy
run erc run tiny.erca --input x=@good.npy --target cpu:z80
run erc run tiny.erca --input x=@good.npy --entry none
run erc run missing.erca --input x=zeros
run erc run tiny.erca --input x=@good.npy --budget none
cp "$MODELS/relu_add.onnx" .
run erc run relu_add.onnx --input x=zeros
run erc run tiny.erca --input x=zeros --device sim:h100
run erc run tiny.erca --input x=zeros --device gpu
run erc run tiny.erca --input x=zeros --device cpu:9
run erc run tiny.erca --input x=random:99999999999999999999999
run env ERC_LIBCUDA=/nowhere/libcuda.so.1 erc run tiny.erca --input x=zeros --device cuda
# Anything that is not a regular file is neither replaced nor removed.
mkfifo pipe
run erc compile relu_add.onnx -o pipe --quiet
run erc run tiny.erca --input x=@good.npy --output y=@/dev/full
[ -p pipe ] && [ -c /dev/full ] && echo "both are still there"
run erc bench tiny.erca --device sim:h100
run erc run tiny.erca --input x=@good.npy --output y=@tiny.erca
run erc verify --quiet tiny.erca
