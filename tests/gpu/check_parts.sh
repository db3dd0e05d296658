# shellcheck shell=bash disable=SC2154
# The parts of check.sh, one function each. Steps that take long have limits of their own.
SHORT=${SHORT:-}

# ---- devices: tiles, rooms, faults, forms, against the driver itself ----

part_devices() {
	local test
	for test in ${SHORT:+cuda} ${SHORT:-devices rooms faults cuda board}; do
		[ "$test" = 1 ] || ERC_TEST_GPU=$tested step "$test" 200 "$dir/tests/devices/test_$test"
	done
}

# ---- errors ----

# fails CODE WORDS COMMAND...: the command leaves with that exit code, and says these words
fails() {
	local wanted=$1 words=$2 found code
	shift 2
	found=$("$@" 2>&1)
	code=$?
	if [ $code = "$wanted" ] && grep -qF -- "$words" <<<"$found"; then
		echo "ok: $*"
	else
		echo "FAIL: exit code $code, not $wanted with '$words': $*: $found"
	fi
}

# What a user of the command sees.
command_errors() {
	local good=$work/good.erca other=$work/other.erca cut=$work/cut.erca
	local input=(--input image=zeros)
	erc_compile samples/digits/digits.onnx "$good" "$compiled" --dim batch=1 || return 1
	erc_compile samples/digits/digits.onnx "$other" "$(other_target)" --dim batch=1 || return 1
	head -c $(($(stat -c %s "$good") / 2)) "$good" >"$cut"
	fails 0 logits "$dir/erc" run "$good" --device cuda "${input[@]}"
	fails 5 "runs targets up to $target" "$dir/erc" run "$other" --device cuda "${input[@]}"
	fails 4 "cut.erca" "$dir/erc" run "$cut" --device cuda "${input[@]}"
	fails 1 "install NVIDIA's driver" env ERC_LIBCUDA=/nowhere/libcuda.so.1 "$dir/erc" run "$good" --device cuda "${input[@]}"
	fails 1 "nvidia-smi" env CUDA_VISIBLE_DEVICES= ERC_STUB_DEVICES=0 "$dir/erc" run "$good" --device cuda "${input[@]}"
	fails 2 "cuda:9" "$dir/erc" run "$good" --device cuda:9 "${input[@]}"
}

# A target of another family than the GPU, so the artifact cannot run here.
other_target() {
	local number=75
	[ "${target#cuda:sm_7}" = "$target" ] || number=90
	echo "${compiled%_*}_$number"
}

# erc_compile MODEL ARTIFACT TARGET OPTIONS...: compiles, and converts the artifact for the stand-in if needed
erc_compile() {
	"$dir/erc" compile "$1" -o "$2" --target "$3" --quiet "${@:4}" || return 1
	case $3 in
	emulated:*) "$dir/stub_artifact" "$2" "$2" ;;
	esac
}

part_errors() {
	ERC_TEST_GPU=$tested step calls 120 "$dir/tests/devices/test_errors"
	command_errors >"$work/command" 2>&1 || echo "FAIL: the models of the test do not compile" >>"$work/command"
	step command 60 awk '{ print } /^ok: / { good++ } /^FAIL: / { bad++ }
		END { printf "%d passed, %d failed, 0 skipped\n", good, bad; exit bad > 0 }' "$work/command"
}

# ---- ops: ONNX's backend suite ----

part_ops() {
	local limit=420 case_limit=60
	[ "${GPU:-}" != stub ] || limit=1200 case_limit=600
	TARGET=$compiled DEVICE=cuda CONFORMANCE_JOBS=$JOBS CONFORMANCE_BATCH=16 CONFORMANCE_EVERY=${SHORT:+80} \
		CONFORMANCE_LIMIT_S=$case_limit step conformance $limit tests/conformance/run.sh "$dir" --check
}

# ---- models: whole networks against the cpu device ----

# Networks that emulated kernels can run in a minute or two, with the size of the input after a colon.
rehearsed="squeezenet:64 mobilenetv2:64 resnet50:64 densenet121:64 inceptionv3:96 efficientnet_b0:64 shufflenetv2:64 lstm"

