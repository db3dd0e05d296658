#!/usr/bin/env bash
# No file over 600 lines, no function over 60 lines between its braces, no folder of more than 45 files.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0

# The files in git and new ones that are not ignored; without a repository, all files outside builds.
sources() {
	if [ -e .git ]; then
		git ls-files --cached --others --exclude-standard
	else
		find . -name build -prune -o -type f -printf '%P\n'
	fi | while read -r file; do [ ! -f "$file" ] || echo "$file"; done
}
all=$(sources)

# holds LIMIT WHAT: reads lines `NUMBER NAME`; none may be over the limit
holds() {
	local number name over=
	while read -r number name; do
		[ "$number" -le "$1" ] || over+="FAIL: $name has $number $2, the limit is $1"$'\n'
	done
	if [ -z "$over" ]; then
		passed=$((passed + 1))
	else
		printf '%s' "$over"
		failed=$((failed + 1))
	fi
}

holds 45 files < <(xargs -d '\n' -n1 dirname <<<"$all" | sort | uniq -c)
holds 600 lines < <(grep -E '\.(c|h|cu|def|sh|py|bash)$|^Makefile$' <<<"$all" | xargs -d '\n' wc -l | sed '/ total$/d')
# A function's braces are in the first column.
functions=$(grep -E '\.(c|h|cu)$' <<<"$all" | xargs -d '\n' awk '
	FNR == 1 || /^[A-Za-z]/ { head = $0 }
	/^{$/ { start = FNR }
	/^}$/ && start { match(head, /[a-z_A-Z0-9]+\(/); print FNR - start - 1, FILENAME ":" substr(head, RSTART, RLENGTH - 1); start = 0 }')
holds 60 lines <<<"$functions"
median=$(cut -d' ' -f1 <<<"$functions" | sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }')
holds 11 lines <<<"$median the median function"

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
