# ElasticRoom. `make help` lists the targets; BUILD=debug|release|asan|tsan picks the build
# (each has its own folder), V=1 shows the commands.
BUILD ?= release
RESULTS ?= tests/bench/results
O := build/$(BUILD)
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
PREFIX ?= /usr/local
CC ?= cc
OBJCOPY ?= objcopy
VERSION := 0.1.0

ifeq ($(filter $(BUILD),debug release asan tsan fuzz),)
$(error BUILD is '$(BUILD)'; it must be debug, release, asan or tsan)
endif

OPT_debug := -O0 -g3 -DERC_DEBUG=1
OPT_release := -O2 -g -DNDEBUG
OPT_asan := -O1 -g3 -DERC_DEBUG=1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT_tsan := -O1 -g3 -DERC_DEBUG=1 -fsanitize=thread
OPT_fuzz := -O1 -g3 -DERC_DEBUG=1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
INCLUDES := -D_GNU_SOURCE -I. -I$(O)/gen
CPPFLAGS += -DERC_VERSION_TEXT='"$(VERSION)"' $(INCLUDES)
# No contraction, so that the compiler's predictions and folded constants are the same on every host.
CFLAGS += -std=gnu11 -ffp-contract=off $(OPT_$(BUILD)) $(WARN) -fPIC -fvisibility=hidden -pthread -MMD -MP
LDFLAGS += $(filter -fsanitize=%,$(OPT_$(BUILD))) -pthread
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)')

COMPILER_LIBS := -lprotobuf-c -lcjson -lm -ldl
RUNTIME_LIBS := -ldl
CHECK_LIBS = $(shell pkg-config --libs check)

RUNTIME_SRC := $(wildcard runtime/*.c runtime/*/*.c) $(wildcard schemas/*.c)
TEMPLATES := $(wildcard $(foreach end,cpu.c row.c cu params.def,compiler/kernels/*/*.$(end)) compiler/kernels/kernel_params.h compiler/core/kernel_*.h compiler/targets/cpu_*.h compiler/targets/cuda_*.h) schemas/tile.h schemas/cuda.h
COMPILER_SRC := $(filter-out %.cpu.c %.row.c,$(wildcard onnx/*.c compiler/*.c compiler/*/*.c compiler/*/*/*.c)) $(wildcard schemas/*.c)
COMPILER_GEN := $(O)/gen/onnx.pb-c.c $(O)/gen/templates.c
ERC_SRC := $(wildcard tools/erc/*.c)
UNIT_SRC := $(wildcard tests/unit/*.c tests/reader/*.c tests/devices/test_*.c tests/passes/*.c tests/ops/*.c tests/erc/*.c tests/mutants/*.c)
STUB_SRC := $(filter-out tests/devices/stub_artifact.c,$(wildcard tests/devices/stub_*.c))
STUBS := $(O)/stub/libcuda.so.1 $(O)/stub/old/libcuda.so.1
# The command without its verbs, which tests of the command link.
COMMAND_SRC := $(filter-out tools/erc/main.c tools/erc/cmd_%.c tools/erc/inspect%.c,$(ERC_SRC))
EXPLORE_SRC := $(wildcard tests/explore/*.c)
CONFORMANCE_SRC := $(wildcard tests/conformance/*.c)
MAKE_MODEL_SRC := $(wildcard tools/dev/make_model*.c)
FUZZ_SRC := $(wildcard tests/fuzz/*.c)
FORMAT_SRC := $(shell git ls-files '*.c' '*.h' '*.cu' 2>/dev/null)
SCRIPTS := $(wildcard .ci/run tools/dev/*.sh tools/python/*.sh tests/*.sh tests/*/*.sh samples/*/*/*.sh)

