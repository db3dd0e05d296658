#!/usr/bin/env bash
# The sample with two tenants. Times and counts depend on the machine and are masked. The program itself counts
# requests and compares outputs; its exit code is the result.
. "$LIBRARY"
quietly erc compile "$SAMPLES/digits/digits.onnx" -o digits.erca --dim batch=1 --target cpu:x86-64-v3 --quiet
mask 's/ +[0-9.]+/ N/g' two_tenants digits.erca digits.erca 40
run two_tenants digits.erca
mask 's/^(.*): .*/\1: .../' two_tenants digits.erca missing.erca
