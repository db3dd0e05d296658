# What the golden tests share. A test prints a transcript: each command, its stdout as it is,
# its stderr with "! " before it, its exit code where it is not 0.

# A test's folder holds what the commands leave there and nothing else.
streams=$(mktemp -d)
trap 'rm -rf "$streams"' EXIT

# run COMMAND...: transcript of one command
run() {
	local code
	echo "\$ $*"
	"$@" >"$streams/out" 2>"$streams/err"
	code=$?
	cat "$streams/out"
	sed 's/^/! /' "$streams/err"
	[ $code = 0 ] || echo "exit $code"
}

# quietly COMMAND...: preparation; its output counts only when it fails
quietly() {
	"$@" >"$streams/prepare" 2>&1 && return
	echo "preparation failed: $*"
	cat "$streams/prepare"
	exit 1
}

# skip REASON: the whole test, counted
skip() {
	echo "skipped: $*"
	exit 77
}

# mask SED-SCRIPT COMMAND...: run, with what differs from machine to machine replaced
mask() {
	local script=$1
	shift
	run "$@" | sed -E "$script"
}
