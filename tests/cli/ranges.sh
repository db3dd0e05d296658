#!/usr/bin/env bash
# Ranges: what is proposed and taken, what inspect shows, sizes from files and options, sizes outside.
. "$LIBRARY"
cp "$MODELS/symbolic.onnx" .
run erc check symbolic.onnx --dims auto --target sim:h100
run erc compile symbolic.onnx -o auto.erca --dims all
run erc compile symbolic.onnx -o auto.erca --dims auto --target cpu:x86-64-v3 --quiet
mask 's/ +$//' erc inspect auto.erca --format csv | grep -A 9 '^range\|,range'
erc inspect auto.erca --format json >auto.json
"$VALIDATE" "$SCHEMAS/inspect.schema.json" auto.json && echo "auto.json: valid"
erc check symbolic.onnx --format json >check.json 2>check.txt
"$VALIDATE" "$SCHEMAS/check.schema.json" check.json && echo "check.json: valid"
run erc compile symbolic.onnx -o two.erca --dim batch=1..3,8..64:8 --target cpu:x86-64-v3 --quiet
mask 's/ +$//' erc inspect two.erca --format csv | grep 'batch'
printf '\0\0\200\77\0\0\200\277\0\0\0\100' >x.bin
run erc run auto.erca --shape x:1x3 --input x=@x.bin
run erc run auto.erca --shape x:9x3
run erc run two.erca --shape x:5x3
run erc run two.erca --shape x:16x3 --input x=zeros