obj = $(patsubst %.c,$(O)/obj/%.o,$(1))
RUNTIME_OBJ := $(call obj,$(RUNTIME_SRC))
COMPILER_OBJ := $(call obj,$(COMPILER_SRC)) $(patsubst $(O)/gen/%.c,$(O)/gen/%.o,$(COMPILER_GEN))
ERC_OBJ := $(call obj,$(ERC_SRC))
SHA256_OBJ := $(call obj,$(wildcard schemas/*.c)) # for tests that convert artifacts (stub_artifact.h)
UNIT_BIN := $(patsubst tests/%.c,$(O)/tests/%,$(UNIT_SRC))
# The programs that tests/gpu/bench.sh runs; the last two are for rehearsals.
BENCH_GPU := $(addprefix $(O)/,erc make_model bench_preempt bench_forms bench_loading probe_artifact gpu_device stub_artifact stub/libcuda.so.1)

.PHONY: all triton deps demo check run-demo run-check unit cli check-tables check-layers conformance twins fuzz bench bench-ort bench-tiles
.PHONY: bench-compile bench-gpu bench-sim bench-voice bench-stop bench-scale bench-tenants bench-python bench-serve gpu-bundle wheel
.PHONY: check-python check-serve run-check-serve
.PHONY: check-gpu run-check-gpu bench-local bench-preempt bench-tax explore same-bits fuzz-graphs fuzz-ranges compare-ort format lint cppcheck install dist clean help
.DELETE_ON_ERROR:
.SECONDARY:

all: $(O)/liberc.a $(O)/liberc.so $(O)/libercc.a $(O)/libercc.so $(O)/erc ## the libraries and the command

# Each static library is one object whose hidden symbols are local: programs that link it see only the names of its
# public header, and may define all other names themselves.
$(O)/liberc.a: $(RUNTIME_OBJ)
$(O)/libercc.a: $(COMPILER_OBJ)
$(O)/liberc.a $(O)/libercc.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(LD) -r -o $(@:.a=.o) $^ && $(OBJCOPY) --localize-hidden $(@:.a=.o) && ar rcs $@ $(@:.a=.o)

# All objects of both libraries, for unit tests and model makers.
$(O)/internal.a: $(sort $(COMPILER_OBJ) $(RUNTIME_OBJ))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(O)/liberc.so: $(RUNTIME_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,liberc.so.0 -Wl,-z,defs $(LDFLAGS) -o $@ $^ $(RUNTIME_LIBS)

# Takes in protobuf-c and cJSON where the system has them as static libraries.
STATIC_IF_ANY = $(foreach l,$(1),-l$(if $(filter /%,$(shell $(CC) -print-file-name=lib$(l).a)),:lib$(l).a,$(l)))
$(O)/libercc.so: $(COMPILER_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,libercc.so.0 -Wl,-z,defs -Wl,--exclude-libs,ALL -Wl,-rpath,'$$ORIGIN' $(LDFLAGS) -o $@ $^ $(call STATIC_IF_ANY,protobuf-c cjson) -lm -ldl

$(O)/erc: $(ERC_OBJ) $(O)/libercc.a $(O)/liberc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(COMPILER_LIBS) $(RUNTIME_LIBS)

$(O)/obj/%.o: %.c | $(O)/gen/onnx.pb-c.h
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(O)/gen/%.o: $(O)/gen/%.c
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -W%,$(CFLAGS)) -c -o $@ $<

$(O)/gen/onnx.pb-c.c: onnx/onnx.proto
	$(call say,PROTO,$<)
	$(Q)mkdir -p $(@D) && protoc-c --proto_path=onnx --c_out=$(@D) $<
$(O)/gen/onnx.pb-c.h: $(O)/gen/onnx.pb-c.c ;

$(O)/embed: tools/dev/embed.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -O1 $(WARN) -o $@ $<

$(O)/gen/templates.c: $(O)/embed $(TEMPLATES)
	$(call say,EMBED,$@)
	$(Q)mkdir -p $(@D) && $(O)/embed $(TEMPLATES) > $@

$(O)/command.a: $(call obj,$(COMMAND_SRC))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# Triton's server loads the backend and has the functions that are undefined in it. cJSON lies beside it: distributions have
# no static one, and the machine that serves need not have it.
$(O)/triton/erc/libtriton_erc.so: $(call obj,$(wildcard tools/triton/*.c)) $(O)/liberc.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) -shared $(LDFLAGS) -Wl,-rpath,'$$ORIGIN' -Wl,--exclude-libs,ALL -o $@ $^ -lcjson $(RUNTIME_LIBS)
	$(Q)cp -L "$$($(CC) -print-file-name=libcjson.so)" $(@D)/libcjson.so.1

# A backend that only copies.
$(O)/triton/identity/libtriton_identity.so: $(O)/obj/tests/serve/identity.o
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) -shared $(LDFLAGS) -o $@ $^

# Tests: every file below tests/unit (and its siblings) is a Check program of its own.
$(O)/tests/%: $(O)/obj/tests/%.o $(O)/command.a $(O)/internal.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(CHECK_LIBS) $(COMPILER_LIBS) $(RUNTIME_LIBS)

# Device tests build their kernels for a GPU if a target is given (make check-gpu).
$(addprefix $(O)/tests/devices/test_,branches devices rooms faults cuda errors stopped apart board process servers): $(O)/obj/tests/devices/gpu_code.o

# A stand-in for the CUDA driver's library.
$(O)/stub/libcuda.so.1: $(call obj,$(STUB_SRC))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) -shared -Wl,-soname,libcuda.so.1 -Wl,-z,defs $(LDFLAGS) -o $@ $^ -ldl

# The same without the functions that the runtime can do without.
$(O)/stub/old/libcuda.so.1: tests/devices/stub_old.map $(call obj,$(STUB_SRC))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) -shared -Wl,-soname,libcuda.so.1 -Wl,-z,defs -Wl,--version-script=$< $(LDFLAGS) -o $@ $(filter %.o,$^) -ldl

# Converts artifacts with emulated targets for the stand-in.
$(O)/stub_artifact: $(O)/obj/tests/devices/stub_artifact.o $(O)/internal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(COMPILER_LIBS) $(RUNTIME_LIBS)

# The explorer defines the functions that -fsanitize=thread calls in protocol.c. No sanitizer is linked, and the
# explorer has one thread. By default Clang does not instrument a read that is followed by a write of the same word.
EXPLORE_READS = $(if $(findstring clang,$(shell $(CC) --version)),-mllvm -tsan-instrument-read-before-write)
EXPLORE_CFLAGS := $(filter-out -fsanitize=thread,$(CFLAGS)) -O2
$(call obj,$(EXPLORE_SRC)): CFLAGS := $(EXPLORE_CFLAGS)
$(O)/obj/tests/explore/protocol.o $(O)/obj/tests/explore/posts.o: CFLAGS := $(filter-out -fsanitize=%,$(EXPLORE_CFLAGS)) -O1 -fsanitize=thread $(EXPLORE_READS)
$(O)/tests/explore/explore: $(call obj,$(EXPLORE_SRC))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(filter-out -fsanitize=thread,$(LDFLAGS)) -o $@ $^

$(O)/conformance: $(call obj,$(CONFORMANCE_SRC)) $(SHA256_OBJ) $(O)/command.a $(O)/libercc.a $(O)/liberc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(COMPILER_LIBS) $(RUNTIME_LIBS)

$(O)/models $(O)/preempt $(O)/voice: $(O)/%: $(O)/obj/tests/models/%.o $(SHA256_OBJ) $(O)/command.a $(O)/libercc.a $(O)/liberc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(COMPILER_LIBS) $(RUNTIME_LIBS)

# Model makers write ONNX with the same generated code that the reader uses.
$(O)/make_model: $(call obj,$(MAKE_MODEL_SRC)) $(O)/internal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(COMPILER_LIBS)

$(O)/template_models: $(O)/obj/tests/gpu/template_models.o $(O)/internal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(COMPILER_LIBS)

# Prints which GPU there is; uses none of our libraries.
$(O)/gpu_device: $(O)/obj/tests/gpu/gpu_device.o
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -ldl

$(O)/tests/tiny_models: $(O)/obj/tests/cli/tiny_models.o $(O)/internal.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $^ $(COMPILER_LIBS)

$(O)/tests/nested_artifact: $(O)/obj/tests/cli/nested_artifact.o $(SHA256_OBJ)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $^

$(O)/tests/validate: $(O)/obj/tests/cli/validate.o
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $^ -lcjson -lm

$(O)/probe_artifact: $(O)/obj/tests/bench/probe_artifact.o $(O)/internal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(COMPILER_LIBS) $(RUNTIME_LIBS)

# bench_scale replaces erc__job_finish (bench_scale.c).
$(O)/bench_scale: LDFLAGS += -Wl,--wrap=erc__job_finish
$(O)/bench_%: $(O)/obj/tests/bench/bench_%.o $(O)/command.a $(O)/internal.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(COMPILER_LIBS) $(RUNTIME_LIBS) -lm

$(O)/hello: samples/hello/hello.c
$(O)/two_tenants: samples/two_tenants/two_tenants.c
$(O)/four_tenants: samples/four_tenants/four_tenants.c
$(O)/bench_tenant: tests/bench/bench_tenant.c
$(O)/hello $(O)/two_tenants $(O)/four_tenants $(O)/bench_tenant: $(O)/liberc.a
	$(call say,CC,$@)
	$(Q)$(CC) -I. -Iruntime/include $(filter-out -MMD -MP,$(CFLAGS)) $(LDFLAGS) -o $@ $(filter %.c,$^) $(filter %.a,$^) $(RUNTIME_LIBS)

# Goals that first install what is missing start a second make: what they build depends on it.
AGAIN = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

triton: $(O)/triton/erc/libtriton_erc.so ## the backend for Triton's server: a folder for its --backend-directory

check-serve: deps ## the backend in Triton's server, with its clients (makes its own environment; 2 minutes)
	$(Q)$(AGAIN) run-check-serve
run-check-serve: all triton $(O)/make_model $(O)/triton/identity/libtriton_identity.so
	$(Q)tests/serve/run.sh $(O) $(TESTS)

bench-serve: all triton wheel $(O)/make_model $(O)/bench_paced $(O)/triton/identity/libtriton_identity.so ## RT and BE clients of Triton's server under each policy (makes its own environment; 9 minutes)
	$(Q)mkdir -p $(RESULTS) && environment=$$(tests/serve/environment.sh "onnxruntime kserve==0.21.0" bench) && \
		$$environment/bin/pip install --quiet --no-deps --force-reinstall $(O)/wheel/*.whl && \
		$$environment/bin/python tests/serve/bench.py $(O) --results $(RESULTS) $(SERVE)

deps: ## install what is missing (Debian, Ubuntu)
	$(Q)tools/dev/setup.sh

demo: deps ## compile and run the digits model, then resnet50
	$(Q)$(AGAIN) run-demo
run-demo: all $(O)/hello $(O)/make_model
	$(Q)tools/dev/demo.sh $(O)

# The programs that tests/gpu/check.sh runs, besides `all`.
GPU_PROGRAMS := $(patsubst %,$(O)/%,conformance models preempt make_model template_models gpu_device stub_artifact tests/validate) \
	$(patsubst %,$(O)/tests/devices/test_%,devices rooms faults cuda board errors)

check: deps ## all tests; needs no GPU
	$(Q)$(AGAIN) run-check
run-check: $(if $(filter release,$(BUILD)),$(BENCH_GPU) triton $(O)/triton/identity/libtriton_identity.so)
run-check: all $(UNIT_BIN) $(STUBS) $(GPU_PROGRAMS) $(O)/tests/explore/explore $(O)/voice $(O)/tests/tiny_models $(O)/tests/nested_artifact $(O)/hello $(O)/two_tenants $(O)/four_tenants
	$(Q)CC='$(CC)' INCLUDES='$(INCLUDES)' tests/check.sh $(O)

check-gpu: deps ## all tests on a GPU; PARTS="devices errors ops models preempt sanitize", GPU=stub rehearses without one
	$(Q)$(AGAIN) run-check-gpu
run-check-gpu: all $(STUBS) $(GPU_PROGRAMS)
	$(Q)GPU='$(GPU)' PARTS='$(PARTS)' tests/gpu/check.sh $(O)

unit: $(UNIT_BIN) $(STUBS) ## unit tests alone
	$(Q)for t in $(UNIT_BIN); do $$t || exit 1; done

check-kernels: $(O)/tests/kernels/kernels ## GPU kernels in many of the offered tile shapes (GPU_TILES=all: all), built for sm_80 and sm_90: none may spill (minutes; needs NVRTC)
	$(Q)$<

explore: $(O)/tests/explore/explore ## the room and claim protocol, every execution; larger than in `make check` (minutes)
	$(Q)$< --deep

cli: all $(O)/tests/tiny_models $(O)/tests/nested_artifact $(O)/tests/validate $(O)/hello $(O)/two_tenants $(O)/four_tenants ## records the golden tests of the command anew; TESTS="help usage"; read the diff
	$(Q)UPDATE=1 tests/cli.sh $(O) $(TESTS)

check-tables: all ## every file is in its .def table, and every row has its file
	$(Q)tests/tree/tables.sh $(O)

check-layers: all ## who may include and link what
	$(Q)CC='$(CC)' INCLUDES='$(INCLUDES)' tests/tree/layers.sh $(O)

conformance: all $(O)/conformance ## ONNX's backend suite; MATCH='test_relu*' runs a part, UPDATE=1 rewrites the list
	$(Q)tests/conformance/run.sh $(O)

wheel: all ## the Python package, for all Pythons from 3.9 on (makes its own environment)
	$(Q)tools/python/wheel.sh $(O)

check-python: all $(O)/make_model ## tests of the Python package, as in 'make check' (TESTS="test_runs"; makes its own environment)
	$(Q)tests/python/run.sh $(O) $(TESTS)

twins: ## make the reference models that 'make check' lacks (Python, 1.9 GB)
	$(Q)tools/dev/twins.sh

# The fuzzed readers: tests/fuzz/NAME.c is one libFuzzer program, tests/fuzz/corpus/NAME its seeds.
FUZZ_SECONDS ?= 60
fuzz: ## fuzz the readers for FUZZ_SECONDS each (needs clang)
ifeq ($(BUILD),fuzz)
fuzz: $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(FUZZ_SRC))
	$(Q)for f in $^; do n=$$(basename $$f); mkdir -p $(O)/corpus/$$n; \
		$$f -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=$(O)/ $(O)/corpus/$$n \
		$$(ls -d tests/fuzz/corpus/$$n 2>/dev/null) || exit 1; done
$(O)/fuzz/%: $(O)/obj/tests/fuzz/%.o $(O)/internal.a
	$(Q)mkdir -p $(@D) && $(CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(COMPILER_LIBS) $(RUNTIME_LIBS)
else
	$(Q)$(AGAIN) BUILD=fuzz CC=clang fuzz
endif

FUZZ_GRAPHS ?= 500
FUZZ_SEED ?= 1
fuzz-graphs: all $(O)/conformance ## FUZZ_GRAPHS random graphs from FUZZ_SEED against ONNX Runtime, or FUZZ_NUMBERS=4,9 (makes its own environment)
	$(Q)tests/fuzz/graphs.sh $(O) --count $(FUZZ_GRAPHS) --seed $(FUZZ_SEED) $(FUZZ_NUMBERS:%=--numbers %)

FUZZ_EVERY ?= 1
fuzz-ranges: all ## models of ONNX's suite with a range against artifacts for one size each; every FUZZ_EVERY-th (makes its own environment)
	$(Q)tests/fuzz/ranges.sh $(O) --every $(FUZZ_EVERY) --seed $(FUZZ_SEED)

same-bits: all $(O)/preempt $(O)/make_model ## 1,000 preempted runs of each model against an undisturbed one (minutes)
	$(Q)tests/models/preempt.sh $(O) 1000 squeezenet mobilenetv2 $(or $(wildcard build/twins/*.onnx),resnet50 vgg19)

bench: all $(O)/make_model ## latency of the models that the model maker writes
	$(Q)tools/dev/bench.sh $(O)

bench-tiles: all $(O)/make_model $(O)/bench_tiles ## predicted against measured tile times of resnet50
	$(Q)mkdir -p $(O)/bench && $(O)/make_model resnet50 $(O)/bench/resnet50.onnx
	$(Q)$(O)/erc compile $(O)/bench/resnet50.onnx -o $(O)/bench/resnet50.erca --target native --quiet
	$(Q)$(O)/bench_tiles $(O)/bench/resnet50.erca

# resnet50 for this machine, which several benchmarks run.
$(O)/bench/%.onnx: $(O)/make_model
	$(Q)mkdir -p $(@D) && $(O)/make_model $* $@
$(O)/bench/%.erca: $(O)/bench/%.onnx $(O)/erc
	$(Q)$(O)/erc compile $< -o $@ --target native --quiet

$(O)/bench/small.onnx: $(O)/make_model
	$(Q)mkdir -p $(@D) && $(O)/make_model mobilenetv2 $@ --size 96

bench-preempt: $(O)/bench/resnet50.erca $(O)/bench/small.erca $(O)/bench_preempt ## how soon real-time work gets busy units; EVENTS=10000
	$(Q)$(O)/bench_preempt $(O)/bench/resnet50.erca $(O)/bench/small.erca $(or $(EVENTS),10000) $(O)/bench/preempt.json

$(O)/bench/digits.erca: samples/digits/digits.onnx $(O)/erc
	$(Q)mkdir -p $(@D) && $(O)/erc compile $< -o $@ --dim batch=1 --target native --quiet

bench-voice: $(patsubst %,$(O)/bench/%.erca,digits resnet50 mobilenetv2) $(O)/bench_voice ## a small real-time model with a deadline of 2 ms beside two best-effort networks; SECONDS=10
	$(Q)$(O)/bench_voice $(patsubst %,$(O)/bench/%.erca,digits resnet50 mobilenetv2) --seconds $(or $(SECONDS),10)

bench-stop: $(patsubst %,$(O)/bench/%.erca,digits resnet50 mobilenetv2) $(O)/bench_stop ## how soon a program that was stopped for 100 ms admits requests again; STOPS=30
	$(Q)$(O)/bench_stop $(patsubst %,$(O)/bench/%.erca,digits resnet50 mobilenetv2) --stops $(or $(STOPS),30)

bench-tax: $(O)/bench/resnet50.erca $(O)/bench_tax ## cost of room check and claim, compared with a static split of the tiles
	$(Q)$(O)/bench_tax $(O)/bench/resnet50.erca $(or $(PAIRS),20) $(O)/bench/tax.json

# Budgets of all units with a whole, a half, a quarter and an eighth of a core's L2.
LOCAL_MODELS ?= resnet50 bert_base inceptionv3 mobilenetv2 swin_tiny
LOCAL_TARGET ?= native
bench-local: all $(O)/make_model $(O)/bench_local $(LOCAL_MODELS:%=$(O)/bench/%.onnx) ## gain of kernels for less local memory beside a tenant that overwrites the cache; LOCAL_TARGET=cpu:x86-64-v3
	$(Q)k=$$(($$(getconf LEVEL2_CACHE_SIZE) / 1024)); [ $$k -gt 0 ] || k=1024; for m in $(LOCAL_MODELS); do \
		$(O)/erc compile $(O)/bench/$$m.onnx -o $(O)/bench/$$m.local.erca --target $(LOCAL_TARGET) --quiet --budget \
		name=full,local=$${k}KiB,name=half,local=$$((k / 2))KiB,name=quarter,local=$$((k / 4))KiB,name=eighth,local=$$((k / 8))KiB || exit 1; done
	$(Q)$(O)/bench_local --rounds $(or $(ROUNDS),15) --json $(O)/bench/local.json $(LOCAL_MODELS:%=$(O)/bench/%.local.erca)

bench-sim: all $(O)/make_model ## policies on a virtual GPU over RT loads: tables, plots (DEVICES="sim:h100" WORKLOADS="E" LOADS="0.5,0.8"; minutes)
	$(Q)python3 tests/bench/sim.py $(O)

TENANT_MODELS := $(foreach m,mobilenetv2 resnet50,$(O)/bench/$(m).onnx $(O)/bench/$(m).erca)
bench-tenants: $(TENANT_MODELS) $(O)/bench_tenant ## two tenants, beside ONNX Runtime and OpenVINO in processes (makes its own environment; 6 minutes)
	$(Q)tests/bench/tenants.sh $(O)

bench-python: wheel ## what a call from Python costs over the C call (ROUNDS=200; makes its own environment)
	$(Q)build/python/bin/pip install --quiet --no-deps --force-reinstall $(O)/wheel/*.whl
	$(Q)build/python/bin/python tests/bench/python_calls.py $(or $(ROUNDS),200)

bench-compile: $(O)/bench_compile ## how the time and memory of a compilation grow with the nodes (KINDS="chain layers"; minutes)
	$(Q)$(O)/bench_compile $(KINDS)

bench-scale: $(O)/bench/digits.erca $(O)/bench_scale $(O)/bench_sched ## the queue with 1 to 10,000 requests (POLICIES="elastic" DEVICES="cpu:1 sim:2" CLASSES="be rt shed"; 5 minutes)
	$(Q)mkdir -p $(RESULTS) && $(O)/bench_sched $(O)/bench/sched.json && $(O)/bench_scale $(O)/bench/digits.erca $(O)/bench/scale.json
	$(Q)python3 tests/bench/scale_report.py $(O)/bench/scale.json $(O)/bench/sched.json $(RESULTS)/scale.md $(RESULTS)/scale.json

bench-gpu: $(BENCH_GPU) ## figures of a GPU (PARTS="models preempt ..."), PyTorch beside them; GPU=stub rehearses without one
	$(Q)tests/gpu/bench.sh $(O)

# The bundle for a machine that has a GPU and little else.
BUNDLE := $(sort $(BENCH_GPU) $(GPU_PROGRAMS) $(STUBS))
gpu-bundle: all ## build/gpu-bundle.tar.gz: checks and benchmarks for a machine with a GPU and none of our libraries
	$(Q)tools/dev/gpu_bundle.sh $(O) $(BUNDLE:$(O)/%=%)

bench-ort: all $(O)/make_model ## models against ONNX Runtime, alternating (MODELS="resnet50 bert_base ..."; makes its own environment)
	$(Q)tools/dev/bench_ort.sh $(O)

compare-ort: all $(O)/make_model ## outputs of the model maker's networks against ONNX Runtime's (MODELS picks some)
	$(Q)tools/dev/compare_ort.sh $(O)

format: ## clang-format over all C files
	$(Q)clang-format-14 -i $(FORMAT_SRC)

lint: ## clang-format and shellcheck, if installed
	$(Q)if command -v clang-format-14 >/dev/null; then clang-format-14 --dry-run -Werror $(FORMAT_SRC); else echo 'skipped: clang-format 14 is not installed'; fi
	$(Q)if command -v shellcheck >/dev/null; then shellcheck -S warning -e SC1090,SC1091 $(SCRIPTS); else echo 'skipped: shellcheck is not installed'; fi

cppcheck: ## run cppcheck, if it is installed (a minute)
	$(Q)if command -v cppcheck >/dev/null; then cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --suppress=uninitvar --suppress=invalidPointerCast \
		--enable=warning,portability -I. \
		runtime tools onnx compiler; else echo 'skipped: cppcheck is not installed'; fi

install: all ## into DESTDIR and PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib $(DESTDIR)$(PREFIX)/include/erc
	install $(O)/erc $(DESTDIR)$(PREFIX)/bin/erc
	install -m 644 $(O)/liberc.a $(O)/libercc.a $(DESTDIR)$(PREFIX)/lib
	install $(O)/liberc.so $(DESTDIR)$(PREFIX)/lib/liberc.so.$(VERSION)
	ln -sf liberc.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/liberc.so.0
	ln -sf liberc.so.0 $(DESTDIR)$(PREFIX)/lib/liberc.so
	install -m 644 schemas/dtype.h $(DESTDIR)$(PREFIX)/include/erc
	for h in runtime/include/erc.h compiler/include/ercc.h; do \
		sed 's|"schemas/dtype.h"|"dtype.h"|' $$h > $(DESTDIR)$(PREFIX)/include/erc/$$(basename $$h); done

dist: ## source archive of the last commit
	$(Q)mkdir -p build && git archive --prefix=elasticroom-$(VERSION)/ HEAD | xz > build/elasticroom-$(VERSION).tar.xz
	@echo build/elasticroom-$(VERSION).tar.xz

clean: ## remove everything that was built
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

-include $(shell find $(O) -type f -name '*.d' 2>/dev/null)
