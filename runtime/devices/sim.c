/* The virtual device: N units, a clock of its own, the real scheduler. Tiles take the time that the artifact
 * predicts and compute nothing. Time passes in `advance` alone, from event to event.
 *
 * Units that serve one launch together form a gang and go through its tiles in waves: `units` tiles at a time. What the
 * gang has to decide, whether to shrink, grow or turn to something else, it decides between waves. Advancing by launch
 * looks only at waves where there is something to decide; by tile, each unit is a gang of its own, and
 * every tile is an event. */
#include <stdlib.h>
#include <string.h>

#include "device.h"

#define MAX_UNITS 4096
#define COPY_TILE_NS 2000

static const struct sim_profile {
	const char *name;
	uint32_t units;
} profiles[] = {
	{ "a100", 108 },
	{ "h100", 132 },
	{ "h200", 132 },
};

struct gang {
	struct erc__job *job;
	struct erc__pass pass;
	uint32_t units;
	uint32_t waves;       /* in hand; 0: it is between waves. By tile: one, whose tile is taken */
	uint64_t start_ns;    /* of the first of them */
	uint64_t end_ns;      /* of the last */
	uint64_t tile_ns;
	uint64_t entered_ns;  /* sum over its units of when they came */
};

struct sim_device {
	struct erc__device base;
	struct erc_sim_options options;
	char target[32];      /* "sim:h100" */
	_Atomic uint64_t now_ns; /* moved under the lock, read by anybody */
	uint64_t random;
	uint32_t free;        /* units that serve nothing */
	uint32_t count;       /* of gangs */
	struct gang gangs[MAX_UNITS];
};

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

static uint32_t tile_ns(struct sim_device *device, const struct gang *gang)
{
	const struct erc__step *launch = gang->job->launch;
	uint32_t others = device->base.units - device->free - gang->units;
	double ns = launch->copy_bytes ? COPY_TILE_NS : launch->tile_ns;
	ns *= 1 + device->options.stretch * (double)others / device->base.units;
	if (device->options.jitter > 0)
		ns *= 1 + device->options.jitter * next_random(device);
	return ns < 1 ? 1 : (uint32_t)ns;
}

/* Plans the tiles that are left as waves from now on. By tile: takes one. */
static void begin_waves(struct sim_device *device, struct gang *gang)
{
	uint32_t left = erc__claim_left(&gang->job->claim);
	gang->tile_ns = tile_ns(device, gang);
	gang->start_ns = device->now_ns;
	/* full waves first: of what is left then, some units may be of use elsewhere */
	gang->waves = left < gang->units ? 1 : device->base.sched.count > 1 ? left / gang->units : (left + gang->units - 1) / gang->units;
	if (device->options.by_tile)
		gang->waves = erc__claim_take_some(&gang->job->claim, 1);
	gang->end_ns = gang->start_ns + gang->waves * gang->tile_ns;
}

/* Ends the gang's plan at the end of the wave that runs when a signal of now arrives. */
static void cut(struct sim_device *device, struct gang *gang)
{
	if (!gang->waves)
		return;
	uint64_t passed_ns = device->now_ns + device->options.signal_ns - gang->start_ns;
	uint64_t waves = passed_ns / gang->tile_ns + (passed_ns % gang->tile_ns != 0);
	waves = waves ? waves : 1;
	if (waves < gang->waves) {
		gang->waves = (uint32_t)waves;
		gang->end_ns = gang->start_ns + waves * gang->tile_ns;
	}
}

static uint32_t room_of(const struct sim_device *device, const struct erc__job *job)
{
	uint32_t of_tenant = erc__room_limit(&job->item.tenant->room);
	uint32_t of_class = erc__room_limit(&device->base.sched.rooms[job->item.tenant->class_]);
	return of_tenant < of_class ? of_tenant : of_class;
}

/* After any change: gangs that must shrink, or could grow, come to a decision at their next wave. */
static void reconsider(struct sim_device *device)
{
	for (uint32_t i = 0; i < device->count; i++) {
		struct gang *gang = &device->gangs[i];
		uint32_t room = room_of(device, gang->job);
		uint32_t of_class = erc__room_units(&device->base.sched.rooms[gang->job->item.tenant->class_]);
		if (gang->units > room || of_class > erc__room_limit(&device->base.sched.rooms[gang->job->item.tenant->class_]) ||
		    (device->free && gang->units < room && gang->units < erc__claim_left(&gang->job->claim)))
			cut(device, gang);
	}
}

/* ---- units come and go ---- */

