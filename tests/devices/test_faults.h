/* What the fault tests share: a runtime with two models, tenants whose results are checked, and threads that produce
 * load. */
#ifndef TEST_FAULTS_H
#define TEST_FAULTS_H

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/core/handles.h"
#include "tests/devices/test_gpu.h"
#include "tests/devices/test_model.h"

#define OK(call) \
	do { \
		enum erc_status ok_status_ = (call); \
		ck_assert_msg(ok_status_ == ERC_OK, "%s: %s", erc_status_text(ok_status_), erc_error_detail()); \
	} while (0)
#define FAILS(call, wanted) ck_assert_int_eq((int)(call), (int)(wanted))

/* ---- two models ---- */

/* WORK: a chain of launches whose tiles read everything that the launch before wrote, and a launch that counts its
 * tiles. HOLD: one wide launch, whose first tile keeps its unit until the gate is open. */
enum { WORK, HOLD, MODELS };

#define WIDTH 64
#define WIDTH_BYTES (WIDTH * sizeof(uint32_t))
#define COUNTERS 200
#define HOLD_TILES 20000

static const uint32_t chain_widths[] = {64, 5, 1, 1, 1, 64, 16, 2, 64, 64};
#define CHAINS (sizeof chain_widths / sizeof chain_widths[0])
#define WORK_LAUNCHES (CHAINS + 1)
#define WORK_TILES (64 + 5 + 1 + 1 + 1 + 64 + 16 + 2 + 64 + 64 + COUNTERS)

static inline void build_work(struct test_model *model, const char *target, uint32_t tile_ns)
{
	test_model_begin(model, target);
	test_model_tensor(model, 0, ERC_U32, WIDTH);
	test_model_tensor(model, 1, ERC_U32, WIDTH);
	test_model_tensor(model, 1, ERC_U32, COUNTERS);
	model->entry.arena_bytes = 2 * WIDTH_BYTES;
	for (uint32_t i = 0; i < CHAINS; i++) {
		struct erca_variant variant = {.kernel = TEST_KERNEL_chain,
		                               .tile_count = chain_widths[i],
		                               .tile_ns = tile_ns,
		                               .count_slot = ERCA_NONE};
		test_model_operand(model, i ? ERCA_BUFFER_ARENA : ERCA_BUFFER_INPUT, ERCA_ACCESS_READ, 0,
		                   i ? (i - 1) % 2 * WIDTH_BYTES : 0, WIDTH_BYTES);
		test_model_operand(model, i + 1 < CHAINS ? ERCA_BUFFER_ARENA : ERCA_BUFFER_OUTPUT, ERCA_ACCESS_WRITE, 0,
		                   i + 1 < CHAINS ? i % 2 * WIDTH_BYTES : 0, WIDTH_BYTES);
		test_model_launch_variant(model, variant, i ? chain_widths[i - 1] : WIDTH);
	}
	test_model_operand(model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_READ | ERCA_ACCESS_WRITE, 1, 0, COUNTERS * 4);
	test_model_launch_variant(model,
	                          (struct erca_variant){.kernel = TEST_KERNEL_count,
	                                                .tile_count = COUNTERS,
	                                                .tile_ns = tile_ns,
	                                                .count_slot = ERCA_NONE},
	                          0);
}

/* Computes the same sequentially. */
static inline void expect_work(const uint32_t *input, uint32_t *output)
{
	uint32_t n = WIDTH;
	memcpy(output, input, WIDTH_BYTES);
	for (uint32_t i = 0; i < CHAINS; i++) {
		uint32_t sum = 0;
		for (uint32_t k = 0; k < n; k++)
			sum += output[k];
		n = chain_widths[i];
		for (uint32_t tile = 0; tile < n; tile++)
			output[tile] = 31 * sum + tile + 1;
	}
}

static inline void build_hold(struct test_model *model, const erc_runtime *runtime)
{
	struct erca_variant variant = {.kernel = TEST_KERNEL_stall,
	                               .tile_count = HOLD_TILES,
	                               .count_slot = ERCA_NONE,
	                               .local_bytes = one_block_bytes(runtime)};
	test_model_begin(model, runtime->device->target);
	test_model_tensor(model, 0, ERC_U64, 2);
	model->entry.local_bytes = variant.local_bytes;
	test_model_operand(model, ERCA_BUFFER_INPUT, ERCA_ACCESS_READ, 0, 0, 16);
	test_model_launch_variant(model, variant, 0);
}

