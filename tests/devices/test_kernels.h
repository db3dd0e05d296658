/* The kernels of the device tests: C text that is compiled to a CPU code image when a test starts. It is compiled
 * with the test's own sanitizer, which then checks what the tiles read and write. */
#ifndef TEST_KERNELS_H
#define TEST_KERNELS_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* X(name): position = erca_kernel.entry. The comments give buffers and params. */
#define TEST_KERNELS(X) \
	X(count)    /* counters[tile]++; not atomic, so it is exact only if each tile runs once */ \
	X(chain)    /* from, to; params n: to[tile] = 31 * (sum of all n of from) + tile + 1 */ \
	X(gate)     /* addresses of control, counters: waits for leave, then counters[tile]++ */ \
	X(dims)     /* dims, counts: dims[tile] = counts[tile] */ \
	X(local)    /* out, params bytes: out[tile] = 1 if the unit's local memory is aligned and keeps what is written */ \
	X(denormal) /* in, out: out[tile] = in[tile] * 0.5f */ \
	X(stamp)    /* address of counter, out: out[tile] = ++counter, which shows the order */ \
	X(empty)    /* nothing */ \
	X(tally)    /* counters, 64 bytes apart: increments the unit's, known by the address of its local memory */ \
	X(stall)    /* addresses of control, counters; params which: counters[tile]++, that tile once the gate is open */ \
	X(fault)    /* a GPU writes to an address without memory */

enum test_kernel {
#define X(name) TEST_KERNEL_##name,
	TEST_KERNELS(X)
#undef X
		TEST_KERNEL_COUNT
};

/* The words of gate's control buffer. The test reads it while tiles run, so tiles get its address: a bound buffer
 * may be copied before and after a run. A tile takes a ticket when it enters and leaves when `open` is above it. */
enum { GATE_ENTERED, GATE_OPEN, GATE_WORDS };

/* The kernels are both C and C++. Before and after them is what the compiler of their images needs; gpu_code.c has
 * the other head. */
static const char test_kernels_head[] =
	"#include <stdint.h>\n"
	"struct erc_tile_args { void *const *buffers; const int64_t *dims; const void *params; };\n"
	"typedef void (*erc_tile_fn)(const struct erc_tile_args *args, uint32_t tile, void *local);\n"
	"struct erc_cpu_image { uint32_t abi, kernel_count; const erc_tile_fn *kernels; };\n"
	"int sched_yield(void);\n"
	"#define KERNEL(name) static void test_##name(const struct erc_tile_args *args, uint32_t tile, void *local)\n"
	"#define FAULT (void)0\n"
	"#define LOCAL_ALIGN 64\n";
