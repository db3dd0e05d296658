#!/usr/bin/env bash
# Without a C compiler: exit code 6, and no files are left.
. "$LIBRARY"
cp "$MODELS/relu_add.onnx" .
run erc compile relu_add.onnx -o x.erca --quiet --no-cache --cc no-such-compiler
run erc compile relu_add.onnx -o x.erca --quiet --no-cache --cc false
run ls