/* ---- a runtime with both ---- */

struct bed {
	erc_runtime *runtime;
	erc_model *models[MODELS];
	uint8_t *files[MODELS];
	int computes;
	int has_memory; /* the device has its own memory */
};

static void *code;
static size_t code_bytes;

static inline void bed_open(struct bed *bed, const char *device, const char *policy, uint32_t units)
{
	struct erc_runtime_options options = {.size = sizeof options, .device = device, .units = units, .policy = policy};
	stub_set_units(units);
	OK(erc_runtime_create(&options, &bed->runtime));
	bed->has_memory = bed->runtime->device->ops->request_create != NULL;
	bed->computes = (bed->runtime->device->ops->flags & ERC__DEVICE_COMPUTES) != 0;
	for (int i = 0; i < MODELS; i++) {
		struct test_model model;
		size_t bytes;
		if (i == HOLD)
			build_hold(&model, bed->runtime);
		else
			build_work(&model, bed->runtime->device->target, bed->computes ? 0 : 5000);
		bed->files[i] = test_model_finish(&model, code, code_bytes, &bytes);
		OK(erc_model_load_memory(bed->runtime, bed->files[i], bytes, NULL, &bed->models[i]));
	}
}

static inline void bed_close(struct bed *bed)
{
	for (int i = 0; i < MODELS; i++) {
		OK(erc_model_unload(bed->models[i]));
		free(bed->files[i]);
	}
	OK(erc_runtime_destroy(bed->runtime));
}

/* ---- tenants of WORK ---- */

struct tenant {
	erc_session *session;
	erc_request *request;
	int computes;
	uint32_t submitted, completed, cancelled; /* as counted by the test */
	uint32_t input[WIDTH], output[WIDTH], counters[COUNTERS];
};

/* Options by number: every other tenant is RT, with different levels, weights and budgets. */
static inline struct erc_session_options mixed_options(uint32_t number)
{
	return (struct erc_session_options){
		.size = sizeof(struct erc_session_options),
		.class_ = number % 2 ? ERC_REAL_TIME : ERC_BEST_EFFORT,
		.level = number / 2 % 3,
		.weight = number % 5,
		.deadline_us = number % 2 ? 1000 : 0,
		.budget = number % 3 ? NULL : "half",
	};
}

static inline void tenant_open(struct tenant *t, const struct bed *bed, const struct erc_session_options *options)
{
	memset(t, 0, sizeof *t);
	t->computes = bed->computes;
	OK(erc_session_create(bed->models[WORK], options, &t->session));
	OK(erc_request_create(t->session, &t->request));
	OK(erc_request_bind_input(t->request, 0, t->input, sizeof t->input));
	OK(erc_request_bind_output(t->request, 0, t->output, sizeof t->output));
	OK(erc_request_bind_output(t->request, 1, t->counters, sizeof t->counters));
}

static inline void tenant_submit(struct tenant *t)
{
	for (uint32_t i = 0; i < WIDTH; i++)
		t->input[i] = t->submitted * 2654435761u + i;
	memset(t->output, 0, sizeof t->output);
	OK(erc_request_submit(t->request));
	t->submitted++;
}

/* Its run has ended with this status. */
static inline void tenant_ended(struct tenant *t, enum erc_status status)
{
	uint32_t expected[WIDTH];
	ck_assert_msg(!status || status == ERC_CANCELLED, "%s: %s", erc_status_text(status), erc_error_detail());
	t->completed += !status;
	t->cancelled += status == ERC_CANCELLED;
	if (status || !t->computes)
		return;
	expect_work(t->input, expected);
	ck_assert_mem_eq(t->output, expected, sizeof expected);
}

static inline void tenant_wait(struct tenant *t)
{
	tenant_ended(t, erc_request_wait(t->request, UINT64_MAX));
}

