/* Runtimes: a device by its name, the log, the counting of children. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "handles.h"

static const struct erc__device_ops *const devices[] = {
#define X(name) &name##_device,
#include "devices/devices.def"
#undef X
};

const struct erc__device_ops *erc__device_find(const char *name)
{
	if (!name)
		return devices[0];
	for (size_t i = 0; i < ERC__COUNT(devices); i++)
		if (!strcmp(devices[i]->name, name))
			return devices[i];
	return NULL;
}

void erc__log(const struct erc_runtime *runtime, enum erc_log_level level, const char *format, ...)
{
	char text[512];
	va_list args;
	if (!runtime->log)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	runtime->log(runtime->log_user, level, text);
}

void erc__child_add(struct erc_runtime *runtime, uint32_t *count)
{
	pthread_mutex_lock(&runtime->lock);
	++*count;
	pthread_mutex_unlock(&runtime->lock);
}

void erc__child_remove(struct erc_runtime *runtime, uint32_t *count)
{
	pthread_mutex_lock(&runtime->lock);
	--*count;
	pthread_mutex_unlock(&runtime->lock);
}

enum erc_status erc__child_none(struct erc_runtime *runtime, const uint32_t *count, const char *what)
{
	pthread_mutex_lock(&runtime->lock);
	uint32_t have = *count;
	pthread_mutex_unlock(&runtime->lock);
	return have ? erc__fail(ERC_BUSY, "%u %s(s) still exist", have, what) : ERC_OK;
}

enum erc_status erc_runtime_create(const struct erc_runtime_options *options, erc_runtime **out)
{
	struct erc_runtime_options given;
	if (!out)
		return erc__fail(ERC_INVALID, "out is NULL");
	*out = NULL;
	TRY(erc__options_copy("runtime", &given, sizeof(given), options));
	const struct erc__device_ops *ops = erc__device_find(given.device);
	if (!ops)
		return erc__fail(ERC_NOT_FOUND, "no device '%s'", given.device);
	struct erc_runtime *runtime = erc__alloc(sizeof(*runtime));
	if (!runtime)
		return erc__no_memory("runtime", sizeof(*runtime));
	runtime->log = given.log;
	runtime->log_user = given.log_user;
	enum erc_status status = ops->open(&given, &runtime->device);
	if (status) {
		erc__free(runtime);
		return status;
	}
	runtime->device->ops = ops;
	pthread_mutex_init(&runtime->lock, NULL);
	erc__log(runtime, ERC_LOG_INFO, "device %s: %u units, target %s", ops->name, runtime->device->units,
	         runtime->device->target);
	*out = runtime;
	return ERC_OK;
}

enum erc_status erc_runtime_destroy(erc_runtime *runtime)
{
	if (!runtime)
		return ERC_OK;
	TRY(erc__child_none(runtime, &runtime->model_count, "model"));
	runtime->device->ops->close(runtime->device);
	pthread_mutex_destroy(&runtime->lock);
	erc__free(runtime);
	return ERC_OK;
}

uint32_t erc_runtime_units(const erc_runtime *runtime)
{
	return runtime->device->units;
}

const char *erc_runtime_target(const erc_runtime *runtime)
{
	return runtime->device->target;
}
