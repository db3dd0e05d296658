/* One run: from launch to launch, to its end. */
#include "runtime/core/job.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "schemas/artifact.h"
#include "runtime/base/futex.h"

__thread struct erc__current erc__current;

void erc__job_init(struct erc__job *job)
{
	erc__claim_init(&job->claim);
	atomic_init(&job->cancelled, 0);
	atomic_init(&job->state, ERC__JOB_IDLE);
}

void erc__job_start(struct erc__job *job)
{
	job->step = UINT32_MAX; /* + 1 is the first step */
	job->result = ERC_OK;
	job->detail[0] = '\0';
	job->tiles_run = job->launches_run = job->looped_ns = 0;
	atomic_store_explicit(&job->tile_ns, 0, memory_order_relaxed);
	job->max_units = job->preemptions = 0;
	job->granted_ns = job->finished_ns = 0;
	atomic_store_explicit(&job->cancelled, 0, memory_order_relaxed);
	atomic_store_explicit(&job->state, ERC__JOB_RUNNING, memory_order_release);
}

enum erc_status erc__job_count_tiles(struct erc__job *job, const struct erc__step *step, uint32_t *tiles)
{
	uint64_t product = step->count_scale;
	*tiles = step->tile_count;
	if (step->count_slot == ERCA_NONE)
		return ERC_OK;
	for (uint32_t i = 0; i < step->count_dims; i++) {
		int64_t dim = job->dims[step->count_slot + i];
		if (dim < 0 || __builtin_mul_overflow(product, (uint64_t)dim, &product)) {
			snprintf(job->detail, sizeof job->detail, "record %u: run-time dimension %u is %" PRId64, step->record,
			         step->count_slot + i, dim);
			return ERC_DEVICE;
		}
	}
	uint64_t count = product / step->count_step + (product % step->count_step != 0);
	if (count > step->tile_count) {
		snprintf(job->detail, sizeof job->detail,
		         "record %u: run-time dimensions ask for %" PRIu64 " tiles, the plan allows %u", step->record, count,
		         step->tile_count);
		return ERC_DEVICE;
	}
	*tiles = (uint32_t)count;
	return ERC_OK;
}

/* The largest budget that fits the room, or else the smallest one. */
static uint32_t largest_budget(const struct erc__budgets *budgets, uint32_t room)
{
	uint32_t best = UINT32_MAX, min = 0;
	for (uint32_t i = 0; i < budgets->count; i++) {
		if (budgets->units[i] <= room && (best == UINT32_MAX || budgets->units[i] > budgets->units[best]))
			best = i;
		if (budgets->units[i] < budgets->units[min])
			min = i;
	}
	return best == UINT32_MAX ? min : best;
}

uint32_t erc__job_budget(const struct erc__job *job, uint32_t room)
{
	uint32_t chosen = atomic_load_explicit(&job->budgets->chosen, memory_order_relaxed);
	return chosen == ERC__BUDGET_BY_ROOM ? largest_budget(job->budgets, room) : chosen;
}

/* The variant that the next launch takes in the present room. */
static uint32_t choose_budget(const struct erc__job *job)
{
	uint32_t chosen = atomic_load_explicit(&job->budgets->chosen, memory_order_relaxed);
	if (chosen != ERC__BUDGET_BY_ROOM)
		return chosen;
	return largest_budget(job->budgets, erc__sched_reach(&job->item));
}

static int64_t number_of(const struct erc__step *step, uint32_t operand)
{
	return *(const int64_t *)step->args.buffers[operand];
}

/* Predictions count the time of iterations that are done; those of a loop that has ended are part of its own. */
static void add_looped(struct erc__job *job, int64_t iterations)
{
	const struct erc__forecast *forecast = erc__item_forecast(&job->item);
	uint64_t iteration_ns = forecast ? forecast->launches[job->step].iteration_ns : 0;
	job->looped_ns += (uint64_t)iterations * iteration_ns;
	atomic_store_explicit(&job->item.looped_ns, job->looped_ns, memory_order_relaxed);
}

/* Goes on from a step of a loop: to an iteration, or behind the loop. */
static void follow_loop(struct erc__job *job, const struct erc__step *step, struct erc__opened *opened)
{
	bool is_begin = step->kind == ERC__STEP_LOOP;
	int64_t *done = step->args.buffers[2];
	*done = is_begin ? 0 : *done + 1;
	bool has_more = step->is_assumed ? *done < step->most : number_of(step, 0) && *done < number_of(step, 1);
	if (has_more && *done >= step->most) {
		snprintf(job->detail, sizeof job->detail,
		         "record %u: a loop would do more than %u iterations, the maximum that it was compiled for "
		         "(--max-iterations)",
		         step->record, step->most);
		job->result = ERC_LIMIT;
		return;
	}
	if (has_more)
		opened->iteration = (uint32_t)*done;
	if (!is_begin)
		add_looped(job, has_more ? 1 : 1 - *done);
	if (has_more != is_begin)
		job->step = step->goes_to - 1; /* + 1 is the next step */
}

