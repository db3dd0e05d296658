#!/usr/bin/env bash
# Help of the command and of each verb.
. "$LIBRARY"
run erc --help
for verb in $(sed -nE 's/^X\(([a-z]+),.*/\1/p' "$SAMPLES/../tools/erc/commands.def"); do
	run erc $verb --help
done
