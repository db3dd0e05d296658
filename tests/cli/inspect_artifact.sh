#!/usr/bin/env bash
# What inspect shows of an artifact; sizes and hashes depend on the C compiler and are masked.
. "$LIBRARY"
quietly erc compile "$SAMPLES/digits/digits.onnx" -o digits.erca --dim batch=1 --target cpu:x86-64-v3 --quiet
hide='s/[0-9a-f]{40,}(\.\.\.)?/DIGEST/g; s/ +[0-9.]+ (B|KiB|MiB)/  SIZE/g; s/\b[0-9a-f]{12}\b/HASH/g; s/_[0-9a-f]{12}/_HASH/g
	s/(META|PLAN|WEIGHTS|CODE|DEBUG) +[0-9]+/\1  OFFSET/'
mask "$hide" erc inspect digits.erca
mask "$hide" erc inspect digits.erca --kernels --format md
mask "$hide" erc inspect digits.erca --memory
# The plan in text keeps within 80 columns, and names the nodes.
erc inspect digits.erca --plan --variants >plan.txt
awk 'length > 80 { print "longer than 80 columns: " $0 }' plan.txt
grep -c launch plan.txt
# Every form of a part has the same number of launches.
erc inspect digits.erca --plan --format csv | grep -c ,launch,
erc inspect digits.erca --plan --format json | grep -c '"launch"'
run erc inspect digits.erca --graph
erc inspect digits.erca --meta | head -c 1
