#!/usr/bin/env bash
# CONTRIBUTING.md lists the places that a new operator, pass or subcommand touches. This script adds one of each to a
# copy of the tree, exactly as that table says, builds it, and runs all tests that concern the additions. If one of them
# fails, the table lacks a place. Usage: contributing.sh BUILD
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
out=$1
listing="help usage version" # golden tests that list verbs, passes and targets: CONTRIBUTING.md names them
passed=0 failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

good() { passed=$((passed + 1)); }
bad() { echo "FAIL: $*"; failed=$((failed + 1)); }

# is WHAT COMMAND...: counts whether the command succeeds; otherwise shows its output
is() {
	local what=$1
	shift
	if "$@" >"$scratch/log" 2>&1; then good; else
		bad "$what"
		tail -n 20 "$scratch/log" | sed 's/^/    | /'
	fi
}

# The tree without its builds, and the object files of this build, so that little is built again.
copy=$scratch/tree
mkdir "$copy"
tar -cf - --exclude=./build --exclude=./.git . | tar -xf - -C "$copy"
mkdir -p "$copy/build"
cp -a "$out" "$copy/build/$(basename "$out")"
cd "$copy" || exit 1
out=build/$(basename "$out")

# A pointwise operator: one row, an example, and a case.
sed -i '/UNARY("Neg"/{p;s/"Neg"/"Cube"/;s/neg(a)/mul(a, mul(a, a))/}' compiler/ops/pointwise.c
sed -i 's/^== Abs@6/& Cube@1/' tests/ops/examples.txt
cat >>tests/ops/cases/pointwise.txt <<'EOF'

== Cube
input x:f32[3]
y = Cube(x)
output y
given x:f32[3] = {-2, 0.5, 3}
want y:f32[3] = {-8, 0.125, 27}
EOF

# A pass: its file, its test, one line of passes.def.
cat >compiler/passes/nothing.c <<'EOF'
/* Leaves the graph as it is. */
#include "compiler/passes/pass.h"

enum ercc_status pass_nothing(struct graph *graph)
{
	(void)graph;
	return ERCC_OK;
}
EOF
sed -i 's/^GRAPH_PASS(layout)/GRAPH_PASS(nothing)\n&/' compiler/passes/passes.def
cat >tests/passes/nothing.txt <<'EOF'
== leaves everything as it is
input x:f32[2]
y = Cube(x) "c"
output y
-->
input x:f32[2]
y:f32[2] = Cube(x) "c"
output y

== a graph without nodes, too
input x:f32[2]
output x
-->
input x:f32[2]
output x
EOF

# A subcommand: its file, a golden test, one line of commands.def.
cat >tools/erc/cmd_greet.c <<'EOF'
/* `erc greet`: says hello. */
#include "tools/erc/command.h"

#include <stdio.h>

int cmd_greet(int argc, char **argv)
{
	const struct usage usage = {.verb = "greet", .synopsis = "", .text = "Says hello.", .examples = "  erc greet\n"};
	int code = args_parse(&usage, argc, argv, NULL);
	if (code == ARGS_OK)
		puts("hello");
	return code == ARGS_OK ? EXIT_OK : code;
}
EOF
sed -i 's/^X(version,/X(greet, "say hello")\n&/' tools/erc/commands.def
cat >tests/cli/greet.sh <<'EOF'
#!/usr/bin/env bash
. "$LIBRARY"
run erc greet
EOF
printf '$ erc greet\nhello\n' >tests/cli/expected/greet.txt

is "the build with an operator, a pass and a subcommand more" make BUILD="$(basename "$out")" CC="${CC:-cc}" "$out/erc" \
	"$out/tests/ops/test_cases" "$out/tests/ops/test_types" "$out/tests/passes/test_passes" "$out/tests/tiny_models" \
	"$out/tests/validate"
is "the operator's case" "$out/tests/ops/test_cases"
is "the operator's example" "$out/tests/ops/test_types"
is "the pass's test, and those of all others" "$out/tests/passes/test_passes"
is "the subcommand's golden test" tests/cli.sh "$out" greet
is "check-tables" tests/tree/tables.sh "$out"
# The golden tests that list verbs or passes are recorded anew, and no other one changes.
env UPDATE=1 tests/cli.sh "$out" $listing >/dev/null
for name in $listing; do
	if cmp -s "tests/cli/expected/$name.txt" "$OLDPWD/tests/cli/expected/$name.txt"; then bad "tests/cli/expected/$name.txt lists what there is no more"; else good; fi
done
is "all other golden tests" tests/cli.sh "$out" check compile_options compile_wrong_file inspect inspect_artifact run
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
