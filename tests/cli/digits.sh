#!/usr/bin/env bash
# The trained sample: batch 1 in the C program, and batch 12 compared with another runtime's logits.
. "$LIBRARY"
ln -s "$SAMPLES" samples
cp "$SAMPLES"/digits/digits.onnx "$LIBRARY_DATA"/digits.*.npy .
run erc compile digits.onnx -o one.erca --dim batch=1 --target cpu:x86-64-v3 --quiet
run hello one.erca samples/digits/images/*.pgm
run erc compile digits.onnx -o twelve.erca --dim batch=12 --target cpu:x86-64-v3 --quiet
mask 's/error [0-9.e-]+/error TINY/' erc run twelve.erca --input image=@digits.image.npy --expect logits=@digits.logits.npy --l2 1e-5
