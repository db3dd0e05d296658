#!/usr/bin/env bash
# All unknown operators are reported together, with exit code 3, and nothing is written.
. "$LIBRARY"
cp "$MODELS/unknown.onnx" .
run erc compile unknown.onnx -o x.erca --quiet
run ls