static void follow(struct erc__job *job, const struct erc__step *step, struct erc__opened *opened)
{
	if (step->kind == ERC__STEP_LOOP || step->kind == ERC__STEP_AGAIN)
		follow_loop(job, step, opened);
	else if (step->kind == ERC__STEP_ELSE ||
	         (step->kind == ERC__STEP_BRANCH && !(step->is_assumed ? step->most : number_of(step, 0))))
		job->step = step->goes_to - 1;
}

/* A device is locked while the next launch is looked for. */
#define MOST_EMPTY_STEPS 1000000

static uint32_t open_next(struct erc__job *job, struct erc__opened *opened)
{
	opened->iteration = ERCA_NONE;
	for (uint32_t passed = 0;; passed++) {
		uint32_t tiles;
		if (passed == MOST_EMPTY_STEPS) {
			snprintf(job->detail, sizeof job->detail, "record %u: a loop does %u iterations that compute nothing",
			         job->steps[job->step].record, MOST_EMPTY_STEPS);
			job->result = ERC_LIMIT;
			return 0;
		}
		if (atomic_load_explicit(&job->cancelled, memory_order_relaxed)) {
			job->result = ERC_CANCELLED;
			return 0;
		}
		if (++job->step == job->step_count)
			return 0;
		const struct erc__step *step = &job->steps[job->step];
		if (step->kind != ERC__STEP_LAUNCH) {
			follow(job, step, opened);
			if (job->result)
				return 0;
			continue;
		}
		job->launch = step + (size_t)choose_budget(job) * job->step_count;
		job->result = erc__job_count_tiles(job, job->launch, &tiles);
		if (job->result)
			return 0;
		if (!tiles)
			continue;
		job->tiles_run += tiles;
		job->launches_run++;
		opened->record = job->launch->record;
		atomic_store_explicit(&job->item.step, job->step, memory_order_relaxed);
		erc__claim_open(&job->claim, tiles);
		return tiles;
	}
}

/* Takes all tiles that are left. Returns 1 if no taken tile is being computed either. The launch stays open until
 * the dropped tiles are counted as done, so its counts do not change. */
static int drop_rest(struct erc__job *job)
{
	uint32_t dropped = erc__claim_take_rest(&job->claim);
	if (!dropped)
		return 0;
	job->tiles_run -= dropped;
	return erc__claim_done(&job->claim, dropped);
}

uint32_t erc__job_advance(struct erc__job *job, struct erc__opened *opened)
{
	struct erc__opened unused;
	uint32_t tiles;
	/* The launch is opened before `cancelled` is read; the canceller sets the flag before it reads the claim. So one
	 * of the two sees the other. */
	do
		tiles = open_next(job, opened ? opened : &unused);
	while (tiles && atomic_load_explicit(&job->cancelled, memory_order_seq_cst) && drop_rest(job));
	return tiles;
}

int erc__job_cancel(struct erc__job *job)
{
	atomic_store_explicit(&job->cancelled, 1, memory_order_seq_cst);
	return drop_rest(job) && !erc__job_advance(job, NULL);
}

void erc__job_finish(struct erc__job *job)
{
	atomic_store_explicit(&job->state, ERC__JOB_DONE, memory_order_release);
	erc__futex_wake(&job->state, INT_MAX);
}

int erc__job_wait(struct erc__job *job, uint64_t timeout_us)
{
	uint64_t timeout_ns, end_ns = UINT64_MAX;
	if (timeout_us != UINT64_MAX && !__builtin_mul_overflow(timeout_us, UINT64_C(1000), &timeout_ns) &&
	    __builtin_add_overflow(erc__now_ns(), timeout_ns, &end_ns))
		end_ns = UINT64_MAX;
	while (atomic_load_explicit(&job->state, memory_order_acquire) == ERC__JOB_RUNNING) {
		uint64_t now_ns = end_ns == UINT64_MAX ? 0 : erc__now_ns();
		if (now_ns >= end_ns)
			return 0;
		erc__futex_wait(&job->state, ERC__JOB_RUNNING, end_ns == UINT64_MAX ? UINT64_MAX : end_ns - now_ns);
	}
	return 1;
}

void erc__copy_tile(const struct erc_tile_args *args, uint32_t tile, void *local)
{
	uint64_t bytes = *(const uint64_t *)args->params;
	uint64_t at = (uint64_t)tile * ERC__COPY_TILE_BYTES;
	uint64_t count = bytes - at < ERC__COPY_TILE_BYTES ? bytes - at : ERC__COPY_TILE_BYTES;
	(void)local;
	memmove((char *)args->buffers[1] + at, (const char *)args->buffers[0] + at, count);
}
