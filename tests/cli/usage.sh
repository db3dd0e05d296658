#!/usr/bin/env bash
# Usage errors: verbs, options, operands, values.
. "$LIBRARY"
run erc
run erc frobnicate
run erc compil model.onnx
run erc compile
run erc compile model.onnx
run erc compile a.onnx b.onnx -o c.erca
run erc compile model.onnx --ouput x.erca
run erc compile model.onnx -z
run erc compile model.onnx -o x.erca -j many
run erc compile model.onnx -o x.erca --class rt --level 4294967296
run erc compile model.onnx -o x.erca --target ''
run erc compile model.onnx -o x.erca --target native,,
run erc compile model.onnx -o
run erc compile model.onnx --quiet=yes -o x.erca
run erc run
run erc run model.erca --rtol=-1
run erc run model.erca --repeat 0
run erc bench model.erca --format xml
run erc ops extra
