#!/usr/bin/env bash
# Dimensions whose product is out of reach are refused, not tried.
. "$LIBRARY"
cp "$MODELS/huge.onnx" .
run erc compile huge.onnx -o x.erca --quiet
run ls