static const char test_kernels_text[] =
	"#define BUFFER(type, i) ((type *)args->buffers[i])\n"
	"#define PARAM(i) (((const int64_t *)args->params)[i])\n"
	"#define UNUSED (void)args, (void)tile, (void)local\n"
	"KERNEL(count) { UNUSED; BUFFER(uint32_t, 0)[tile]++; }\n"
	"KERNEL(chain) { UNUSED; uint32_t sum = 0;\n"
	"	for (int64_t i = 0; i < PARAM(0); i++) sum += BUFFER(const uint32_t, 0)[i];\n"
	"	BUFFER(uint32_t, 1)[tile] = 31 * sum + tile + 1; }\n"
	"KERNEL(gate) { UNUSED; uint32_t *control = BUFFER(uint32_t *const, 0)[0], *counters = BUFFER(uint32_t *const, "
	"0)[1];\n"
	"	uint32_t ticket = __atomic_fetch_add(&control[0], 1, __ATOMIC_ACQ_REL);\n"
	"	while (__atomic_load_n(&control[1], __ATOMIC_ACQUIRE) <= ticket) sched_yield();\n"
	"	counters[tile]++; }\n"
	"KERNEL(dims) { UNUSED; BUFFER(int64_t, 0)[tile] = BUFFER(const int64_t, 1)[tile]; }\n"
	"KERNEL(local) { UNUSED; uint8_t *p = (uint8_t *)local; int ok = (uintptr_t)p % LOCAL_ALIGN == 0;\n"
	"	for (int64_t i = 0; i < PARAM(0); i++) p[i] = (uint8_t)(i * 7 + tile);\n"
	"	for (int64_t i = 0; i < PARAM(0); i++) ok &= p[i] == (uint8_t)(i * 7 + tile);\n"
	"	BUFFER(uint32_t, 0)[tile] = ok; }\n"
	"KERNEL(denormal) { UNUSED; BUFFER(volatile float, 1)[tile] = BUFFER(const volatile float, 0)[tile] * 0.5f; }\n"
	"KERNEL(stamp) { UNUSED; BUFFER(uint32_t, 1)[tile] = __atomic_add_fetch(BUFFER(uint32_t *const, 0)[0], 1, "
	"__ATOMIC_ACQ_REL); }\n"
	"KERNEL(empty) { UNUSED; }\n"
	"KERNEL(tally) { UNUSED; BUFFER(uint64_t, 0)[((uintptr_t)local >> 6 & 1023) * 8]++; }\n"
	"KERNEL(stall) { UNUSED; uint32_t *control = BUFFER(uint32_t *const, 0)[0], *counters = BUFFER(uint32_t *const, "
	"0)[1];\n"
	"	__atomic_fetch_add(&control[0], 1, __ATOMIC_ACQ_REL);\n"
	"	while (tile == PARAM(0) && !__atomic_load_n(&control[1], __ATOMIC_ACQUIRE)) sched_yield();\n"
	"	counters[tile]++; }\n"
	"KERNEL(fault) { UNUSED; FAULT; }\n";
static const char test_kernels_tail[] =
#define X(name) "test_" #name ", "
	"static const erc_tile_fn kernels[] = { " TEST_KERNELS(
		X) "};\n"
#undef X
		   "static const struct erc_cpu_image image = { TEST_ABI, sizeof kernels / sizeof kernels[0], kernels };\n"
		   "__attribute__((visibility(\"default\"))) const struct erc_cpu_image *TEST_QUERY(void);\n"
		   "const struct erc_cpu_image *TEST_QUERY(void) { return &image; }\n";

#if defined(__SANITIZE_THREAD__)
#define TEST_KERNEL_FLAGS "-fsanitize=thread"
#elif defined(__SANITIZE_ADDRESS__)
#define TEST_KERNEL_FLAGS "-fsanitize=address"
#else
#define TEST_KERNEL_FLAGS ""
#endif

/* Compiles the source. defines: normally "-DTEST_ABI=1u -DTEST_QUERY=erc_cpu_image_query_v1". NULL if there is no
 * compiler. */
static inline void *test_kernels_compile(const char *defines, size_t *bytes)
{
	char path[] = "/tmp/erc-test-XXXXXX", command[512];
	void *code = NULL;
	struct stat info;
	int file = mkstemp(path);
	if (file < 0)
		return NULL;
	snprintf(command, sizeof command, "${CC:-cc} -std=gnu11 -O1 -fPIC -shared -fvisibility=hidden %s %s -x c -o %s -",
	         TEST_KERNEL_FLAGS, defines, path);
	FILE *pipe = popen(command, "w");
	int is_written = pipe && fputs(test_kernels_head, pipe) >= 0 && fputs(test_kernels_text, pipe) >= 0 &&
	                 fputs(test_kernels_tail, pipe) >= 0;
	int is_built = pipe && !pclose(pipe) && is_written;
	/* The compiler may have replaced our file by a new one. */
	close(file);
	file = open(path, O_RDONLY);
	if (is_built && file >= 0 && !fstat(file, &info) && (code = malloc((size_t)info.st_size))) {
		*bytes = (size_t)info.st_size;
		if (read(file, code, *bytes) != (ssize_t)*bytes) {
			free(code);
			code = NULL;
		}
	}
	if (file >= 0)
		close(file);
	unlink(path);
	return code;
}

#define TEST_KERNEL_DEFINES "-DTEST_ABI=1u -DTEST_QUERY=erc_cpu_image_query_v1"

#endif
