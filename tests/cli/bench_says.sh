#!/usr/bin/env bash
# What `erc bench --workload` says about its figures, and how each form names them.
. "$LIBRARY"
quietly erc compile "$SAMPLES/digits/digits.onnx" -o d.erca --dim batch=1 --target sim:h100,native --quiet
cat >pair.json <<'JSON'
{ "name": "pair", "seconds": 0.005,
  "clients": [ { "name": "camera", "model": "digits", "class": "rt", "load": "periodic", "rate": 20000 },
               { "name": "batch", "model": "digits", "class": "be", "load": "closed" } ] }
JSON
sed 's/20000/20000, "deadline_us": 5/' pair.json >short.json
sed 's/^               {/{ "name": "brake", "model": "digits", "class": "rt", "load": "closed" }, {/' pair.json >mixed.json
bench() { run erc bench --quiet --device sim:h100 --rounds 2 --model digits=d.erca "$@"; }
body() { sed -n '1p; /^  policy/,/^what/p; /^how far/,$p; /^RT offers/p; /^rates x/p; /^! /p' | sed '/^what/d'; }

# RT alone is late: nothing can be said, unless BE slows it down all the same.
bench --workload short.json --policy elastic,fifo | body
bench --workload pair.json --workers 1 --load 2 | body
bench --workload pair.json --load 0.5 --rounds 1 --slice 0.0003 | body
# What RT offers has no bound where a client submits as fast as it is served.
bench --workload mixed.json --load 0.3 | body
# The policy and the load of a trace.
bench --workload pair.json --policy fifo,elastic --load 0.1,0.2 --trace t.json | grep trace
bench --workload pair.json --policy elastic,fifo --trace t.json --format csv | grep -E '^trace|^wakeups'

# No load where the rates are as given.
bench --workload pair.json --format csv | grep -A1 ^policy | cut -d, -f1-4
bench --workload pair.json --format json | grep -A1 '"policy"'
bench --workload pair.json --load 0.3 --format json | grep '"load":	[0-9]'
run erc bench d.erca --runs 1 --format csv | sed -E 's/,.*//'

# Each row of Markdown has as many cells as its heading, with any name.
for name in 'a|b' 'a\\|b' 'a\\' '|' '\\\\|'; do
	sed "s/camera/${name//\\/\\\\}/" pair.json >name.json
	erc bench --quiet --device sim:h100 --rounds 1 --model digits=d.erca --workload name.json --format md >name.md || echo "exit $?"
	grep -A 3 '^| client' name.md | awk '{ gsub(/\\./, ""); print gsub(/\|/, "|"), "bars" }' | paste -sd' '
	grep -m1 '^|.*| rt' name.md | cut -c1-16
done

# The valid time is a multiple of what a request takes that arrives alone; of a closed loop, of its median.
for device in sim:h100 cpu; do
	for file in pair mixed; do
		erc bench --quiet --device $device --rounds 1 --slice 0.005 --model digits=d.erca --workload $file.json --format csv |
			awk -F, -v what="$device $file" '$2 == "rt" { by = $(NF - 1) == "" ? $(NF - 2) : $(NF - 1); r = $NF / by; if (r > 1.999 && r < 2.001) good++; rows++ }
				END { print what ": " good " of " rows " RT clients" }'
	done
done
