#!/usr/bin/env bash
# Unknown targets, budgets and passes; stopping early writes no artifact.
. "$LIBRARY"
cp "$MODELS/relu_add.onnx" .
run erc compile relu_add.onnx -o x.erca --quiet --target cpu:z80
run erc compile relu_add.onnx -o x.erca --quiet --budget tiny
run erc compile relu_add.onnx -o x.erca --quiet --dump-after nonsense
run erc compile relu_add.onnx -o x.erca --quiet --const nothing=1
run ls
