/* The virtual device: N units, its own clock, and the real scheduler. Tiles take the time that the artifact predicts
 * and compute nothing. Time passes only in `advance`, from event to event.
 *
 * Units that began tiles of one launch at the same moment form a gang. They run further tiles in step, in waves of
 * one tile per unit. A gang that has a launch to itself takes many waves at once. It gives back the waves that it
 * has not begun when a room shrinks, or free units could join. When the device advances by tile, each unit is a gang of
 * its own. When it advances by launch, a job has at most MAX_GANGS: one too many joins the gang that is nearest in
 * time, and both end at the later time. */
#include <stdlib.h>
#include <string.h>

#include "runtime/devices/devices.h"

#define MAX_UNITS 4096
#define MAX_GANGS 8 /* maximum number for one job */

static const struct sim_profile {
	const char *name;
	uint32_t units;
	double bandwidth; /* memory bandwidth, bytes per nanosecond */
} profiles[] = {
	{"a100", 108, 2039},
	{"h100", 132, 3352},
	{"h200", 132, 4800},
	{"epyc-64", 64, 460},
};

/* A gang takes its tiles from the claim when it begins them. */
struct gang {
	struct gang *next; /* of the same job, whose first gang is job->native; or the next free gang */
	struct erc__job *job;
	struct erc__pass pass;
	uint32_t units;
	uint32_t waves;    /* waves that it has taken, at least 1 */
	uint32_t place;    /* index in the heap */
	uint64_t start_ns; /* start of the first of these waves */
	uint64_t tile_ns;
	uint64_t entered_ns; /* sum of the times at which its units entered */
	double traffic;      /* memory traffic of its tiles, bytes per nanosecond */
};

struct sim_device {
	struct erc__device base;
	struct erc_sim_options options;
	char target[32];         /* "sim:h100" */
	_Atomic uint64_t now_ns; /* written under the lock, read by any thread */
	uint64_t random;
	uint32_t free;                    /* units that serve nothing */
	uint32_t count;                   /* number of gangs */
	struct gang *heap[MAX_UNITS + 1]; /* from 1; the gang that ends first is on top */
	struct gang *cuts[MAX_UNITS];
	double traffic;   /* memory traffic of all gangs, bytes per nanosecond */
	double bandwidth; /* memory bandwidth, bytes per nanosecond */
	struct gang *free_gangs;
	struct gang gangs[MAX_UNITS];
};

/* ---- gangs by the end of their waves ---- */

static uint64_t end_ns(const struct gang *gang)
{
	return gang->start_ns + gang->waves * gang->tile_ns;
}

static void put(struct sim_device *device, uint32_t place, struct gang *gang)
{
	device->heap[place] = gang;
	gang->place = place;
}

/* Restores the heap after the gang's end has changed. */
static void move(struct sim_device *device, struct gang *gang)
{
	struct gang **heap = device->heap;
	uint32_t place = gang->place, child;
	for (; place > 1 && end_ns(heap[place / 2]) > end_ns(gang); place /= 2)
		put(device, place, heap[place / 2]);
	for (; (child = place * 2) <= device->count; place = child) {
		child += child < device->count && end_ns(heap[child + 1]) < end_ns(heap[child]);
		if (end_ns(heap[child]) >= end_ns(gang))
			break;
		put(device, place, heap[child]);
	}
	put(device, place, gang);
}

/* A gang without units, whose first wave begins now. There are as many gangs as units. */
static struct gang *add_gang(struct sim_device *device, struct erc__job *job)
{
	struct gang *gang = device->free_gangs;
	device->free_gangs = gang->next;
	*gang = (struct gang){.next = job->native, .job = job, .waves = 1, .start_ns = device->now_ns};
	job->native = gang;
	put(device, ++device->count, gang);
	return gang;
}

