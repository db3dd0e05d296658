#!/usr/bin/env bash
# The sample with two tenants: times and counts that depend on the machine are masked; the program itself counts
# requests and compares outputs, and its exit code says so.
. "$LIBRARY"
quietly erc compile "$SAMPLES/digits/digits.onnx" -o digits.erca --dim batch=1 --target cpu:x86-64-v3 --quiet
mask 's/ +[0-9.]+/ N/g' two_tenants digits.erca digits.erca 40
run two_tenants digits.erca
mask 's/^(.*): .*/\1: .../' two_tenants digits.erca missing.erca
