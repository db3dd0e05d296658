#!/usr/bin/env bash
# Running: outputs with known values, stored and compared outputs, repeated runs.
. "$LIBRARY"
quietly erc compile "$MODELS/relu_add.onnx" -o tiny.erca --target cpu:x86-64-v3 --quiet
# x = -2 … 3; y = relu(x) + x
printf '\0\0\0\300\0\0\200\277\0\0\0\0\0\0\200\77\0\0\0\100\0\0\100\100' >x.bin
printf '\0\0\0\300\0\0\200\277\0\0\0\0\0\0\0\100\0\0\200\100\0\0\300\100' >y.bin
run erc run tiny.erca --input x=@x.bin --expect y=@y.bin --rtol 0 --atol 0
run erc run tiny.erca --input x=@x.bin --expect y=@x.bin
run erc run tiny.erca --input x=@x.bin --expect y=@x.bin --l2 1e-5
run erc run tiny.erca --input x=@x.bin --output y=@y.npy
run erc run tiny.erca --input x=@y.npy --output y=@z.bin --expect y=@y.npy
run erc run tiny.erca --input x=@x.bin
run erc run tiny.erca --input x=random:1 --repeat 5 --workers 2
run erc run tiny.erca --input x=@x.bin --expect y=@y.bin --quiet
run ls
