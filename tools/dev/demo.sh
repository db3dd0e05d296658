#!/usr/bin/env bash
# `make demo`: all steps on two models. The digits model is compiled, inspected and run on
# twelve test images; resnet50 (random weights, from the model maker) is compiled and measured.
set -euo pipefail
out=$1
erc=$out/erc
work=$out/demo
mkdir -p "$work"

step() { printf '\n== %s\n' "$*"; }
show() {
	printf '\n$ %s\n' "$*"
	"$@"
}

step "Digits: a small network that this project trained"
show "$erc" compile samples/digits/digits.onnx -o "$work/digits.erca" --dim batch=1
show "$erc" inspect "$work/digits.erca"
show "$out/hello" "$work/digits.erca" samples/digits/images/*.pgm

step "ResNet-50: 25 million parameters, random weights"
[ -f "$work/resnet50.onnx" ] || show "$out/make_model" resnet50 "$work/resnet50.onnx"
show "$erc" compile "$work/resnet50.onnx" -o "$work/resnet50.erca" --target native
show "$erc" bench "$work/resnet50.erca" --seconds 3
