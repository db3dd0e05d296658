#!/usr/bin/env bash
# For a missing dimension the message says which option to give, and with it the model compiles. Unknown and unused
# dimensions are reported.
. "$LIBRARY"
cp "$MODELS/symbolic.onnx" .
run erc compile symbolic.onnx -o x.erca --quiet
run erc compile symbolic.onnx -o x.erca --quiet --dim batch
run erc compile symbolic.onnx -o x.erca --quiet --dim batch=zero
run erc compile symbolic.onnx -o x.erca --quiet --dim bach=4
run erc compile symbolic.onnx -o x.erca --quiet --dim batch=4 --dim batch=2
run erc compile symbolic.onnx -o x.erca --quiet --shape z:4x3
run erc compile symbolic.onnx -o x.erca --quiet --shape x:4x5
run ls
run erc compile symbolic.onnx -o dim.erca --quiet --dim batch=4
run erc compile symbolic.onnx -o shape.erca --quiet --shape x:4x3
run erc run dim.erca --input x=zeros
run erc run shape.erca --input x=zeros
# Several sizes make several entries. The shapes of files choose one of them.
rm ./*.erca
run erc compile symbolic.onnx -o x.erca --quiet --dim batch=1,4,4
run erc compile symbolic.onnx -o x.erca --quiet --dim batch=1,,4
run erc compile symbolic.onnx -o x.erca --quiet --dim batch=1,4 --dim batch=8
run ls
run erc check symbolic.onnx --dim batch=1,4,8
quietly erc compile symbolic.onnx -o x.erca --dim batch=1,4,8 --target cpu:x86-64-v3 --quiet
for size in 4 5; do
	quietly erc compile symbolic.onnx -o "$size.erca" --dim batch="$size" --target cpu:x86-64-v3 --quiet
	quietly erc run "$size.erca" --input x=random:1 --output "y=@$size.npy"
done
erc inspect x.erca --format csv | grep -E '^(entry|batch)' | cut -d, -f1-5 | head -12
run erc run x.erca --input x=@4.npy
run erc run x.erca --input x=zeros
run erc run x.erca --input x=zeros --entry batch=8
run erc run x.erca --input x=@4.npy --entry batch=8
run erc run x.erca --input x=@5.npy
run erc run x.erca --input x=zeros --entry batch=2
run erc bench x.erca --input x=@4.npy --runs 3 --workers 1 --format json >bench.json
grep -o '"entry":[[:space:]]*"[^"]*"' bench.json
run erc compile symbolic.onnx -o y.erca --dim batch=2,3 --dump-after pin --stop-after pin
# Ranges: what is proposed and taken, what inspect shows, sizes from files and options, sizes outside.
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
