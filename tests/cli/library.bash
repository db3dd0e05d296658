# What the golden tests share. A test prints a transcript: each command, its stdout as it is,
# its stderr with "! " before it, its exit code where it is not 0.

# run COMMAND...: transcript of one command
run() {
	local code
	echo "\$ $*"
	"$@" >stdout.tmp 2>stderr.tmp
	code=$?
	cat stdout.tmp
	sed 's/^/! /' stderr.tmp
	[ $code = 0 ] || echo "exit $code"
	rm -f stdout.tmp stderr.tmp
}

# quietly COMMAND...: preparation; its output counts only when it fails
quietly() {
	"$@" >prepare.tmp 2>&1 && return
	echo "preparation failed: $*"
	cat prepare.tmp
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
