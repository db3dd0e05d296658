#!/usr/bin/env bash
# Room profiles: latency against units under each budget, in each form.
. "$LIBRARY"
cp "$SAMPLES/digits/digits.onnx" .
quietly erc compile digits.onnx -o digits.erca --dim batch=64 --target sim:epyc-64,sim:h100 --budget full,name=three,units=3 --quiet
run erc inspect digits.erca --budgets
run erc inspect digits.erca --budgets --format csv | grep -A 3 latency_us
run erc inspect digits.erca --budgets --format md | grep -A 3 latency
erc inspect digits.erca --budgets --format json | grep -c '"speed"'
erc inspect digits.erca --budgets | awk 'length > 80 { print "longer than 80 columns: " $0 }'
# More units are never slower, and never faster than the tiles allow. A row is entry,target,budget,units,latency_us,unit_us,used_percent,speed.
erc inspect digits.erca --budgets --format csv | awk -F, '
	NF == 8 && $1 == "main" && $8 <= 1 {
		key = $2 $3
		if (key in last && $5 > last[key]) print "slower with more units: " $0
		if ($7 > 100 || $6 > $4 * $5 * 1.0001) print "more work than time: " $0
		last[key] = $5
		rows++
	}
	END { print rows " points" }'

# A figure has one unit in all tables. Targets whose names differ only at the end can be told apart in short lines, too.
quietly erc compile digits.onnx -o large.erca --dim batch=512 --target sim:epyc-64,cpu:x86-64-v3,cpu:x86-64-v4 --quiet
erc inspect large.erca --budgets | grep -oE '(latency|unit time) [mu]?s ' | sort | uniq -c | sed 's/^ *//'
for width in 40 60 80; do
	echo "$width: $(COLUMNS=$width erc inspect large.erca --budgets | awk '/^  target/ { on = 1; next } !NF { exit } on { print $1 }' | sort -u | paste -sd' ')"
done
run erc inspect digits.onnx --budgets
