#!/usr/bin/env bash
# For a missing dimension the message says which option to give, and with it the model compiles. Unknown and unused
# dimensions are reported.
. "$LIBRARY"
cp "$MODELS/symbolic.onnx" .
run erc compile symbolic.onnx -o x.erca --quiet
run erc compile symbolic.onnx -o x.erca --quiet --dim batch
run erc compile symbolic.onnx -o x.erca --quiet --dim batch=zero
run erc compile symbolic.onnx -o x.erca --quiet --dim bach=4
run erc compile symbolic.onnx -o x.erca --quiet --dim batch=4 --dim batch=2
run erc compile symbolic.onnx -o x.erca --quiet --shape z:4x3
run erc compile symbolic.onnx -o x.erca --quiet --shape x:4x5
run ls
run erc compile symbolic.onnx -o dim.erca --quiet --dim batch=4
run erc compile symbolic.onnx -o shape.erca --quiet --shape x:4x3
run erc run dim.erca --input x=zeros
run erc run shape.erca --input x=zeros
