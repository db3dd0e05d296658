#!/usr/bin/env bash
# Version and operator table: checks the forms, not the compiler's data.
. "$LIBRARY"
mask 's/(machine +).*/\1MACHINE/' erc version
run erc ops --format nonsense
erc ops --format csv >ops.csv
run head -n 1 ops.csv
for operator in Conv Relu Gemm MaxPool; do
	grep -q "^$operator,ai.onnx,[0-9]*," ops.csv || echo "no row for $operator"
done
