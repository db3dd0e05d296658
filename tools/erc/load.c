/* The driver: one thread for all clients. It submits what is due, collects what has ended, and sleeps until the next
 * arrival or the next end. It never spins. The same loop drives a device in real time and a virtual device. */
#include <stdlib.h>
#include <string.h>

#include "tools/erc/workload.h"

/* ---- requests ---- */

/* Memory for one tensor, owned by the lane's request; NULL if there is none. */
static struct array *tensor_memory(struct lane_request *request, const struct erc_tensor_info *info)
{
	struct array *array = &request->arrays[request->array_count];
	if (!array_new(array, info->dtype, info->rank, info->dims))
		return NULL;
	request->array_count++;
	return array;
}

static enum erc_status bind_all(struct lane_request *request, const erc_model *model, uint32_t entry)
{
	uint32_t inputs = erc_model_input_count(model, entry), outputs = erc_model_output_count(model, entry);
	struct erc_tensor_info info;
	struct array *array;
	enum erc_status status = ERC_OK;
	request->arrays = memory_new((inputs + outputs) * sizeof *request->arrays);
	for (uint32_t i = 0; i < inputs && status == ERC_OK; i++) {
		erc_model_input_info(model, entry, i, &info);
		if (!(array = tensor_memory(request, &info)))
			return ERC_NOMEM;
		array_fill_random(array, 1);
		status = erc_request_bind_input(request->request, i, array->data, array->bytes);
	}
	for (uint32_t i = 0; i < outputs && status == ERC_OK; i++) {
		erc_model_output_info(model, entry, i, &info);
		if (!(array = tensor_memory(request, &info)))
			return ERC_NOMEM;
		status = erc_request_bind_output(request->request, i, array->data, array->bytes);
	}
	return status;
}

enum erc_status lane_open(struct lane *lane, erc_model *model, uint32_t requests)
{
	enum erc_status status = ERC_OK;
	lane->requests = memory_new(requests * sizeof *lane->requests);
	lane->max = requests;
	for (; lane->request_count < requests && status == ERC_OK; lane->request_count++) {
		struct lane_request *request = &lane->requests[lane->request_count];
		status = erc_request_create(lane->session, &request->request);
		if (status == ERC_OK)
			status = bind_all(request, model, erc_session_entry(lane->session));
	}
	return status;
}

void lane_close(struct lane *lane)
{
	for (uint32_t i = 0; i < lane->request_count; i++) {
		struct lane_request *request = &lane->requests[i];
		erc_request_destroy(request->request);
		for (uint32_t k = 0; k < request->array_count; k++)
			array_free(&request->arrays[k]);
		free(request->arrays);
	}
	free(lane->requests);
	erc_session_destroy(lane->session);
}

/* ---- one slice ---- */

struct slice {
	struct stage *stage;
	uint64_t start_ns, end_ns;
};

static void fail(struct slice *slice, struct lane *lane, enum erc_status status)
{
	lane->outcome->failed++;
	if (slice->stage->status == ERC_OK)
		slice->stage->status = status;
}

/* Whether another RT request is under way, for which this one may be waiting. */
static bool has_company(const struct slice *slice, const struct lane *lane)
{
	bool found = lane->outstanding > 0;
	for (uint32_t i = 0; i < slice->stage->lane_count; i++)
		found |= slice->stage->lanes[i].client->class_ == ERC_REAL_TIME && slice->stage->lanes[i].outstanding;
	return found;
}

/* Returns false if the client must wait for one of its requests to end. */
static bool submit(struct slice *slice, struct lane *lane, uint64_t arrival_ns)
{
	for (uint32_t i = 0; i < lane->request_count; i++) {
		if (lane->requests[i].is_busy)
			continue;
		enum erc_status status = erc_request_submit_at(lane->requests[i].request, arrival_ns);
		lane->requests[i].is_busy = status == ERC_OK;
		lane->requests[i].had_company = has_company(slice, lane);
		lane->outstanding += status == ERC_OK;
		if (status == ERC_SHED) {
			lane->outcome->shed++;
			lane->again_ns = erc_runtime_now_ns(slice->stage->runtime) + lane->valid_ns;
		} else if (status != ERC_OK) {
			fail(slice, lane, status);
		}
		return true;
	}
	return false;
}

/* Whether a closed loop may submit: it has a free request, and again_ns is over. */
static bool is_ready(const struct slice *slice, const struct lane *lane)
{
	return lane->client->kind == LOAD_CLOSED && lane->outstanding < lane->max && slice->stage->status == ERC_OK;
}

static void submit_due(struct slice *slice, struct lane *lane, uint64_t now_ns)
{
	while (is_ready(slice, lane) && now_ns >= lane->again_ns && now_ns < slice->end_ns) {
		lane->outcome->arrivals++;
		submit(slice, lane, now_ns);
	}
	for (; lane->next < lane->arrival_count && slice->start_ns + lane->arrivals[lane->next] <= now_ns; lane->next++) {
		if (lane->drops_stale &&
		    (lane->outstanding || slice->start_ns + lane->arrivals[lane->next] < lane->last_end_ns))
			lane->outcome->dropped++;
		else if (!submit(slice, lane, slice->start_ns + lane->arrivals[lane->next]))
			break;
		lane->outcome->arrivals++;
	}
}

