/* What every device does with jobs: queue, enter, leave, finish; times, counts and trace events. */
#include "runtime/core/device.h"

#include <limits.h>
#include <string.h>

#include "runtime/base/futex.h"

#define NO_UNIT UINT32_MAX
#define DEFAULT_SLOWDOWN 0.02

uint64_t erc__device_now_ns(const struct erc__device *device)
{
	return device->ops->now_ns ? device->ops->now_ns(device) : erc__now_ns();
}

enum erc_status erc__device_init(struct erc__device *device, const struct erc__device_ops *ops,
                                 const struct erc_runtime_options *options, uint32_t units)
{
	const struct erc__policy *policy = erc__policy_find(options->policy);
	struct erc__supply supply = {
		.units = units,
		.be_units = options->be_units,
		.rt_units = options->rt_units ? options->rt_units : (units + 1) / 2,
		.slowdown = options->rt_slowdown > 0   ? options->rt_slowdown
	                : options->rt_slowdown < 0 ? 0
	                                           : DEFAULT_SLOWDOWN,
		.be_bandwidth = options->be_bandwidth,
		.by_launch = !!(ops->flags & ERC__DEVICE_BY_LAUNCH),
		.asks = !!(ops->flags & ERC__DEVICE_ASKS),
	};
	if (!policy)
		return erc__fail(ERC_NOT_FOUND, "no policy '%s'; there are %s", options->policy, erc_policy_names());
	if (supply.rt_units > units)
		return erc__fail(ERC_INVALID, "%u units for RT; the device has %u", supply.rt_units, units);
	if (policy->is_split && supply.rt_units == units) /* best-effort work would wait for ever */
		return erc__fail(ERC_INVALID, "policy %s: RT has %u of %u units, which leaves best-effort work none",
		                 policy->name, supply.rt_units, units);
	if (!(options->rt_slowdown <= 1) || !(options->be_bandwidth >= 0 && options->be_bandwidth <= 1))
		return erc__fail(ERC_INVALID,
		                 "rt_slowdown is %g, be_bandwidth %g: both must be at most 1, be_bandwidth at least 0",
		                 options->rt_slowdown, options->be_bandwidth);
	device->ops = ops;
	device->units = units;
	pthread_mutex_init(&device->lock, NULL);
	erc__sched_init(&device->sched, policy, &supply);
	return ERC_OK;
}

void erc__device_destroy(struct erc__device *device)
{
	erc__trace_free(&device->trace);
	pthread_mutex_destroy(&device->lock);
}

static void trace(struct erc__device *device, enum erc__event_kind kind, uint64_t now_ns, const struct erc__job *job,
                  uint32_t unit, uint32_t value)
{
	if (erc__trace_is_on(&device->trace))
		erc__trace_append(&device->trace, kind, now_ns, job->session_id, unit, value);
}

void erc__device_trace_opened(struct erc__device *device, const struct erc__job *job, const struct erc__opened *opened,
                              uint64_t now_ns)
{
	if (opened->iteration != ERCA_NONE)
		trace(device, ERC__EVENT_ITERATION, now_ns, job, NO_UNIT, opened->iteration);
	trace(device, ERC__EVENT_LAUNCH, now_ns, job, NO_UNIT, opened->record);
}

/* Records the sizes of the rooms after they changed. */
static void trace_rooms(struct erc__device *device, uint64_t now_ns)
{
	if (!erc__trace_is_on(&device->trace))
		return;
	const struct erc__sched *sched = &device->sched;
	for (int c = 0; c < 2; c++)
		for (struct erc__node *node = sched->orders[c].first; node; node = erc__order_next(node)) {
			struct erc__item *item = erc__item_of(node);
			trace(device, ERC__EVENT_ROOM, now_ns, erc__job_of(item), NO_UNIT, erc__sched_room(item));
		}
}

/* Adds to what is counted of the job's session, and of all sessions. */
static void add(struct erc__device *device, struct erc__job *job, const struct erc__counts *more)
{
	erc__counts_add(&job->statistics->counts, more);
	erc__counts_add(&device->counts, more);
}

enum erc_status erc__device_queue(struct erc__device *device, struct erc__job *job, uint64_t arrival_ns,
                                  uint64_t now_ns)
{
	arrival_ns = arrival_ns < now_ns ? arrival_ns : now_ns;
	erc__item_init(&job->item, arrival_ns, job->deadline_us);
	job->item.level = job->level;
	trace(device, ERC__EVENT_ARRIVAL, arrival_ns, job, NO_UNIT, (uint32_t)job->statistics->counts.submitted);
	add(device, job, &(struct erc__counts){.submitted = 1});
	enum erc_status status = erc__sched_admit(&device->sched, &job->item, now_ns);
	if (status) {
		add(device, job, &(struct erc__counts){.shed = status == ERC_SHED, .missed = status == ERC_SHED});
		trace(device, ERC__EVENT_SHED, now_ns, job, NO_UNIT, (uint32_t)status);
		return status;
	}
	erc__job_start(job);
	erc__sched_add(&device->sched, &job->item, now_ns);
	job->run++;
	job->submitted_ns = now_ns;
	job->granted_units = erc__sched_room(&job->item);
	job->visible_ns = erc__device_now_ns(device);
	trace(device, ERC__EVENT_ADMIT, job->visible_ns, job, NO_UNIT, 0);
	trace_rooms(device, job->visible_ns);
	return ERC_OK;
}