static void remove_gang(struct sim_device *device, struct gang *gang)
{
	struct gang *last = device->heap[device->count--], **at = (struct gang **)&gang->job->native;
	device->traffic -= gang->traffic;
	if (last != gang) {
		put(device, gang->place, last);
		move(device, last);
	}
	while (*at != gang)
		at = &(*at)->next;
	*at = gang->next;
	gang->next = device->free_gangs;
	device->free_gangs = gang;
}

/* ---- a gang's waves ---- */

static double next_random(struct sim_device *device)
{
	uint64_t x = device->random;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	device->random = x;
	return (double)(x >> 11) * 0x1p-53;
}

/* Adds the memory traffic of the tiles that the gang begins, at their predicted speed. */
static void count_traffic(struct sim_device *device, struct gang *gang)
{
	const struct erc__step *launch = gang->job->launch;
	double now = launch->tile_ns ? gang->units * (double)launch->tile_bytes / launch->tile_ns : 0;
	device->traffic += now - gang->traffic;
	gang->traffic = now;
}

/* If all tiles together move more than the memory can, the part of each tile's time that memory determines grows. */
static double contention(const struct sim_device *device, const struct erc__step *launch)
{
	double excess = device->traffic / device->bandwidth - 1;
	double share = (double)launch->tile_bytes * device->base.units / device->bandwidth / launch->tile_ns;
	return excess > 0 ? 1 + device->options.contention * excess * (share < 1 ? share : 1) : 1;
}

static uint32_t tile_ns(struct sim_device *device, struct gang *gang)
{
	const struct erc__step *launch = gang->job->launch;
	double ns = launch->tile_ns;
	if (device->options.contention > 0 && launch->tile_ns) {
		count_traffic(device, gang);
		ns *= contention(device, launch);
	}
	if (device->options.jitter > 0)
		ns *= 1 + device->options.jitter * next_random(device);
	if (gang->job->item.tenant->class_ == ERC_BEST_EFFORT && launch->tile_ns)
		erc__stretch_add(&device->base.sched.stretch, (float)(ns / launch->tile_ns));
	return ns < 1 ? 1 : (uint32_t)ns;
}

/* Gives back tiles that were taken but not begun. A virtual device's claims are used only under its lock. */
static void give_back(struct gang *gang, uint32_t tiles)
{
	atomic_fetch_add_explicit(&gang->job->claim.word, tiles, memory_order_relaxed);
}

/* The gang begins no wave after the one that runs when a signal sent now arrives. */
static void cut(struct sim_device *device, struct gang *gang)
{
	uint64_t passed_ns = device->now_ns + device->options.signal_ns - gang->start_ns;
	uint64_t waves = passed_ns / gang->tile_ns + (passed_ns % gang->tile_ns != 0);
	waves = waves ? waves : 1;
	if (waves >= gang->waves)
		return;
	give_back(gang, (gang->waves - (uint32_t)waves) * gang->units);
	gang->waves = (uint32_t)waves;
	move(device, gang);
}

/* Whether more urgent work may want the gang's units after its wave. */
static bool is_on_call(const struct sim_device *device, const struct erc__job *job)
{
	return erc__sched_is_on_call(&device->base.sched, &job->item);
}

/* A gang that has begun a wave, and has the launch to itself, takes all further full waves. */
static void extend(struct sim_device *device, struct gang *gang)
{
	uint32_t waves = erc__claim_left(&gang->job->claim) / gang->units;
	if (!waves || is_on_call(device, gang->job))
		return;
	gang->waves += erc__claim_take_some(&gang->job->claim, (uint64_t)waves * gang->units) / gang->units;
	move(device, gang);
}

