#!/usr/bin/env bash
# Variants of an artifact with three budgets, in each form; digests depend on the C compiler and are masked.
. "$LIBRARY"
cp "$SAMPLES/digits/digits.onnx" .
quietly erc compile digits.onnx -o digits.erca --dim batch=64 --target cpu:x86-64-v4,sim:h100 --quiet
hide='s/_[0-9a-f]{12}/_HASH/g; s/_[0-9a-f]{1,11}\.\.\./_HASH/g'
mask "$hide" erc inspect digits.erca --variants
mask "$hide" erc inspect digits.erca --variants --format csv | head -n 4
mask "$hide" erc inspect digits.erca --variants --format md | head -n 6
erc inspect digits.erca --variants --format json | grep -c '"reduction_key"'
erc inspect digits.erca --variants | awk 'length > 80 { print "longer than 80 columns: " $0 }'
# A launch has one reduction key for all budgets.
erc inspect digits.erca --variants --format csv | grep ^main | cut -d, -f2,3,19 | sort -u | wc -l
erc inspect digits.erca --variants --format csv | grep ^main | cut -d, -f2,3 | sort -u | wc -l
mask 's/ +[0-9.]+ KiB$/  SIZE/' erc inspect digits.erca --budgets | head -n 13
