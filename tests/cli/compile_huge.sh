#!/usr/bin/env bash
# Dimensions whose product is too large are rejected before anything is allocated, and so is a small model that asks for a
# huge artifact.
. "$LIBRARY"
cp "$MODELS/huge.onnx" .
run erc compile huge.onnx -o x.erca --quiet
cp "$MODELS/vast.onnx" .
run erc compile vast.onnx -o x.erca --quiet
run ls