/* How far the job has come: tiles that are not begun, and when units inside can begin another one. */
static struct erc__progress progress_of(const struct sim_device *device, const struct erc__job *job)
{
	struct erc__progress progress = {.step = job->step,
	                                 .left = erc__claim_left(&job->claim),
	                                 .tile_ns = job->launch->tile_ns};
	uint64_t first_ns = UINT64_MAX, last_ns = 0;
	for (const struct gang *gang = job->native; gang; gang = gang->next) {
		uint64_t rest_ns = end_ns(gang) - device->now_ns, begun_ns = rest_ns ? (rest_ns - 1) % gang->tile_ns + 1 : 0;
		uint64_t free_ns = device->now_ns + begun_ns;
		progress.left += (uint32_t)((rest_ns - begun_ns) / gang->tile_ns) * gang->units; /* taken but not begun */
		first_ns = free_ns < first_ns ? free_ns : first_ns;
		last_ns = end_ns(gang) > last_ns ? end_ns(gang) : last_ns;
	}
	if (!progress.left)
		progress.next_ns = last_ns;
	else if (last_ns && !erc__sched_has_place(&job->item))
		progress.next_ns = first_ns;
	return progress;
}

/* Reports to the scheduler; limits are set again if the run wants different ones. */
static void tell(struct sim_device *device, struct erc__job *job, bool is_new_launch)
{
	struct erc__item *item = &job->item;
	struct erc__progress progress = progress_of(device, job);
	if (is_new_launch || progress.left + item->units < atomic_load_explicit(&item->limit, memory_order_relaxed))
		erc__sched_launch(&device->base.sched, item, &progress, device->now_ns);
	else
		item->progress = progress;
}

/* Sets the limit of a run for this moment, if it depends on how far other runs have come. */
static void refresh(struct sim_device *device, struct erc__item *item)
{
	struct erc__sched *sched = &device->base.sched;
	for (struct erc__item *other = erc__sched_is_on_call(sched, item) ? sched->granted : NULL; other;
	     other = other->granted_next)
		other->progress = progress_of(device, erc__job_of(other));
	erc__sched_refresh(sched, item, device->now_ns);
}

static bool is_over_limit(const struct erc__item *item)
{
	return erc__room_units(item->share) > atomic_load_explicit(&item->limit, memory_order_relaxed) ||
	       erc__room_units(item->share) > erc__room_limit(item->share) ||
	       erc__room_units(&item->tenant->room) > erc__room_limit(&item->tenant->room);
}

/* Called after any change: gangs that must shrink, or whose launch free units could join, decide again at their next
 * wave. */
static void reconsider(struct sim_device *device)
{
	uint32_t count = 0;
	for (uint32_t i = 1; i <= device->count; i++) {
		struct gang *gang = device->heap[i];
		struct erc__item *item = &gang->job->item;
		if (gang->waves > 1 && item->is_queued &&
		    (is_on_call(device, gang->job) || is_over_limit(item) || (device->free && erc__sched_has_place(item))))
			device->cuts[count++] = gang; /* cutting moves the gang in the heap */
	}
	for (uint32_t i = 0; i < count; i++)
		cut(device, device->cuts[i]);
}

/* ---- units come and go ---- */

/* Removes one unit from the gang, and gives back its places if it still has them. */
static void leave_unit(struct sim_device *device, struct gang *gang, int in_room)
{
	uint64_t entered_ns = gang->entered_ns / gang->units;
	erc__device_leave(&device->base, gang->job, UINT32_MAX, device->now_ns - entered_ns, in_room, device->now_ns);
	gang->entered_ns -= entered_ns;
	gang->units--;
	device->free++;
}

static void dissolve(struct sim_device *device, struct gang *gang)
{
	while (gang->units)
		leave_unit(device, gang, 1);
	remove_gang(device, gang);
}

static bool is_same_pass(const struct erc__pass *a, const struct erc__pass *b)
{
	return a->tenant_epoch == b->tenant_epoch && a->share_epoch == b->share_epoch;
}

/* A gang that has begun a wave joins one that is in step with it. If the job has too many gangs and more waves to
 * come, it joins one that is nearly in step, and the present waves of both end at the later time. Returns the gang
 * that continues. */
