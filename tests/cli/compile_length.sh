#!/usr/bin/env bash
# Inputs that are sequences and optionals: --length says how many tensors they hold.
. "$LIBRARY"
cp "$MODELS/with_sequence.onnx" .
run erc inspect with_sequence.onnx
run erc compile with_sequence.onnx -o a.erca
run erc compile with_sequence.onnx -o a.erca --target cpu:x86-64-v3 --quiet --length rows=2 --length extra=none \
	--shape rows.0:1x3 --shape rows.1:2x3
run erc run a.erca --input rows.0=random:1 --input rows.1=random:2
run erc compile with_sequence.onnx -o b.erca --target cpu:x86-64-v3 --quiet --length rows=1 --length extra=1 --dim n=2
run erc run b.erca --input rows.0=random:1 --input extra=random:2
run erc check with_sequence.onnx --length rows=none --length extra=2
run erc check with_sequence.onnx --length columns=2
run erc check with_sequence.onnx --length rows
