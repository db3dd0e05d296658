#!/usr/bin/env bash
# CUDA targets without NVRTC: exit code 6, and no files are left. Also an unknown architecture.
. "$LIBRARY"
cp "$MODELS/relu_add.onnx" .
export ERC_NVRTC=/no/such/library
run erc compile relu_add.onnx -o x.erca --quiet --no-cache --target cuda:sm_90
run erc compile relu_add.onnx -o x.erca --quiet --no-cache --target cpu:x86-64-v3,cuda:compute_80
run erc compile relu_add.onnx -o x.erca --quiet --no-cache --target cuda:sm_91
run erc check relu_add.onnx --target cuda:sm_90
run ls
