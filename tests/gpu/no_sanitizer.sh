#!/usr/bin/env bash
# Replaces compute-sanitizer in rehearsals without a GPU: runs the program, and reports an error only if the program
# fails.
tool=memcheck
while [ $# -gt 0 ]; do
	case $1 in
	--tool) tool=$2 ;;
	--*) ;;
	*) break ;;
	esac
	shift 2
done
"$@"
code=$?
case $tool in
racecheck) echo "========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)" ;;
*) echo "========= ERROR SUMMARY: 0 errors" ;;
esac
exit $code