/* The runtime counted what the test counted, and each tile ran exactly once in each completed run. */
static inline void tenant_check(const struct tenant *t)
{
	struct erc_session_stats stats = {.size = sizeof stats};
	OK(erc_session_stats(t->session, &stats));
	ck_assert_uint_eq(stats.submitted, t->submitted);
	ck_assert_uint_eq(stats.completed, t->completed);
	ck_assert_uint_eq(stats.cancelled, t->cancelled);
	ck_assert_uint_eq(stats.submitted, stats.completed + stats.shed + stats.cancelled + stats.failed);
	ck_assert_uint_ge(stats.tiles, (uint64_t)t->completed * WORK_TILES);
	ck_assert_uint_le(stats.tiles, (uint64_t)(t->completed + t->cancelled) * WORK_TILES);
	ck_assert_uint_ge(stats.launches, (uint64_t)t->completed * WORK_LAUNCHES);
	ck_assert_uint_le(stats.launches, (uint64_t)(t->completed + t->cancelled) * WORK_LAUNCHES);
	for (uint32_t i = 0; t->computes && i < COUNTERS; i++) {
		ck_assert_uint_ge(t->counters[i], t->completed);
		ck_assert_uint_le(t->counters[i], t->completed + t->cancelled);
	}
}

static inline void tenant_close(struct tenant *t)
{
	tenant_check(t);
	OK(erc_request_destroy(t->request));
	OK(erc_session_destroy(t->session));
}

/* ---- a load: tenants in threads of their own ---- */

struct load {
	struct tenant tenant;
	pthread_t thread;
	uint32_t runs;
	_Atomic int is_over;
};

static inline void *load_main(void *argument)
{
	struct load *load = argument;
	for (uint32_t i = 0; i < load->runs; i++) {
		tenant_submit(&load->tenant);
		tenant_wait(&load->tenant);
	}
	atomic_store(&load->is_over, 1);
	return NULL;
}

static inline void load_start(struct load *loads, uint32_t count, const struct bed *bed, uint32_t runs)
{
	for (uint32_t i = 0; i < count; i++) {
		struct erc_session_options options = mixed_options(i);
		tenant_open(&loads[i].tenant, bed, &options);
		loads[i].runs = runs;
		atomic_init(&loads[i].is_over, 0);
	}
	for (uint32_t i = 0; i < count; i++)
		ck_assert_int_eq(pthread_create(&loads[i].thread, NULL, load_main, &loads[i]), 0);
}

static inline int load_is_over(struct load *loads, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!atomic_load(&loads[i].is_over))
			return 0;
	return 1;
}

static inline void load_join(struct load *loads, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		pthread_join(loads[i].thread, NULL);
	for (uint32_t i = 0; i < count; i++)
		tenant_close(&loads[i].tenant);
}

/* ---- a request of HOLD ---- */

struct hold {
	erc_session *session;
	erc_request *request;
	uint64_t addresses[2]; /* of the other two buffers */
	_Atomic uint32_t control[GATE_WORDS];
	uint32_t counters[HOLD_TILES];
} GPU_PAGES;

static inline void hold_open(struct hold *hold, const struct bed *bed, const struct erc_session_options *options)
{
	memset(hold, 0, sizeof *hold);
	gpu_show(bed->runtime, hold, sizeof *hold);
	OK(erc_session_create(bed->models[HOLD], options, &hold->session));
	OK(erc_request_create(hold->session, &hold->request));
	hold->addresses[0] = (uintptr_t)hold->control;
	hold->addresses[1] = (uintptr_t)hold->counters;
	OK(erc_request_bind_input(hold->request, 0, hold->addresses, sizeof hold->addresses));
}

static inline void hold_close(struct hold *hold)
{
	OK(erc_request_destroy(hold->request));
	OK(erc_session_destroy(hold->session));
}

static inline void await_min(_Atomic uint32_t *word, uint32_t value)
{
	for (int i = 0; atomic_load(word) < value; i++) {
		ck_assert_msg(i < 200000, "waited in vain for %u, it is %u", value, atomic_load(word));
		usleep(100);
	}
}

static inline uint32_t next_random(uint32_t *random, uint32_t below)
{
	*random = *random * 1664525u + 1013904223u;
	return (*random >> 8) % below;
}

#endif
