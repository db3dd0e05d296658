#!/usr/bin/env bash
# Budgets: given in three ways, wrong ones, ones that nothing fits. Simulated targets need no C compiler.
. "$LIBRARY"
cp "$SAMPLES/digits/digits.onnx" .
compile() { run erc compile digits.onnx -o x.erca --dim batch=1 --quiet --target sim:h100 "$@"; }
budgets() { run erc inspect x.erca --budgets --format csv | sed '/^$/,$d' | cut -d, -f1-4; }
compile --cc no-such-compiler
budgets
compile --budget full,name=edge,units=8,local=48KiB --budget name=part,share=12.5%
budgets
cat >own.json <<'JSON'
{ "schema": "erc.budget/1", "budgets": ["half", { "name": "edge", "units": 8, "local": "48KiB" }] }
JSON
compile --budget own.json,full
compile --budget own.json --budget full
budgets
rm x.erca
compile --budget tiny
compile --budget name=edge
compile --budget name=edge,units=none
compile --budget name=edge,units=8,units=9
compile --budget full,full
compile --budget missing.json
echo '{ "budgets": [' >bad.json
compile --budget bad.json
# A share of local memory that some tiles do not fit: they are those of the larger budget, and that is said.
compile --budget full,name=tiny,share=0.005
run erc inspect x.erca --budgets | sed -n '/excess/,/^$/p'
rm x.erca
# More than the device has, and less than a launch needs: exit code 5.
compile --budget name=big,units=200
compile --budget name=small,units=4,local=512
run erc compile digits.onnx -o x.erca --dim batch=1 --quiet --target cpu:x86-64-v3 --budget name=small,units=4,local=32
run ls
