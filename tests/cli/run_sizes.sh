#!/usr/bin/env bash
# Outputs whose dims depend on data: bounds in inspect, true dims in run, stored and compared arrays.
. "$LIBRARY"
quietly erc compile "$MODELS/nonzero.onnx" -o n.erca --target cpu:x86-64-v3 --quiet
mask 's/ +$//' erc inspect n.erca --format csv | grep -E 'input|output'
# x = 0 -1 2, 0 0 3
printf '\0\0\0\0\0\0\200\277\0\0\0\100\0\0\0\0\0\0\0\0\0\0\100\100' >x.bin
run erc run n.erca --input x=@x.bin --repeat 3
run erc run n.erca --input x=@x.bin --output at=@at.npy --output y=@y.bin
run od -A n -t d8 -j 128 at.npy
run od -A n -t f4 y.bin
run erc run n.erca --input x=@x.bin --expect at=@at.npy
run erc run n.erca --input x=zeros
run erc run n.erca --input x=zeros --expect at=@at.npy
