/* One thread for all models: it takes the ends of runs, looks for cancelled requests, and brings the server's metrics
 * up to date. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/triton/backend.h"

#define CANCEL_NS 10000000u   /* how often it looks for cancelled requests */
#define METRICS_NS 250000000u /* how often it reads the sessions' statistics */

/* ---- metrics ---- */

#define COPIED SIZE_MAX
#define FIELD(field) offsetof(struct erc_session_stats, field)

static const struct {
	const char *name, *description;
	enum triton_metric kind;
	size_t field; /* of the session's statistics; COPIED: of the model */
} metric_rows[METRICS] = {
	{"erc_completed_total", "Runs that ended with a result", TRITON_COUNTER, FIELD(completed)},
	{"erc_missed_total", "Runs that ended after their deadline, or were refused because of it", TRITON_COUNTER,
     FIELD(missed)},
	{"erc_shed_total", "Requests refused because their deadline could not be met", TRITON_COUNTER, FIELD(shed)},
	{"erc_cancelled_total", "Runs that were cancelled", TRITON_COUNTER, FIELD(cancelled)},
	{"erc_failed_total", "Runs that failed", TRITON_COUNTER, FIELD(failed)},
	{"erc_preemptions_total", "Times that a unit left a run because its room shrank", TRITON_COUNTER,
     FIELD(preemptions)},
	{"erc_unit_seconds_total", "Unit time used", TRITON_COUNTER, FIELD(unit_ns)},
	{"erc_copied_bytes_total", "Bytes of inputs and outputs that were not used in place", TRITON_COUNTER, COPIED},
	{"erc_units", "Units in the present room", TRITON_GAUGE, FIELD(units)},
};

static double metric_value(const struct model *model, const struct erc_session_stats *stats, int i)
{
	if (metric_rows[i].field == COPIED)
		return (double)model->copied_bytes;
	const char *field = (const char *)stats + metric_rows[i].field;
	if (metric_rows[i].kind == TRITON_GAUGE)
		return *(const uint32_t *)(const void *)field;
	double value = (double)*(const uint64_t *)(const void *)field;
	return metric_rows[i].field == FIELD(unit_ns) ? value / 1e9 : value;
}

static void update_model(struct model *model)
{
	struct erc_session_stats stats = {.size = sizeof stats};
	if (erc_session_stats(model->session, &stats))
		return;
	for (int i = 0; i < METRICS; i++) {
		double value = metric_value(model, &stats, i);
		if (!model->metrics[i] || value == model->told[i])
			continue;
		if (metric_rows[i].kind == TRITON_GAUGE)
			drop(TRITONSERVER_MetricSet(model->metrics[i], value), metric_rows[i].name);
		else
			drop(TRITONSERVER_MetricIncrement(model->metrics[i], value - model->told[i]), metric_rows[i].name);
		model->told[i] = value;
	}
}

static void add_metrics(struct model *model)
{
	struct erc_session_stats stats = {.size = sizeof stats};
	char version[24];
	snprintf(version, sizeof version, "%llu", (unsigned long long)model->version);
	erc_session_stats(model->session, &stats);
	struct TRITONSERVER_Parameter *labels[] = {
		TRITONSERVER_ParameterNew("model", TRITON_STRING, model->name),
		TRITONSERVER_ParameterNew("version", TRITON_STRING, version),
		TRITONSERVER_ParameterNew("class", TRITON_STRING, stats.class_ == ERC_REAL_TIME ? "rt" : "be"),
	};
	for (int i = 0; i < METRICS; i++)
		if (model->backend->families[i])
			drop(TRITONSERVER_MetricNew(&model->metrics[i], model->backend->families[i],
			                            (const struct TRITONSERVER_Parameter **)labels, COUNT_OF(labels)),
			     metric_rows[i].name);
	for (size_t i = 0; i < COUNT_OF(labels); i++)
		TRITONSERVER_ParameterDelete(labels[i]);
}

void metrics_add(struct model *model)
{
	struct backend *backend = model->backend;
	add_metrics(model);
	pthread_mutex_lock(&backend->lock);
	model->next = backend->models;
	backend->models = model;
	pthread_mutex_unlock(&backend->lock);
}

void metrics_remove(struct model *model)
{
	struct backend *backend = model->backend;
	pthread_mutex_lock(&backend->lock);
	for (struct model **at = &backend->models; *at; at = &(*at)->next)
		if (*at == model) {
			*at = model->next;
			break;
		}
	pthread_mutex_unlock(&backend->lock);
	for (int i = 0; i < METRICS; i++)
		if (model->metrics[i])
			drop(TRITONSERVER_MetricDelete(model->metrics[i]), metric_rows[i].name);
}

/* ---- the thread ---- */

static void cancel_requests(struct backend *backend)
{
	pthread_mutex_lock(&backend->lock);
	for (struct slot *slot = backend->in_flight; slot; slot = slot->next) {
		bool is_cancelled = false;
		drop(TRITONBACKEND_RequestIsCancelled(slot->served, &is_cancelled), "a request");
		if (is_cancelled)
			erc_request_cancel(slot->request);
	}
	pthread_mutex_unlock(&backend->lock);
}

static void *reap(void *data)
{
	struct backend *backend = data;
	uint64_t cancel_ns = 0, metrics_ns = 0;
	for (;;) {
		erc_request *request;
		bool is_busy = end_guards(backend);
		pthread_mutex_lock(&backend->lock);
		bool stops = backend->stops;
		is_busy |= backend->in_flight != NULL;
		pthread_mutex_unlock(&backend->lock);
		if (stops)
			return NULL;
		uint64_t passed_ns = now_ns() - metrics_ns, idle_ns = passed_ns < METRICS_NS ? METRICS_NS - passed_ns : 0;
		uint64_t until = erc_runtime_now_ns(backend->runtime) + (is_busy && CANCEL_NS < idle_ns ? CANCEL_NS : idle_ns);
		if (!erc_runtime_next_end(backend->runtime, until, &request))
			finish(erc_request_user(request));
		uint64_t now = now_ns();
		if (now - cancel_ns >= CANCEL_NS) {
			cancel_requests(backend);
			cancel_ns = now;
		}
		if (now - metrics_ns >= METRICS_NS) {
			pthread_mutex_lock(&backend->lock);
			for (struct model *model = backend->models; model; model = model->next)
				update_model(model);
			pthread_mutex_unlock(&backend->lock);
			metrics_ns = now;
		}
	}
}

triton_error reaper_start(struct backend *backend)
{
	/* A server without metrics has no families; all else works. */
	for (int i = 0; i < METRICS; i++) {
		triton_error error = TRITONSERVER_MetricFamilyNew(&backend->families[i], metric_rows[i].kind,
		                                                  metric_rows[i].name, metric_rows[i].description);
		if (error) {
			backend->families[i] = NULL;
			TRITONSERVER_ErrorDelete(error);
		}
	}
	if (pthread_create(&backend->reaper, NULL, reap, backend))
		return fail(TRITON_UNAVAILABLE, "a thread cannot be started");
	return NULL;
}

void reaper_stop(struct backend *backend)
{
	pthread_mutex_lock(&backend->lock);
	backend->stops = true;
	pthread_mutex_unlock(&backend->lock);
	pthread_join(backend->reaper, NULL);
	/* The families are not deleted: the server has ended its metrics by now. */
}
