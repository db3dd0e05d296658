#!/usr/bin/env bash
# The kernel cache is the user's own, what a compiler gives is checked, and a signal leaves nothing behind.
. "$LIBRARY"
cp "$MODELS/relu_add.onnx" .
compile() { run erc compile relu_add.onnx -o x.erca --target cpu:x86-64-v3 --quiet "$@"; }
export XDG_CACHE_HOME=$PWD/cache

compile
run stat -c %a cache/erc
find cache -type f -printf '%m\n' | sort -u

echo "a folder that others can write"
chmod 777 cache/erc
rm cache/erc/*
compile 2>&1 | sed "s|'.*/cache/erc'|CACHE|; s/owner [0-9]*/owner N/g"
run ls cache/erc
chmod 700 cache/erc

echo "files that others can write, links and FIFOs are not read"
compile
for file in cache/erc/*; do
	cp "$file" copy
	rm "$file"
	case $file in *.so) ln -s "$PWD/copy" "$file" ;; *) mkfifo "$file" ;; esac
done
compile
find cache/erc ! -type d -printf '%y\n' | sort -u
chmod 666 cache/erc/*
compile
find cache/erc -type f -printf '%m\n' | sort -u

echo "a compiler that writes garbage and is content"
cat >garbage <<'EOF'
#!/bin/sh
for last; do :; done
[ "$1" = --version ] || echo garbage >"$last"
echo garbage 1.0
EOF
chmod +x garbage
rm -r cache
compile --cc "$PWD/garbage" 2>&1 | sed "s|$PWD|PWD|g; s/relu_add_[0-9a-f]*\|pointwise_[0-9a-f]*/KERNEL/"
run ls cache/erc

echo "a long TMPDIR"
long=$PWD/$(printf 'x%.0s' {1..200})/$(printf 'y%.0s' {1..200})
mkdir -p "$long"
TMPDIR=$long compile --no-cache
ls "$long"
TMPDIR=$PWD/missing compile --no-cache 2>&1 | sed "s|$PWD|PWD|"

for signal in TERM HUP; do
	echo "$signal while a compiler runs"
	printf '#!/bin/sh\n[ "$1" = --version ] && exec cc --version\ntouch %s/started\nsleep 100 & wait\n' "$PWD" >slow
	chmod +x slow
	mkdir -p tmp
	rm -f started x.erca
	TMPDIR=$PWD/tmp erc compile relu_add.onnx -o x.erca --target cpu:x86-64-v3 --quiet --cc "$PWD/slow" &
	child=$!
	while [ ! -e started ]; do sleep 0.01; done
	kill -s $signal $child
	wait $child 2>/dev/null
	echo "exit $?"
	run ls tmp
	ls x.erca* 2>/dev/null
	pgrep -f "$PWD/slow"
done
true
