#!/usr/bin/env bash
# Models that compile, lack a dimension, have unknown operators or fit no budget, and a file that is not a model.
. "$LIBRARY"
cp "$MODELS"/{relu_add,symbolic,unknown}.onnx .
run erc check relu_add.onnx
run erc check symbolic.onnx
run erc check symbolic.onnx --dim n=3 --target sim:h100
run erc check unknown.onnx
run erc check unknown.onnx --format json
run erc check unknown.onnx --format md
run erc check relu_add.onnx --target cpu:x86-64-v3,gpu
run erc check relu_add.onnx --budget share=0
printf 'no model' > text.onnx
run erc check text.onnx
run erc check missing.onnx
run ls