static struct gang *join_nearest(struct sim_device *device, struct gang *gang)
{
	struct gang *nearest = NULL;
	uint64_t nearest_ns = UINT64_MAX;
	uint32_t count = 0;
	for (struct gang *other = gang->job->native; other; other = other->next) {
		uint64_t end = end_ns(other), apart_ns = end > end_ns(gang) ? end - end_ns(gang) : end_ns(gang) - end;
		count++;
		if (other != gang && other->waves == 1 && apart_ns < nearest_ns && is_same_pass(&other->pass, &gang->pass))
			nearest = other, nearest_ns = apart_ns;
	}
	if (!nearest ||
	    (nearest_ns && (count <= MAX_GANGS || is_on_call(device, gang->job) || !erc__claim_left(&gang->job->claim))))
		return gang;
	uint64_t later_ns = end_ns(nearest) > end_ns(gang) ? end_ns(nearest) : end_ns(gang);
	nearest->units += gang->units;
	nearest->entered_ns += gang->entered_ns;
	nearest->traffic += gang->traffic;
	gang->traffic = 0;
	nearest->start_ns = later_ns - nearest->tile_ns;
	remove_gang(device, gang);
	move(device, nearest);
	return nearest;
}

/* Its units have one tile each from now on. */
static void begin_wave(struct sim_device *device, struct gang *gang)
{
	gang->waves = 1;
	gang->start_ns = device->now_ns;
	gang->tile_ns = tile_ns(device, gang);
	move(device, gang);
	if (!device->options.by_tile)
		gang = join_nearest(device, gang);
	if (!device->options.by_tile && gang->job->native == gang && !gang->next)
		extend(device, gang);
}

/* Each of its units takes another tile; units that get none leave. */
static void go_on(struct sim_device *device, struct gang *gang)
{
	uint32_t tiles = erc__claim_take_some(&gang->job->claim, gang->units);
	while (gang->units > tiles)
		leave_unit(device, gang, 1);
	if (tiles)
		begin_wave(device, gang);
	else
		remove_gang(device, gang);
}

/* Free units take tiles of the job: one unit if the next one may belong elsewhere, else as many as are free and have
 * a place. */
static void place_on(struct sim_device *device, struct erc__job *job)
{
	struct gang *gang = add_gang(device, job);
	int only_one = device->options.by_tile || device->base.sched.policy->spreads;
	while (device->free && erc__device_enter(&device->base, job, UINT32_MAX, device->now_ns, &gang->pass)) {
		erc__claim_take_some(&job->claim, 1);
		device->free--;
		gang->units++;
		gang->entered_ns += device->now_ns;
		if (only_one || !erc__claim_left(&job->claim))
			break;
	}
	begin_wave(device, gang);
	tell(device, job, 0);
}

static int wants_unit(struct erc__item *item, void *user)
{
	struct sim_device *device = user;
	if (!erc__claim_left(&erc__job_of(item)->claim))
		return 0;
	refresh(device, item);
	return erc__sched_has_place(item);
}

/* Called after any change: free units go where the policy says. */
static void place_units(struct sim_device *device)
{
	struct erc__item *item;
	reconsider(device);
	while (device->free && (item = erc__sched_pick(&device->base.sched, ERC__CLASSES, wants_unit, device))) {
		place_on(device, erc__job_of(item));
		if (device->base.sched.policy->spreads) /* the next unit may belong to the same launch */
			reconsider(device);
	}
}

/* ---- events ---- */

/* Ends the job, whose last launch is complete or which was cancelled. */
static void finish(struct sim_device *device, struct erc__job *job)
{
	erc__device_finish(&device->base, job, device->now_ns);
}

/* Counts what the gang has computed. Returns 1 if the job is over. */
static int count_tiles_done(struct sim_device *device, struct gang *gang)
{
	struct erc__job *job = gang->job;
	struct erc__opened opened;
	uint64_t ns = gang->waves * gang->tile_ns * gang->units;
	device->base.tile_ns[job->item.tenant->class_] += ns;
	atomic_fetch_add_explicit(&job->tile_ns, ns, memory_order_relaxed);
	if (!erc__claim_done(&job->claim, gang->waves * gang->units))
		return 0;
	if (!erc__job_advance(job, &opened))
		return 1;
	tell(device, job, 1);
	if (erc__trace_is_on(&device->base.trace))
		erc__device_trace_opened(&device->base, job, &opened, device->now_ns);
	return 0;
}

