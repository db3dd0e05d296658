#!/usr/bin/env bash
# Inputs with a default: compiled in with a note, or kept. And a dimension that leaves nothing to compute.
. "$LIBRARY"
cp "$MODELS/with_default.onnx" .
run erc compile with_default.onnx -o a.erca --dim batch=1 --target cpu:x86-64-v3 --quiet
run erc run a.erca --input x=random:1
run erc compile with_default.onnx -o b.erca --dim batch=1 --target cpu:x86-64-v3 --quiet --keep-input bias
run erc run b.erca --input x=random:1 --input bias=random:2
run erc run b.erca --input x=random:1
run erc run b.erca --input x=random:1 --input bias=default
run erc run b.erca --input x=default
run erc inspect b.erca | sed -n '/inputs and outputs/,/^$/p'
run erc check with_default.onnx --dim batch=1 --keep-input x
run erc check with_default.onnx --dim batch=0 --keep-input bias
