# What a test program's output and exit code (-v code=N) say: passed, failed, skipped. Takes a counts line as it is; counts
# Check's own summary and "skipped:" lines otherwise. What failed without saying how many, or ran nothing, is one failure.
/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ {
	passed = $1
	failed = $3
	skipped = $5
	whole = 1
}
!whole && /^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+$/ {
	gsub(",", "")
	bad = $5 + $7
	passed += $3 - bad
	failed += bad
}
!whole && /^skipped: / {
	skipped++
}
END {
	if (code != 0 && failed == 0)
		failed = 1
	if (code == 0 && passed + failed + skipped == 0)
		failed = 1
	print passed + 0, failed + 0, skipped + 0
}
