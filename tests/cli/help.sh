#!/usr/bin/env bash
# Help of the command and of each verb.
. "$LIBRARY"
run erc --help
for verb in compile check inspect run bench ops version; do
	run erc $verb --help
done
