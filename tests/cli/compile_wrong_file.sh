#!/usr/bin/env bash
# Files that are not models: missing, a folder, empty, text, truncated.
. "$LIBRARY"
run erc compile missing.onnx -o x.erca
mkdir folder.onnx
run erc compile folder.onnx -o x.erca
: >empty.onnx
run erc compile empty.onnx -o x.erca
echo "this is no model" >text.onnx
run erc compile text.onnx -o x.erca
head -c 40 "$MODELS/relu_add.onnx" >cut.onnx
run erc compile cut.onnx -o x.erca
rmdir folder.onnx
run ls
