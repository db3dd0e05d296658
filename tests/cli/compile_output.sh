#!/usr/bin/env bash
# Output folders that are missing, read-only or full: an error, and no files are left.
. "$LIBRARY"
cp "$MODELS/relu_add.onnx" "$MODELS/unknown.onnx" .
run erc compile relu_add.onnx -o missing/x.erca --quiet
mkdir folder.erca
run erc compile relu_add.onnx -o folder.erca --quiet
run ls folder.erca
# Nobody can create files in /proc, not even root.
mask "s/(x.erca'): .*/\1: REASON/" erc compile relu_add.onnx -o /proc/x.erca --quiet
echo keep >x.erca
run erc compile unknown.onnx -o x.erca --quiet
run cat x.erca
# The model itself, under any name, cannot be the output.
run erc compile relu_add.onnx -o ./relu_add.onnx --quiet
cp "$MODELS/relu_add.onnx" original.onnx
run cmp relu_add.onnx original.onnx
rm original.onnx
# A limit of the file size acts like a full disk: writes fail in the middle of the artifact.
cp "$SAMPLES/digits/digits.onnx" .
quietly erc compile digits.onnx -o full.erca --dim batch=1 --quiet # fills the cache: no compiler runs below
rm full.erca
(
	trap '' XFSZ
	ulimit -f 8
	run erc compile digits.onnx -o full.erca --dim batch=1 --quiet
)
# A parent may ignore the ends of children, and limit the size of files.
run bash -c "trap '' CHLD; exec erc compile digits.onnx -o child.erca --dim batch=1 --quiet"
run bash -c "ulimit -f 64; exec erc compile digits.onnx -o large.erca --dim batch=1 --quiet"
run ls
