/* What the tests of the board share: runs of tiles that wait at a gate, so that the test decides how far each run
 * has come, and reading the board. */
#ifndef TEST_BOARD_H
#define TEST_BOARD_H

#include "runtime/devices/cuda_device.h"
#include "tests/devices/test_faults.h"

/* The real-time run: wide, narrow, wide, narrow. By prediction, its launches take 200 us. Tickets count in this
 * order. */
#define WIDE 4
static const uint32_t tiles_of[] = {WIDE, 1, 1, 1, WIDE, 1};
static const uint32_t told_of[] = {WIDE, 1, 1, WIDE, WIDE, 1}; /* the launch before the wide one announces it */
#define STAGES 6
#define PARTNER_TILES 60000

struct gate {
	erc_model *model;
	uint8_t *file;
	erc_session *session;
	erc_request *request;
	uint64_t addresses[2];
	_Atomic uint32_t *control; /* its own, or that of another run */
	_Atomic uint32_t words[GATE_WORDS];
	uint32_t counters[PARTNER_TILES];
};

static struct gate urgent, partner, other;
static erc_runtime *runtime;

static inline struct cuda_device *device(void)
{
	return (struct cuda_device *)runtime->device;
}

static inline void open_runtime(uint32_t units)
{
	struct erc_runtime_options options = {.size = sizeof options, .device = "cuda", .policy = "elastic"};
	stub_set("ERC_STUB_UNITS", (int)units);
	stub_set("ERC_STUB_BLOCKS", 1);
	OK(erc_runtime_create(&options, &runtime));
}

static inline void gate_open(struct gate *gate, enum erc_class class_, const uint32_t *tiles, uint32_t count,
                             uint32_t tile_ns, _Atomic uint32_t *control)
{
	struct erc_session_options options = {.size = sizeof options, .class_ = class_};
	struct test_model model;
	size_t bytes;
	memset(gate, 0, sizeof *gate);
	gate->control = control ? control : gate->words;
	test_model_begin(&model, runtime->device->target);
	test_model_tensor(&model, 0, ERC_U64, 2);
	for (uint32_t i = 0; i < count; i++) {
		test_model_operand(&model, ERCA_BUFFER_INPUT, ERCA_ACCESS_READ, 0, 0, 16);
		test_model_launch_variant(&model,
		                          (struct erca_variant){.kernel = TEST_KERNEL_gate,
		                                                .tile_count = tiles[i],
		                                                .tile_ns = tile_ns,
		                                                .count_slot = ERCA_NONE},
		                          0);
	}
	gate->file = test_model_finish(&model, code, code_bytes, &bytes);
	OK(erc_model_load_memory(runtime, gate->file, bytes, NULL, &gate->model));
	OK(erc_session_create(gate->model, &options, &gate->session));
	OK(erc_request_create(gate->session, &gate->request));
	gate->addresses[0] = (uintptr_t)gate->control;
	gate->addresses[1] = (uintptr_t)gate->counters;
	OK(erc_request_bind_input(gate->request, 0, gate->addresses, sizeof gate->addresses));
}

static inline void gate_close(struct gate *gate)
{
	OK(erc_request_destroy(gate->request));
	OK(erc_session_destroy(gate->session));
	OK(erc_model_unload(gate->model));
	free(gate->file);
}

static inline void urgent_open(struct gate *gate)
{
	gate_open(gate, ERC_REAL_TIME, tiles_of, STAGES, 200000, NULL);
}

static inline void partner_open(struct gate *gate, uint32_t tile_ns, _Atomic uint32_t *control)
{
	static const uint32_t tiles = PARTNER_TILES;
	gate_open(gate, ERC_BEST_EFFORT, &tiles, 1, tile_ns, control);
}

static inline void let_all(struct gate *gate)
{
	atomic_store(&gate->control[GATE_OPEN], UINT32_MAX);
}

/* ---- words ---- */

/* What a slot of the board says, as defined in schemas/cuda.h. */
static inline uint32_t told(uint32_t slot)
{
	const struct erc_cuda_slot *at = &((const struct erc_cuda_board *)(uintptr_t)device()->board)->slots[slot];
	uint32_t first = __atomic_load_n(&at->first, __ATOMIC_ACQUIRE), now = __atomic_load_n(&at->told, __ATOMIC_ACQUIRE);
	return (first >> 16 == now >> 16 ? now : first) & 0xffff;
}

static inline uint32_t told_by_all(void)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i < ERC_CUDA_SLOTS; i++)
		sum += told(i);
	return sum;
}

static inline void await_told(uint32_t units)
{
	for (int i = 0; told_by_all() != units; i++) {
		ck_assert_msg(i < 100000, "the board says %u units, expected %u", told_by_all(), units);
		usleep(100);
	}
}

/* The run, which has had `before` runs before, reaches this launch. */
static inline void go_to(struct gate *gate, uint32_t before, uint32_t stage)
{
	uint32_t first = before * 12, entered;
	for (uint32_t i = 0; i < stage; i++)
		first += tiles_of[i];
	atomic_store(&gate->control[GATE_OPEN], first);
	entered = first + (tiles_of[stage] < runtime->device->units ? tiles_of[stage] : runtime->device->units);
	await_min(&gate->control[GATE_ENTERED], entered);
}

#endif
