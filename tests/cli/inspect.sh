#!/usr/bin/env bash
# What inspect shows of a model and of an artifact, in its formats.
. "$LIBRARY"
cp "$SAMPLES/digits/digits.onnx" "$MODELS/unknown.onnx" .
run erc inspect digits.onnx
run erc inspect unknown.onnx
run erc inspect digits.onnx --format csv
run erc inspect digits.onnx --plan
run erc inspect missing
run erc inspect .
