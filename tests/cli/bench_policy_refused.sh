#!/usr/bin/env bash
# A policy that the device refuses has a row that says why, and does not end the run; if there is no other, it is an error.
. "$LIBRARY"
quietly erc compile "$SAMPLES/digits/digits.onnx" -o d.erca --dim batch=1 --target sim:h100 --quiet
cat >pair.json <<'JSON'
{ "name": "pair", "seconds": 0.005,
  "clients": [ { "name": "camera", "model": "digits", "class": "rt", "load": "periodic", "rate": 20000 },
               { "name": "batch", "model": "digits", "class": "be", "load": "closed" } ] }
JSON
bench() { run erc bench --device sim:h100 --workers 1 --rounds 2 --model digits=d.erca --workload pair.json "$@"; }
bench --quiet --policy partition
bench --policy elastic,partition | sed -n '/^  policy/,/^what/p; /^!/p' | sed '/^what/d'
erc bench --quiet --device sim:h100 --workers 1 --rounds 2 --model digits=d.erca --workload pair.json --policy partition,fifo --load 0.3 --format json >out.json
"$VALIDATE" "$SCHEMAS/bench.schema.json" out.json && echo valid
grep -A 60 '"partition"' out.json | grep -m4 -E '"(load|in_time|rt_mean_us|verdict)"'
# The last policy that runs is traced.
bench --quiet --policy fifo,partition --trace t.json | grep trace