/* By tile, a job has as many gangs as units. */
static struct gang *gang_of(struct sim_device *device, const struct erc__job *job)
{
	for (uint32_t i = 0; i < device->count; i++)
		if (device->gangs[i].job == job)
			return &device->gangs[i];
	return NULL;
}

/* One unit fewer; gives back its places where it still has them. */
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
	*gang = device->gangs[--device->count];
}

/* Whether another unit is of use to the job: it has a place and, apart from those that are at work, a tile. */
static int wants_unit(struct erc__item *item, void *user)
{
	struct sim_device *device = user;
	struct erc__job *job = erc__job_of(item);
	const struct gang *gang = device->options.by_tile ? NULL : gang_of(device, job);
	uint32_t left = erc__claim_left(&job->claim);
	if (gang && gang->waves)
		return 0; /* it can join between waves only */
	return left > (gang ? gang->units : 0) && erc__sched_has_place(&device->base.sched, item);
}

/* Free units go where the policy says. Gangs that got some, or have none in hand, begin their waves. */
static void place_units(struct sim_device *device)
{
	struct erc__item *item;
	while (device->free && (item = erc__sched_pick(&device->base.sched, wants_unit, device))) {
		struct erc__job *job = erc__job_of(item);
		struct gang *gang = device->options.by_tile ? NULL : gang_of(device, job);
		if (!gang) {
			gang = &device->gangs[device->count++];
			*gang = (struct gang){ .job = job };
		}
		do {
			if (!erc__device_enter(&device->base, job, UINT32_MAX, device->now_ns, &gang->pass))
				break;
			gang->units++;
			gang->entered_ns += device->now_ns;
			device->free--;
		} while (!device->options.by_tile && !device->base.sched.policy->spreads && device->free &&
		         gang->units < erc__claim_left(&job->claim));
		if (device->options.by_tile)
			begin_waves(device, gang);
	}
	for (uint32_t i = 0; i < device->count; i++)
		if (!device->gangs[i].waves)
			begin_waves(device, &device->gangs[i]);
}

/* ---- events ---- */

/* The job's last launch is complete, or it was cancelled. */
static void finish(struct sim_device *device, struct erc__job *job)
{
	erc__device_finish(&device->base, job, device->now_ns);
}

/* What the gang has computed is counted. 1: the job is over. */
static int count_tiles_done(struct sim_device *device, struct gang *gang)
{
	uint32_t done = 1; /* by tile: the one that was taken */
	if (!device->options.by_tile)
		done = erc__claim_take_some(&gang->job->claim, (uint64_t)gang->waves * gang->units);
	if (!done || !erc__claim_done(&gang->job->claim, done))
		return 0;
	uint32_t record;
	if (erc__job_advance(gang->job, &record)) {
		if (erc__trace_is_on(&device->base.trace))
			erc__trace_append(&device->base.trace, ERC__EVENT_LAUNCH, device->now_ns, gang->job->session_id, UINT32_MAX,
			                  record);
		return 0;
	}
	return 1;
}

/* A gang at the end of its waves: counts, shrinks, goes on, or dissolves. 1: a job has ended. */
static int end_waves(struct sim_device *device, struct gang *gang)
{
	struct erc__sched *sched = &device->base.sched;
	struct erc__job *job = gang->job;
	struct erc__room *of_class = &sched->rooms[job->item.tenant->class_];
	uint32_t generation = erc__claim_generation(&job->claim);
	int is_over = count_tiles_done(device, gang);
	gang->waves = 0;
	int is_new_launch = erc__claim_generation(&job->claim) != generation;
	while (gang->units && !is_over && !erc__sched_check(&job->item.tenant->room, of_class, gang->pass))
		leave_unit(device, gang, 0);
	/* Units look for something better between launches, and where there is nothing for them here. */
	int stays = !is_over && gang->units && !(is_new_launch && sched->count > 1);
	while (stays && gang->units > erc__claim_left(&job->claim))
		leave_unit(device, gang, 1);
	if (stays && device->options.by_tile && gang->units)
		begin_waves(device, gang);
	if (!stays || !gang->units)
		dissolve(device, gang);
	if (is_over)
		finish(device, job);
	return is_over;
}

static struct gang *first_to_end(struct sim_device *device)
{
	struct gang *first = NULL;
	for (uint32_t i = 0; i < device->count; i++)
		if (device->gangs[i].waves && (!first || device->gangs[i].end_ns < first->end_ns))
			first = &device->gangs[i];
	return first;
}