/* A gang at the end of its waves counts its tiles, then shrinks, continues or dissolves. Returns 1 if a job has
 * ended. */
static int end_waves(struct sim_device *device, struct gang *gang)
{
	struct erc__sched *sched = &device->base.sched;
	struct erc__job *job = gang->job;
	uint32_t generation = erc__claim_generation(&job->claim);
	bool is_over = count_tiles_done(device, gang);
	bool is_new_launch = erc__claim_generation(&job->claim) != generation;
	if (!is_over)
		refresh(device, &job->item);
	while (gang->units && !is_over && !erc__sched_check(&job->item, gang->pass))
		leave_unit(device, gang, 0);
	/* Between launches, units look for more urgent work. */
	if (is_over || !gang->units || (is_new_launch && sched->count > 1))
		dissolve(device, gang);
	else
		go_on(device, gang);
	if (is_over)
		finish(device, job);
	else
		tell(device, job, 0);
	return is_over;
}

static int sim_advance(struct erc__device *base, uint64_t until_ns)
{
	struct sim_device *device = (struct sim_device *)base;
	bool has_ended = false;
	pthread_mutex_lock(&base->lock);
	while (!has_ended) {
		if (!device->count || end_ns(device->heap[1]) > until_ns) {
			if (until_ns != UINT64_MAX && until_ns > device->now_ns)
				device->now_ns = until_ns;
			break;
		}
		uint64_t losses = base->sched.losses;
		device->now_ns = end_ns(device->heap[1]);
		while (device->count && end_ns(device->heap[1]) == device->now_ns)
			has_ended |= end_waves(device, device->heap[1]);
		if (device->free || has_ended ||
		    base->sched.losses != losses) /* else no room has changed and no unit is free */
			place_units(device);
	}
	pthread_mutex_unlock(&base->lock);
	return has_ended;
}

/* ---- the vtable ---- */

static enum erc_status sim_submit(struct erc__device *base, struct erc__job *job, uint64_t arrival_ns)
{
	struct sim_device *device = (struct sim_device *)base;
	pthread_mutex_lock(&base->lock);
	enum erc_status status = erc__device_queue(base, job, arrival_ns, device->now_ns);
	if (!status) {
		if (erc__job_advance(job, NULL))
			tell(device, job, 1);
		else
			finish(device, job);
		place_units(device);
	}
	pthread_mutex_unlock(&base->lock);
	return status;
}

static void sim_cancel(struct erc__device *base, struct erc__job *job)
{
	struct sim_device *device = (struct sim_device *)base;
	pthread_mutex_lock(&base->lock);
	if (atomic_load(&job->state) == ERC__JOB_RUNNING) {
		for (struct gang *gang = job->native; gang; gang = gang->next)
			cut(device, gang);
		if (erc__job_cancel(job))
			finish(device, job);
		place_units(device);
	}
	pthread_mutex_unlock(&base->lock);
}

static void sim_retire(struct erc__device *device, struct erc__job *job)
{
	(void)device, (void)job; /* nothing uses a job that has ended */
}

static void sim_room_changed(struct erc__device *base)
{
	struct sim_device *device = (struct sim_device *)base;
	pthread_mutex_lock(&base->lock);
	place_units(device);
	pthread_mutex_unlock(&base->lock);
}

static uint64_t sim_now_ns(const struct erc__device *device)
{
	return atomic_load_explicit(&((const struct sim_device *)device)->now_ns, memory_order_relaxed);
}

