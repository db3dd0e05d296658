#!/usr/bin/env bash
# Dimensions whose product is too large are rejected before anything is allocated.
. "$LIBRARY"
cp "$MODELS/huge.onnx" .
run erc compile huge.onnx -o x.erca --quiet
run ls
