/* Instances of models, and when a request goes back to the server.
 *
 * A model that is unloaded ends with the release of its last request. After TRITONBACKEND_ModelInstanceExecute has returned,
 * the server's thread still uses the instance for a moment: a model that ends in that moment ends the whole server (seen in
 * 2.51, in TritonBackendThread::StopBackendThread). So the newest request of an instance, which may be its last one, is
 * answered at once but released later: when the server hands over the next one, which shows that the thread is done, or
 * HOLD_NS after the return. */
#include <stdlib.h>

#include "tools/triton/backend.h"

#define HOLD_NS 100000000u

static void release(struct TRITONBACKEND_Request *request)
{
	if (request)
		drop(TRITONBACKEND_RequestRelease(request, TRITON_RELEASE_ALL), "a request"); /* the model may end with it */
}

triton_error instance_new(struct TRITONBACKEND_ModelInstance *of)
{
	struct TRITONBACKEND_Model *model;
	void *state;
	TRY(TRITONBACKEND_ModelInstanceModel(of, &model));
	TRY(TRITONBACKEND_ModelState(model, &state));
	struct instance *instance = calloc(1, sizeof *instance);
	if (!instance)
		return fail_memory();
	*instance = (struct instance){.of = of, .model = state};
	struct backend *backend = instance->model->backend;
	pthread_mutex_lock(&backend->lock);
	instance->next = backend->instances;
	backend->instances = instance;
	pthread_mutex_unlock(&backend->lock);
	return TRITONBACKEND_ModelInstanceSetState(of, instance);
}

void instance_free(struct instance *instance)
{
	struct backend *backend = instance->model->backend;
	pthread_mutex_lock(&backend->lock);
	for (struct instance **at = &backend->instances; *at; at = &(*at)->next)
		if (*at == instance) {
			*at = instance->next;
			break;
		}
	pthread_mutex_unlock(&backend->lock);
	free(instance);
}

void instance_execute(struct instance *instance, struct TRITONBACKEND_Request **requests, uint32_t count)
{
	struct model *model = instance->model;
	for (uint32_t i = 0; i < count; i++) {
		pthread_mutex_lock(&model->backend->lock);
		struct TRITONBACKEND_Request *held = instance->held;
		instance->held = NULL;
		instance->newest = requests[i];
		instance->release_ns = UINT64_MAX;
		pthread_mutex_unlock(&model->backend->lock);
		release(held);
		run(instance, requests[i]);
	}
	pthread_mutex_lock(&model->backend->lock);
	instance->release_ns = now_ns() + HOLD_NS;
	pthread_mutex_unlock(&model->backend->lock);
}

void instance_answered(struct instance *instance, struct TRITONBACKEND_Request *request)
{
	struct backend *backend = instance->model->backend;
	pthread_mutex_lock(&backend->lock);
	if (request == instance->newest) {
		instance->held = request;
		request = NULL;
	}
	pthread_mutex_unlock(&backend->lock);
	release(request);
}

/* Takes a request that was held long enough. */
static struct TRITONBACKEND_Request *take_held(struct backend *backend, uint64_t now, bool *any)
{
	struct TRITONBACKEND_Request *held = NULL;
	*any = false;
	pthread_mutex_lock(&backend->lock);
	for (struct instance *instance = backend->instances; instance && !held; instance = instance->next) {
		*any |= instance->held != NULL;
		if (instance->held && now >= instance->release_ns) {
			held = instance->held;
			instance->held = instance->newest = NULL;
		}
	}
	pthread_mutex_unlock(&backend->lock);
	return held;
}

bool release_held(struct backend *backend)
{
	bool any;
	struct TRITONBACKEND_Request *held;
	while ((held = take_held(backend, now_ns(), &any)))
		release(held);
	return any;
}
