/* Instances of models, and what keeps a model loaded.
 *
 * A model that is unloaded ends with the release of its last request. After TRITONBACKEND_ModelInstanceExecute has returned,
 * the server's thread still uses the instance for a moment: a model that ends in that moment ends the whole server (seen in
 * 2.51, in TritonBackendThread::StopBackendThread). So an instance has a response factory of its newest request, which keeps
 * the model: until the server hands over the next request, which shows that the thread is done, or GUARD_NS after the
 * return. */
#include <stdlib.h>

#include "tools/triton/backend.h"

#define GUARD_NS 100000000u

static void end_guard(struct TRITONBACKEND_ResponseFactory *guard)
{
	if (guard)
		drop(TRITONBACKEND_ResponseFactoryDelete(guard), "a response factory"); /* the model may end with it */
}

/* Puts a guard in the place of the one that the instance has. */
static void set_guard(struct instance *instance, struct TRITONBACKEND_ResponseFactory *guard)
{
	struct backend *backend = instance->model->backend;
	pthread_mutex_lock(&backend->lock);
	struct TRITONBACKEND_ResponseFactory *before = instance->guard;
	instance->guard = guard;
	instance->guard_ns = UINT64_MAX;
	pthread_mutex_unlock(&backend->lock);
	end_guard(before);
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
	*instance = (struct instance){.of = of, .model = state, .guard_ns = UINT64_MAX};
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

triton_error instance_execute(struct instance *instance, struct TRITONBACKEND_Request **requests, uint32_t count)
{
	struct backend *backend = instance->model->backend;
	struct TRITONBACKEND_ResponseFactory *guard;
	TRY(TRITONBACKEND_ResponseFactoryNew(&guard, requests[count - 1]));
	set_guard(instance, guard);
	for (uint32_t i = 0; i < count; i++)
		run(instance, requests[i]);
	pthread_mutex_lock(&backend->lock);
	instance->guard_ns = now_ns() + GUARD_NS;
	pthread_mutex_unlock(&backend->lock);
	return NULL;
}

/* Takes a guard whose time has come. *any: whether there are others. */
static struct TRITONBACKEND_ResponseFactory *take_guard(struct backend *backend, uint64_t now, bool *any)
{
	struct TRITONBACKEND_ResponseFactory *guard = NULL;
	*any = false;
	pthread_mutex_lock(&backend->lock);
	for (struct instance *instance = backend->instances; instance && !guard; instance = instance->next) {
		*any |= instance->guard != NULL;
		if (now >= instance->guard_ns) {
			guard = instance->guard;
			instance->guard = NULL;
			instance->guard_ns = UINT64_MAX;
		}
	}
	pthread_mutex_unlock(&backend->lock);
	return guard;
}

bool end_guards(struct backend *backend)
{
	bool any;
	struct TRITONBACKEND_ResponseFactory *guard;
	while ((guard = take_guard(backend, now_ns(), &any)))
		end_guard(guard);
	return any;
}