/* Records a run that has ended. The times of one client's requests are in the order of their ends. */
static void record(const struct slice *slice, struct lane *lane, const struct erc_request_timing *t, bool had_company)
{
	struct outcome *o = lane->outcome;
	uint64_t begin_ns = t->arrival_ns > lane->last_end_ns ? t->arrival_ns : lane->last_end_ns;
	series_add(&o->latency, (double)(t->finished_ns - t->arrival_ns) / 1e3);
	series_add(&o->service, (double)(t->finished_ns - begin_ns) / 1e3);
	series_add(&o->visible, (double)(t->visible_ns - t->submitted_ns) / 1e3);
	if (t->granted_ns >= t->submitted_ns && !had_company)
		series_add(&o->granted, (double)(t->granted_ns - t->submitted_ns) / 1e3);
	o->preemptions += t->preemptions;
	o->max_units = t->granted_units > o->max_units ? t->granted_units : o->max_units;
	if (t->finished_ns <= slice->end_ns)
		o->completed += 1;
	else if (begin_ns < slice->end_ns)
		o->completed += (double)(slice->end_ns - begin_ns) / (double)(t->finished_ns - begin_ns);
	lane->last_end_ns = t->finished_ns;
}

/* An RT request has ended. Admission looks only at RT requests, so a refused request may be admitted now. */
static void retry_refused(struct slice *slice)
{
	for (uint32_t i = 0; i < slice->stage->lane_count; i++)
		slice->stage->lanes[i].again_ns = 0;
}

static void reap(struct slice *slice, struct lane *lane)
{
	struct erc_request_timing ended[64];
	bool had_company[64];
	size_t count = 0;
	for (uint32_t i = 0; i < lane->request_count && lane->outstanding; i++) {
		struct lane_request *r = &lane->requests[i];
		if (!r->is_busy)
			continue;
		enum erc_status status = erc_request_wait(r->request, 0);
		if (status == ERC_TIMEOUT)
			continue;
		r->is_busy = false;
		lane->outstanding--;
		if (status != ERC_OK) {
			fail(slice, lane, status);
			continue;
		}
		ended[count].size = sizeof ended[count];
		had_company[count] = r->had_company;
		if (erc_request_timing(r->request, &ended[count]) == ERC_OK)
			count++;
	}
	if (count && lane->client->class_ == ERC_REAL_TIME)
		retry_refused(slice);
	for (size_t done = 0; done < count; done++) { /* in the order of their ends */
		size_t first = done;
		for (size_t i = done; i < count; i++)
			if (ended[i].finished_ns < ended[first].finished_ns)
				first = i;
		record(slice, lane, &ended[first], had_company[first]);
		ended[first] = ended[done];
		had_company[first] = had_company[done];
	}
}

/* When the driver has to act if nothing ends before; UINT64_MAX: only when something ends. */
static uint64_t next_arrival(const struct slice *slice, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;
	for (uint32_t i = 0; i < slice->stage->lane_count; i++) {
		const struct lane *lane = &slice->stage->lanes[i];
		uint64_t at_ns = UINT64_MAX;
		if (!lane->is_active)
			continue;
		if (is_ready(slice, lane) && lane->again_ns > now_ns && lane->again_ns < slice->end_ns)
			at_ns = lane->again_ns;
		else if (lane->next < lane->arrival_count && lane->outstanding < lane->request_count)
			at_ns = slice->start_ns + lane->arrivals[lane->next];
		next_ns = at_ns < next_ns ? at_ns : next_ns;
	}
	return next_ns;
}

static bool is_over(const struct slice *slice, uint64_t now_ns)
{
	for (uint32_t i = 0; i < slice->stage->lane_count; i++) {
		const struct lane *lane = &slice->stage->lanes[i];
		if (lane->outstanding ||
		    (lane->is_active && lane->next < lane->arrival_count && slice->stage->status == ERC_OK))
			return false;
	}
	return now_ns >= slice->end_ns || slice->stage->status != ERC_OK;
}

static void begin(struct slice *slice, double seconds)
{
	slice->start_ns = erc_runtime_now_ns(slice->stage->runtime);
	slice->end_ns = slice->start_ns + (uint64_t)(seconds * 1e9);
	for (uint32_t i = 0; i < slice->stage->lane_count; i++) {
		struct lane *lane = &slice->stage->lanes[i];
		lane->next = lane->is_active ? 0 : lane->arrival_count;
		lane->last_end_ns = slice->start_ns;
		lane->again_ns = 0;
	}
}

enum erc_status stage_run(struct stage *stage, double seconds)
{
	struct slice slice = {.stage = stage};
	begin(&slice, seconds);
	stage->at_end = (struct erc_runtime_stats){0};
	for (;;) {
		uint64_t now_ns = erc_runtime_now_ns(stage->runtime);
		if (now_ns >= slice.end_ns && !stage->at_end.size) {
			stage->at_end.size = sizeof stage->at_end;
			erc_runtime_stats(stage->runtime, &stage->at_end);
		}
		for (uint32_t i = 0; i < stage->lane_count; i++)
			if (stage->lanes[i].is_active)
				submit_due(&slice, &stage->lanes[i], now_ns);
		if (is_over(&slice, now_ns))
			return stage->status;
		uint64_t until_ns = next_arrival(&slice, now_ns);
		if (now_ns < slice.end_ns && slice.end_ns < until_ns)
			until_ns = slice.end_ns;
		if (erc_runtime_wait(stage->runtime, until_ns) == ERC_TIMEOUT && until_ns != UINT64_MAX) {
			now_ns = erc_runtime_now_ns(stage->runtime);
			series_add(&stage->oversleep, now_ns > until_ns ? (double)(now_ns - until_ns) / 1e3 : 0);
		}
		for (uint32_t i = 0; i < stage->lane_count; i++)
			reap(&slice, &stage->lanes[i]);
	}
}