static int sim_advance(struct erc__device *base, uint64_t until_ns)
{
	struct sim_device *device = (struct sim_device *)base;
	int has_ended = 0;
	pthread_mutex_lock(&base->lock);
	while (!has_ended) {
		struct gang *gang = first_to_end(device);
		if (!gang || gang->end_ns > until_ns) {
			if (until_ns != UINT64_MAX && until_ns > device->now_ns)
				device->now_ns = until_ns;
			break;
		}
		device->now_ns = gang->end_ns;
		while ((gang = first_to_end(device)) && gang->end_ns == device->now_ns)
			has_ended |= end_waves(device, gang);
		place_units(device);
		reconsider(device);
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
		if (!erc__job_advance(job, NULL))
			finish(device, job);
		place_units(device);
		reconsider(device);
	}
	pthread_mutex_unlock(&base->lock);
	return status;
}

static void sim_cancel(struct erc__device *base, struct erc__job *job)
{
	struct sim_device *device = (struct sim_device *)base;
	pthread_mutex_lock(&base->lock);
	if (atomic_load(&job->state) == ERC__JOB_RUNNING) {
		for (struct gang *gang; !device->options.by_tile && (gang = gang_of(device, job));)
			dissolve(device, gang);
		if (erc__job_cancel(job))
			finish(device, job);
		place_units(device);
		reconsider(device);
	}
	pthread_mutex_unlock(&base->lock);
}

static void sim_retire(struct erc__device *device, struct erc__job *job)
{
	(void)device, (void)job; /* nothing looks at a job that has ended */
}

static void sim_room_changed(struct erc__device *base)
{
	struct sim_device *device = (struct sim_device *)base;
	pthread_mutex_lock(&base->lock);
	place_units(device);
	reconsider(device);
	pthread_mutex_unlock(&base->lock);
}

static uint64_t sim_now_ns(const struct erc__device *device)
{
	return atomic_load_explicit(&((const struct sim_device *)device)->now_ns, memory_order_relaxed);
}

/* "sim:h100", "h100"; without a name the first one. */
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
	struct sim_device *device = erc__alloc(sizeof(*device));
	if (!device)
		return erc__no_memory("sim device", sizeof(*device));
	enum erc_status status = ERC_OK;
	uint32_t units = options->units || !profile ? options->units : profile->units;
	if (!profile)
		status = erc__fail(ERC_NOT_FOUND, "no device '%s'; there are sim:a100, sim:h100, sim:h200", options->device);
	else if (units > MAX_UNITS)
		status = erc__fail(ERC_INVALID, "sim: %u units, expected 1 to %d", units, MAX_UNITS);
	if (!status)
		status = erc__options_copy("sim", &device->options, sizeof(device->options), options->sim);
	if (!status && (device->options.stretch < 0 || device->options.jitter < 0))
		status = erc__fail(ERC_INVALID, "sim: stretch and jitter are not below 0");
	if (!status)
		status = erc__device_init(&device->base, &sim_device, options, units);
	if (status) {
		erc__free(device);
		return status;
	}
	strcat(strcpy(device->target, "sim:"), profile->name);
	device->base.target = device->target;
	device->free = units;
	device->random = device->options.seed * 2 + 0x9e3779b97f4a7c15u;
	*out = &device->base;
	return ERC_OK;
}

static void sim_close(struct erc__device *device)
{
	erc__device_destroy(device);
	erc__free(device);
}

/* Its own target; without one in the artifact, any: the launches and their predictions are what counts. */
static int sim_can_run(const struct erc__device *device, const struct erca_target *target, const char *name)
{
	return target->kind != ERCA_TARGET_SIM || !strcmp(name, device->target);
}

static enum erc_status sim_image_load(struct erc__device *device, const void *code, size_t bytes, struct erc__image **out)
{
	(void)device, (void)code, (void)bytes;
	*out = NULL;
	return ERC_OK;
}

static void sim_image_unload(struct erc__device *device, struct erc__image *image)
{
	(void)device, (void)image;
}

static enum erc_status sim_kernel_find(const struct erc__image *image, const struct erca_kernel *kernel, const char *symbol,
                                       struct erc__kernel *out)
{
	(void)image, (void)kernel, (void)symbol;
	*out = (struct erc__kernel){ 0 };
	return ERC_OK;
}

static enum erc_status sim_reserve_local(struct erc__device *device, size_t bytes)
{
	(void)device, (void)bytes;
	return ERC_OK;
}

const struct erc__device_ops sim_device = {
	.name = "sim",
	.flags = 0,
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