void erc__device_began(struct erc__job *job, uint64_t now_ns)
{
	if (!job->item.started_ns)
		job->item.started_ns = now_ns;
	if (job->item.units <= job->max_units)
		return;
	job->max_units = job->item.units;
	if (job->max_units == job->granted_units)
		job->granted_ns = now_ns;
}

int erc__device_enter(struct erc__device *device, struct erc__job *job, uint32_t unit, uint64_t now_ns,
                      struct erc__pass *pass)
{
	if (!erc__sched_enter(&device->sched, &job->item, now_ns, pass))
		return 0;
	job->members++;
	erc__device_began(job, now_ns);
	trace(device, job->preemptions ? ERC__EVENT_RESUME : ERC__EVENT_SERVE, now_ns, job, unit, 0);
	return 1;
}

void erc__device_leave(struct erc__device *device, struct erc__job *job, uint32_t unit, uint64_t unit_ns, int in_room,
                       uint64_t now_ns)
{
	erc__sched_leave(&device->sched, &job->item, unit_ns, in_room);
	device->unit_ns[job->item.tenant->class_] += unit_ns;
	job->statistics->unit_ns += unit_ns;
	bool is_preempted = !in_room && job->item.is_queued; /* preempted: work is left */
	if (is_preempted) { /* else nothing is written: the run may be over, and its owner reads it */
		job->preemptions++;
		add(device, job, &(struct erc__counts){.preemptions = 1});
	}
	trace(device, is_preempted ? ERC__EVENT_PREEMPT : ERC__EVENT_LEAVE, now_ns, job, unit, 0);
	job->members--;
}

static void count(struct erc__device *device, struct erc__job *job, uint64_t now_ns)
{
	bool is_ok = job->result == ERC_OK, is_cancelled = job->result == ERC_CANCELLED;
	job->statistics->tiles += job->tiles_run;
	add(device, job,
	    &(struct erc__counts){.launches = job->launches_run,
	                          .completed = is_ok,
	                          .missed = is_ok && now_ns > job->item.deadline_ns,
	                          .cancelled = is_cancelled,
	                          .failed = !is_ok && !is_cancelled});
	if (!is_ok)
		return;
	erc__histogram_add(&job->statistics->latency, now_ns - job->item.arrival_ns);
	erc__sched_learn(&device->sched, &job->item, atomic_load_explicit(&job->tile_ns, memory_order_relaxed), now_ns);
}

void erc__device_uncount(struct erc__device *device, struct erc__job *job)
{
	pthread_mutex_lock(&device->lock);
	add(device, job, &(struct erc__counts){.completed = (uint64_t)-1, .failed = 1});
	pthread_mutex_unlock(&device->lock);
}

/* ---- ends ---- */

static void list_end(struct erc__device *device, struct erc__job *job)
{
	job->is_listed = true;
	job->ended_next = NULL;
	job->ended_before = device->ended_last;
	*(device->ended_last ? &device->ended_last->ended_next : &device->ended_first) = job;
	device->ended_last = job;
}

static void unlist_end(struct erc__device *device, struct erc__job *job)
{
	*(job->ended_before ? &job->ended_before->ended_next : &device->ended_first) = job->ended_next;
	*(job->ended_next ? &job->ended_next->ended_before : &device->ended_last) = job->ended_before;
	job->is_listed = false;
}

struct erc__job *erc__device_take_end(struct erc__device *device)
{
	pthread_mutex_lock(&device->lock);
	struct erc__job *job = device->ended_first;
	if (job)
		unlist_end(device, job);
	pthread_mutex_unlock(&device->lock);
	return job;
}

void erc__device_forget_end(struct erc__device *device, struct erc__job *job)
{
	pthread_mutex_lock(&device->lock);
	if (job->is_listed)
		unlist_end(device, job);
	pthread_mutex_unlock(&device->lock);
}

void erc__device_end(struct erc__device *device, struct erc__job *job, uint64_t now_ns)
{
	erc__sched_remove(&device->sched, &job->item, now_ns);
	job->finished_ns = now_ns;
	count(device, job, now_ns);
	trace(device, ERC__EVENT_DONE, now_ns, job, NO_UNIT, (uint32_t)job->result);
	trace_rooms(device, now_ns);
	atomic_fetch_add_explicit(&device->jobs_run, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&device->launches_run, job->launches_run, memory_order_relaxed);
	atomic_fetch_add_explicit(&device->tiles_run, job->tiles_run, memory_order_relaxed);
	if (job->reports)
		list_end(device, job);
	erc__job_finish(job);
	atomic_fetch_add_explicit(&device->ended, 1, memory_order_seq_cst);
}

void erc__device_tell(struct erc__device *device)
{
	if (atomic_load_explicit(&device->awaiting, memory_order_seq_cst))
		erc__futex_wake(&device->ended, INT_MAX);
}

void erc__device_finish(struct erc__device *device, struct erc__job *job, uint64_t now_ns)
{
	erc__device_end(device, job, now_ns);
	erc__device_tell(device);
}
