#!/usr/bin/env bash
# tables.sh BUILD, make check-tables: each row of a registry (.def) has its file, and each file its row; each pass has
# its test; there is no switch over operators, targets, devices, passes or commands.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
out=$1
passed=0 failed=0

good() { passed=$((passed + 1)); }
bad() { echo "FAIL: $*"; failed=$((failed + 1)); }

# Files that several registered files share.
exceptions=" compiler/ops/families.c compiler/ops/rows_sizes.c compiler/passes/pipeline.c
compiler/targets/cc.c compiler/targets/registry.c compiler/targets/source.c compiler/targets/cache.c compiler/targets/image.c
compiler/targets/nvrtc.c "

# Prints the first argument of each X(...) line, or of other row macros in capitals.
registered() { sed -nE 's/^[[:space:]]*[A-Z_]+\([[:space:]]*"?([a-z][a-z0-9_]*)"?.*/\1/p' "$1"; }

# table DEF FILES...: compares the stems of FILES, without a prefix, with the names in DEF
table() {
	local def=$1 prefix=$2 file stem names
	shift 2
	if [ ! -f "$def" ]; then
		bad "$def is missing"
		return
	fi
	names=" $(registered "$def" | tr '\n' ' ')"
	for file in "$@"; do
		[ -f "$file" ] || continue
		case $exceptions in *"$file"*) continue ;; esac
		stem=$(basename "$file" .c)
		stem=${stem#"$prefix"}
		# cpu_image.c is a part of cpu: x_part.c needs no line if x has one. Passes and verbs have no parts.
		local part=$stem
		case $def in */passes.def | */commands.def) ;; *) part=${stem%%_*} ;; esac
		case $names in
		*" $stem "* | *" $part "*) good ;;
		*) bad "$file has no line in $def" ;;
		esac
	done
	local folder
	folder=$(dirname "$def")
	for stem in $names; do
		if [ -f "$folder/$prefix$stem.c" ] || compgen -G "$folder/*/$prefix$stem.c" >/dev/null; then good; else bad "$def names $stem, but $folder/$prefix$stem.c does not exist"; fi
	done
}

shopt -s nullglob
families=()
for file in compiler/ops/*.c compiler/ops/*/*.c; do
	case $file in *.cpu.c | *.row.c) ;; *) families+=("$file") ;; esac
done
table compiler/ops/families.def "" "${families[@]}"
table compiler/passes/passes.def "" compiler/passes/*.c
table compiler/targets/targets.def "" compiler/targets/*.c
table runtime/devices/devices.def "" runtime/devices/*.c
table tools/erc/commands.def cmd_ tools/erc/cmd_*.c

# A template belongs to a family.
for file in compiler/kernels/*/*.cpu.c compiler/kernels/*/*.row.c compiler/kernels/*/*.cu; do
	stem=$(basename "$file")
	stem=${stem%%.*}
	if [ -f "compiler/ops/$stem.c" ] || grep -qE "\"$stem(\.cpu\.c|\.row\.c|\.cu)?\"" compiler/ops/*.c compiler/kernels/*.c compiler/kernels/*/*.c; then good; else bad "$file belongs to no family"; fi
done

# Its parameters have names, in a list that the compiler also reads.
for file in compiler/kernels/*/*.cpu.c compiler/kernels/*/*.row.c compiler/kernels/*/*.cu; do
	list=${file%%.*}.params.def
	if [ -f "$list" ] && grep -qF "\"$list\"" compiler/kernels/params.h; then good; else bad "$file has no $list, or params.h does not read it"; fi
done
for list in compiler/kernels/*/*.params.def; do
	stem=${list%.params.def}
	templates=("$stem".cpu.c* "$stem".row.c* "$stem".cu*)
	if [ ${#templates[@]} != 0 ]; then good; else bad "$list belongs to no template"; fi
done
numbers=$(grep -nE '\bp(arams)?\[[0-9]' -r compiler/kernels compiler/targets compiler/core/kernel_*.h tests/gpu/probe
	grep -nE '\bparams\[[0-9]' -r compiler tests/bench tests/kernels tests/ops)
if [ -z "$numbers" ]; then good; else bad "parameters by number:"$'\n'"$numbers"; fi
# Params and defines are added only by functions that check for room.
added=$(grep -nE -e '->(define|param)_count(\+\+| \+?= )' -r compiler --include='*.c' --include='*.h' | grep -vE '^compiler/(core/plan|targets/sim)\.c:')
if [ -z "$added" ]; then good; else bad "params or defines that are not added by compiler/core/plan.c:"$'\n'"$added"; fi

# Each pass has its test.
for name in $(registered compiler/passes/passes.def 2>/dev/null); do
	if [ -f "tests/passes/$name.txt" ]; then good; else bad "pass $name has no tests/passes/$name.txt"; fi
done

# Passes read columns of operators and templates, and name no operator or template.
operators=$(sed -nE '/^const struct op ops_/,/^}/s/^[[:space:]]*[A-Z]*[{(]"([A-Z][A-Za-z0-9]+)",.*/\1/p' compiler/ops/*.c compiler/ops/*/*.c | sort -u)
for operator in $("$out"/erc ops --format csv | tail -n +2 | cut -d, -f1 | sort -u); do
	if grep -qxF "$operator" <<<"$operators"; then good; else bad "no row of compiler/ops is read as that of $operator"; fi
done
named=$(grep -nE "\"[^\"]*\b($(paste -sd'|' <<<"$operators"))\b[^\"]*\"|\b[a-z_]+_template\b" compiler/passes/*.[ch] compiler/passes/*.def |
	grep -v 'struct kernel_template')
if [ -n "$operators" ] && [ -z "$named" ]; then good; else bad "passes name operators or templates:"$'\n'"$named"; fi

# Each policy is described in the public header and has a colour in the plots.
for name in $(registered runtime/sched/policies.def); do
	if grep -q "\"$name\"" runtime/include/erc.h; then good; else bad "erc.h does not tell what policy $name does"; fi
	if grep -q "\"$name\": \"#" tests/bench/sim_report.py; then good; else bad "policy $name has no colour in tests/bench/sim_report.py"; fi
done
# No other file lists all verbs or policies.
for def in tools/erc/commands.def runtime/sched/policies.def; do
	names=$(registered "$def" | paste -sd'|')
	count=$(registered "$def" | wc -l)
	lists=$(grep -rnE "(\b($names)\b[^a-z]{1,4}){$((count - 1)),}" onnx compiler runtime schemas samples tools tests \
		--include='*.c' --include='*.h' --include='*.sh' --include='*.py')
	if [ -z "$lists" ]; then good; else bad "lists of what $def holds:"$'\n'"$lists"; fi
done

# Tables, not switches. X-macros that make a switch over statuses or element types are allowed.
switches=$(grep -nE 'switch \([^)]*(op_type|->op\b|family|target|device|command|verb|pass)\b' \
	-r onnx compiler runtime tools --include='*.c' --include='*.h')
if [ -z "$switches" ]; then good; else bad "switch over what a table should hold:"$'\n'"$switches"; fi

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
