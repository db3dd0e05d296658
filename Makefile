# ElasticRoom. `make help` lists the targets; BUILD=debug|release|asan|tsan picks the build
# (each has its own folder), V=1 shows the commands.
BUILD ?= release
O := build/$(BUILD)
CC ?= cc
VERSION := 0.1.0

ifeq ($(filter $(BUILD),debug release asan tsan),)
$(error BUILD is '$(BUILD)'; it must be debug, release, asan or tsan)
endif

OPT_debug := -O0 -g3 -DERC_DEBUG=1
OPT_release := -O2 -g -DNDEBUG
OPT_asan := -O1 -g3 -DERC_DEBUG=1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT_tsan := -O1 -g3 -DERC_DEBUG=1 -fsanitize=thread
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
CPPFLAGS += -D_GNU_SOURCE -DERC_VERSION_TEXT='"$(VERSION)"' -Ischemas -Iruntime/include -Iruntime -Icompiler/include -Icompiler/core -Icompiler -Ionnx -I$(O)/gen
CFLAGS += -std=gnu11 $(OPT_$(BUILD)) $(WARN) -fPIC -fvisibility=hidden -pthread -MMD -MP
LDFLAGS += $(filter -fsanitize=%,$(OPT_$(BUILD))) -pthread
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)')

COMPILER_LIBS := -lprotobuf-c -lcjson -lm -ldl
RUNTIME_LIBS := -ldl

RUNTIME_SRC := $(wildcard runtime/*.c runtime/devices/*.c) schemas/sha256.c
TEMPLATES := $(wildcard compiler/ops/*.cpu.c compiler/targets/*.h.in compiler/targets/cpu_*.h) schemas/tile.h
COMPILER_SRC := $(filter-out %.cpu.c,$(wildcard onnx/*.c compiler/*/*.c)) schemas/sha256.c
COMPILER_GEN := $(O)/gen/onnx.pb-c.c $(O)/gen/templates.c
ERC_SRC := $(wildcard tools/erc/*.c)
UNIT_SRC := $(wildcard tests/unit/*.c tests/devices/*.c tests/passes/*.c tests/ops/*.c)

obj = $(patsubst %.c,$(O)/obj/%.o,$(1))
RUNTIME_OBJ := $(call obj,$(RUNTIME_SRC))
COMPILER_OBJ := $(call obj,$(COMPILER_SRC)) $(patsubst $(O)/gen/%.c,$(O)/gen/%.o,$(COMPILER_GEN))
ERC_OBJ := $(call obj,$(ERC_SRC))
UNIT_BIN := $(patsubst tests/%.c,$(O)/tests/%,$(UNIT_SRC))

.PHONY: all deps demo check help clean
.DELETE_ON_ERROR:
.SECONDARY:

all: $(O)/liberc.a $(O)/liberc.so $(O)/libercc.a $(O)/erc ## the libraries and the command

$(O)/liberc.a: $(RUNTIME_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(O)/liberc.so: $(RUNTIME_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,liberc.so.0 -Wl,-z,defs $(LDFLAGS) -o $@ $^ $(RUNTIME_LIBS)

$(O)/libercc.a: $(COMPILER_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

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

# Tests: every file below tests/unit (and its siblings) is a Check program of its own.
$(O)/tests/%: $(O)/obj/tests/%.o $(O)/libercc.a $(O)/liberc.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs check) $(COMPILER_LIBS) $(RUNTIME_LIBS)

unit: $(UNIT_BIN) ## unit tests alone
	$(Q)for t in $(UNIT_BIN); do $$t || exit 1; done

clean: ## remove everything that was built
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

-include $(shell find $(O) -name '*.d' 2>/dev/null)