/* Accepts "sim:h100" and "h100"; without a name, the first profile. */
static const struct sim_profile *find_profile(const char *device)
{
	const char *colon = device ? strchr(device, ':') : NULL;
	for (size_t i = 0; i < ERC__COUNT(profiles); i++)
		if (!colon || !strcmp(profiles[i].name, colon + 1))
			return &profiles[i];
	return NULL;
}

static enum erc_status sim_open(const struct erc_runtime_options *options, struct erc__device **out)
{
	const struct sim_profile *profile = find_profile(options->device);
	struct sim_device *device = erc__alloc(sizeof *device);
	enum erc_status status = device ? ERC_OK : erc__no_memory("sim device", sizeof *device);
	if (status)
		return status;
	uint32_t units = options->units || !profile ? options->units : profile->units;
	if (!profile)
		status = erc__fail(ERC_NOT_FOUND, "no device '%s'; there are sim:a100, sim:h100, sim:h200, sim:epyc-64",
		                   options->device);
	else if (units > MAX_UNITS)
		status = erc__fail(ERC_INVALID, "sim: %u units, expected 1 to %d", units, MAX_UNITS);
	if (!status)
		status = erc__options_copy("sim", &device->options, sizeof device->options, options->sim);
	const double factors[] = {device->options.contention, device->options.jitter};
	for (int i = 0; i < 2 && !status; i++)
		if (!(factors[i] >= 0 && factors[i] <= 1000))
			status =
				erc__fail(ERC_INVALID, "sim: %s is %g, expected 0 to 1000", i ? "jitter" : "contention", factors[i]);
	if (!status)
		status = erc__device_init(&device->base, &sim_device, options, units);
	if (status) {
		erc__free(device);
		return status;
	}
	device->base.target = strcat(strcpy(device->target, "sim:"), profile->name);
	device->bandwidth = profile->bandwidth;
	device->base.sched.supply.signal_ns = device->options.signal_ns;
	device->free = units;
	for (uint32_t i = 0; i < units; device->free_gangs = &device->gangs[i++])
		device->gangs[i].next = device->free_gangs;
	device->random = device->options.seed * 2 + 0x9e3779b97f4a7c15u;
	*out = &device->base;
	return ERC_OK;
}

static void sim_close(struct erc__device *device)
{
	erc__device_destroy(device);
	erc__free(device);
}

/* Its own target. If the artifact does not have it, any target: only the launches and their predictions matter. */
static int sim_can_run(const struct erc__device *device, const struct erca_target *target, const char *name)
{
	return target->kind != ERCA_TARGET_SIM || !strcmp(name, device->target);
}

static enum erc_status sim_image_load(struct erc__device *device, const void *code, size_t bytes,
                                      struct erc__image **out)
{
	(void)device, (void)code, (void)bytes;
	*out = NULL;
	return ERC_OK;
}

static void sim_image_unload(struct erc__device *device, struct erc__image *image)
{
	(void)device, (void)image;
}

static enum erc_status sim_kernel_find(const struct erc__image *image, const struct erca_kernel *kernel,
                                       struct erc__kernel *out)
{
	(void)image, (void)kernel;
	*out = (struct erc__kernel){0};
	return ERC_OK;
}

static enum erc_status sim_reserve_local(struct erc__device *device, size_t bytes)
{
	(void)device, (void)bytes;
	return ERC_OK;
}

const struct erc__device_ops sim_device = {
	.name = "sim",
	.flags = ERC__DEVICE_BY_LAUNCH | ERC__DEVICE_ASKS | ERC__DEVICE_NAMED | ERC__DEVICE_BRANCHES,
	.open = sim_open,
	.close = sim_close,
	.can_run = sim_can_run,
	.image_load = sim_image_load,
	.image_unload = sim_image_unload,
	.kernel_find = sim_kernel_find,
	.reserve_local = sim_reserve_local,
	.submit = sim_submit,
	.cancel = sim_cancel,
	.retire = sim_retire,
	.room_changed = sim_room_changed,
	.now_ns = sim_now_ns,
	.advance = sim_advance,
};
