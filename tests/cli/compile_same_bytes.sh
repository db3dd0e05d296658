#!/usr/bin/env bash
# Two folders, different -j, and a cold and a warm cache give the same bytes.
. "$LIBRARY"
mkdir one two
cp "$MODELS/relu_add.onnx" "$SAMPLES/digits/digits.onnx" one
cp one/*.onnx two
(cd one && run erc compile digits.onnx -o digits.erca --dim batch=1 -j 1 --no-cache --quiet)
(cd two && run erc compile "$PWD/digits.onnx" -o ../two/digits.erca --dim batch=1 -j 2 --quiet) | sed 's|/.*/two|TWO|'
run cmp one/digits.erca two/digits.erca
(cd two && XDG_CACHE_HOME=$PWD/cache run erc compile digits.onnx -o warm.erca --dim batch=1 -j 2 --quiet)
(cd two && XDG_CACHE_HOME=$PWD/cache run erc compile digits.onnx -o warm.erca --dim batch=1 -j 2 --quiet)
run cmp one/digits.erca two/warm.erca
# Damaged files in the kernel cache are ignored.
export XDG_CACHE_HOME=$PWD/cache
run erc compile one/relu_add.onnx -o first.erca --target cpu:x86-64-v3 --quiet
for file in cache/erc/*; do truncate -s 50 "$file"; done
run erc compile one/relu_add.onnx -o second.erca --target cpu:x86-64-v3 --quiet
run cmp first.erca second.erca
for file in cache/erc/*; do printf 'x' | dd of="$file" bs=1 seek=100 conv=notrunc status=none; done
run erc compile one/relu_add.onnx -o third.erca --target cpu:x86-64-v3 --quiet
run cmp first.erca third.erca
