#!/usr/bin/env bash
# Damaged artifacts: exit 4 from every verb that reads them, never a crash.
. "$LIBRARY"
quietly erc compile "$MODELS/relu_add.onnx" -o tiny.erca --target cpu:x86-64-v3 --quiet
flip() { # flip IN OUT OFFSET: all bits of one byte
	cp "$1" "$2"
	local byte
	byte=$(od -An -tu1 -j "$3" -N1 "$1" | tr -d ' ')
	printf "\\$(printf %03o $((byte ^ 255)))" | dd of="$2" bs=1 seek="$3" conv=notrunc status=none
}
flip tiny.erca magic.erca 2
flip tiny.erca major.erca 8
flip tiny.erca digest.erca 50
flip tiny.erca table.erca 90
head -c 100 tiny.erca >cut.erca
head -c 8 tiny.erca >stub.erca
for file in magic major digest table cut stub; do
	for verb in "run $file.erca --input x=zeros" "inspect $file.erca" "bench $file.erca --runs 1"; do
		# shellcheck disable=SC2086
		mask 's/header says [0-9]+/header says N/' erc $verb
	done
done
# Every byte of the header and the table of contents, and a sample of the rest.
bytes=$(stat -c %s tiny.erca)
wrong=0
for ((at = 0; at < bytes; at += (at < 600 ? 7 : 1 + bytes / 40))); do
	flip tiny.erca flipped.erca $at
	erc inspect flipped.erca >/dev/null 2>&1
	code=$?
	# WEIGHTS are not checked by default, so exit code 0 is right for them; other bytes may give 0 or 4, but no crash.
	[ $code = 4 ] || [ $code = 0 ] || { echo "byte $at: exit $code"; wrong=1; }
	[ $at -ge 600 ] || [ $code = 4 ] || { echo "byte $at was not noticed"; wrong=1; }
done
for ((length = 0; length < bytes; length += (length < 300 ? 13 : 1 + bytes / 30))); do
	head -c $length tiny.erca >cut.erca
	erc run cut.erca --input x=zeros >/dev/null 2>&1
	code=$?
	[ $code = 4 ] || { echo "cut at $length: exit $code"; wrong=1; }
done
echo "sampled flips and lengths: $([ $wrong = 0 ] && echo all noticed)"
