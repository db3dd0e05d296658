#!/usr/bin/env bash
# erc verify: a bit flipped anywhere is found, also in the weights.
. "$LIBRARY"
quietly erc compile "$MODELS/relu_add.onnx" -o good.erca --target cpu:x86-64-v3 --quiet
quietly erc compile "$SAMPLES/digits/digits.onnx" -o digits.erca --dim batch=1 --target cpu:x86-64-v3 --quiet
mask 's/[0-9.]+ KiB/N KiB/' erc verify good.erca digits.erca
run erc verify --quiet good.erca
mask 's/"(bytes|identity)":.*/"\1": .../' erc verify good.erca --format json
bytes=$(stat -c %s digits.erca)
missed=0 tried=0
for ((at = 5; at < bytes; at += 1 + bytes / 60)); do
	cp digits.erca flipped.erca
	byte=$(od -An -tu1 -j "$at" -N1 digits.erca | tr -d ' ')
	printf "\\$(printf %03o $((byte ^ 16)))" | dd of=flipped.erca bs=1 seek="$at" conv=notrunc status=none
	erc verify flipped.erca >/dev/null 2>&1
	[ $? = 4 ] || { echo "byte $at was not noticed" && missed=1; }
	tried=$((tried + 1))
done
echo "$tried flipped bits: $([ $missed = 0 ] && echo all noticed)"
cp "$SAMPLES/digits/digits.onnx" model.onnx
run erc verify model.onnx
run erc verify missing.erca
run erc verify
