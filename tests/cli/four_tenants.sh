#!/usr/bin/env bash
# The sample with four tenants; see two_tenants.sh.
. "$LIBRARY"
quietly erc compile "$SAMPLES/digits/digits.onnx" -o digits.erca --dim batch=1 --target cpu:x86-64-v3 --quiet
mask 's/ +[0-9.]+%?/ N/g' four_tenants digits.erca digits.erca digits.erca digits.erca 20
run four_tenants digits.erca
mask 's/^(.*): .*/\1: .../' four_tenants digits.erca digits.erca digits.erca missing.erca