# compare NAME SECONDS PATH...: compares a GPU's outputs with those of the cpu device in the same artifact, or, without
# a C compiler, with those in the bundle
compare() {
	local name=$1 limit=$2 reference=cpu path
	shift 2
	if ! has_compiler; then
		reference=$dir/references
		for path; do
			[ -d "$path" ] || [ -f "$reference/$(basename "$path" .onnx).ref.npy" ] || {
				skip "$name" "neither a C compiler nor a reference is here"
				return
			}
		done
	fi
	step "$name" "$limit" "$dir/models" --device cuda --target "$compiled" "$reference" "$work" "$@"
}

template_models() {
	rm -rf "$work/templates"
	mkdir -p "$work/templates"
	# shellcheck disable=SC2086
	"$dir/template_models" "$work/templates" $1 >/dev/null
}

part_models() {
	local network name size
	if [ "${GPU:-}" = stub ]; then
		networks=${MODELS:-${SHORT:+squeezenet:64} ${SHORT:-$rehearsed}}
	else
		networks=${MODELS:-$("$dir/make_model" 2>&1 | sed -n 's/^names: //p')}
	fi
	template_models "${SHORT:+conv attention reduce topk}"
	compare templates 240 "$work/templates"
	for network in $networks; do
		name=${network%%:*} size=${network#"$name"}
		[ "$network" != 1 ] || continue
		# shellcheck disable=SC2086
		if ! "$dir/make_model" "$name" "$work/$name.onnx" ${size:+--size ${size#:}} >"$work/make" 2>&1; then
			count "$name" 0 1 0 0 "$(head -n 1 "$work/make")"
			continue
		fi
		compare "$name" 120 "$work/$name.onnx"
		rm -f "$work/$name.onnx"
	done
	[ -n "$SHORT" ] || twins
}

# The reference models of other runtimes, if they exist.
twins() {
	local twins=${ERC_TESTDATA:-../shared}/models/twins folders
	folders=("$twins")
	[ ! -d build/twins ] || folders+=(build/twins)
	if [ ! -f "$twins/input.npy" ]; then
		skip twins "the reference models are not here (ERC_TESTDATA)"
	elif [ "${GPU:-}" = stub ]; then
		skip twins "whole reference models (a rehearsal; minutes each)"
	else
		step twins 240 "$dir/models" --device cuda --target "$compiled" "$twins" "$work" "${folders[@]}"
	fi
}

# ---- preempt: the same bits whenever a run is preempted ----

part_preempt() {
	local runs=1000 seconds=25 models="squeezenet mobilenetv2 resnet50"
	if [ "${GPU:-}" = stub ]; then
		export MODEL_SIZE=64
		runs=200 seconds=10
	fi
	[ -z "$SHORT" ] || runs=10 seconds=2 models=squeezenet
	# shellcheck disable=SC2086
	TARGET=$compiled DEVICE=cuda SECONDS_EACH=$seconds step preempt 240 tests/models/preempt.sh "$dir" $runs $models
}

# ---- sanitize: every template under the tools of compute-sanitizer ----

# The tools check device memory and shared memory, races of threads, barriers, and reads of uninitialised memory.
sanitized() {
	local tool=$1 reference=cpu log=$work/sanitizer code
	has_compiler || reference=$dir/references
	"$SANITIZER" --tool "$tool" --error-exitcode 99 --target-processes application-only \
		"$dir/models" --device cuda --target "$compiled" "$reference" "$work" "$work/templates" >"$log" 2>&1
	code=$?
	cat "$log"
	grep -qE '^=+ (ERROR SUMMARY: 0 errors|RACECHECK SUMMARY: 0 hazards)' "$log" || {
		echo "FAIL: $tool: $(grep -E '^=+ [A-Z]' "$log" | grep -vm 1 COMPUTE-SANITIZER || echo 'no summary')"
		return 1
	}
	return $code
}
export -f sanitized has_compiler

part_sanitize() {
	local tool
	if ! command -v "$SANITIZER" >/dev/null; then
		for tool in memcheck racecheck synccheck initcheck; do
			skip "$tool" "there is no $SANITIZER"
		done
		return
	fi
	local tools="memcheck racecheck synccheck initcheck" templates=${SHORT:+softmax}
	if [ "${GPU:-}" = stub ]; then # a rehearsal: nothing looks for errors
		tools=memcheck templates=softmax
		for tool in racecheck synccheck initcheck; do
			skip "$tool" "there is no compute-sanitizer for the stand-in"
		done
	fi
	export SANITIZER compiled dir work
	template_models "$templates"
	for tool in $tools; do
		step "$tool" 200 bash -c "sanitized $tool"
	done
}
