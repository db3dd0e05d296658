#!/usr/bin/env bash
# The class that an artifact gives its sessions: written, shown, refused.
. "$LIBRARY"
cp "$MODELS/relu_add.onnx" m.onnx
run erc compile m.onnx -o rt.erca --target cpu:x86-64-v3,sim:h100 --class rt --level 1 --deadline-us 5000 --quiet
run sh -c "erc inspect rt.erca | sed -n '/^classes/,\$p'"
run erc compile m.onnx -o be.erca --target cpu:x86-64-v3 --class be --quiet
run sh -c "erc inspect be.erca --format json | sed -n '/classes/,\$p'"
run erc compile m.onnx -o no.erca --target cpu:x86-64-v3 --class fast
run erc compile m.onnx -o no.erca --target cpu:x86-64-v3 --class be --level 1
run erc compile m.onnx -o no.erca --target cpu:x86-64-v3 --deadline-us 10
run ls
