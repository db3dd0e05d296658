# What the golden tests share. A test prints a transcript: each command, its stdout unchanged,
# its stderr with "! " before each line, and its exit code if it is not 0.

# A test's folder holds only the files that the commands leave there.
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

# quietly COMMAND...: preparation; its output is shown only if it fails
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

# mask SED-SCRIPT COMMAND...: like run, with machine-dependent text replaced
mask() {
	local script=$1
	shift
	run "$@" | sed -E "$script"
}
