/* The calls of the stand-in for CUDA. Each call checks that a context is current and not lost, and whether this call
 * has to fail. Handles and ranges are checked. Anything left when the context is destroyed fails the test. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/devices/stub_calls.h"

static __thread int current; /* depth of this thread's stack of contexts */

/* ---- failing ---- */

result stub_enter(const char *name, int needs_context)
{
	result found = 0;
	pthread_mutex_lock(&stub.lock);
	if (needs_context && !current)
		found = STUB_INVALID_CONTEXT;
	else if (needs_context && stub.is_lost)
		found = STUB_ILLEGAL_ADDRESS;
	else if (!strcmp(stub.fail_name, name) && !--stub.fail_at)
		found = (result)stub.fail_code;
	if (found)
		pthread_mutex_unlock(&stub.lock);
	return found;
}

result stub_leave(result value)
{
	pthread_mutex_unlock(&stub.lock);
	return value;
}

void *stub_make(size_t bytes)
{
	void *memory = calloc(1, bytes);
	if (!memory)
		abort();
	return memory;
}

static long setting(const char *name, long otherwise)
{
	const char *text = getenv(name);
	return text ? atol(text) : otherwise;
}

result cuGetErrorName(result value, const char **text)
{
	*text = value == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : value == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR";
	return 0;
}

result cuGetErrorString(result value, const char **text)
{
	*text = value == 2     ? "out of memory"
	        : value == 700 ? "an illegal memory access was encountered"
	                       : "an error of the stub";
	return 0;
}

/* ---- devices and contexts ---- */

result cuInit(unsigned flags)
{
	(void)flags;
	const char *fail = getenv("ERC_STUB_FAIL");
	pthread_mutex_lock(&stub.lock);
	if (!stub.context_count) {
		stub.units = (int)setting("ERC_STUB_UNITS", 4);
		stub.slots = (int)setting("ERC_STUB_BLOCKS", 1);
		stub.devices = (int)setting("ERC_STUB_DEVICES", 1);
		stub.capability = (int)setting("ERC_STUB_CAPABILITY", 90);
		stub.driver = (int)setting("ERC_STUB_DRIVER", 13000);
		stub.lost_at = setting("ERC_STUB_LOST", -1);
		stub.kernels = stub.is_lost = 0;
	}
	stub.fail_name[0] = '\0';
	stub.fail_code = STUB_OUT_OF_MEMORY;
	if (fail)
		sscanf(fail, "%63[^:]:%ld:%ld", stub.fail_name, &stub.fail_at, &stub.fail_code);
	return stub_leave(stub.devices ? 0 : STUB_NO_DEVICE);
}

result cuDriverGetVersion(int *version)
{
	ENTER(0);
	*version = stub.driver;
	return stub_leave(0);
}

result cuDeviceGetCount(int *count)
{
	ENTER(0);
	*count = stub.devices;
	return stub_leave(0);
}

result cuDeviceGet(cu_device *device, int ordinal)
{
	ENTER(0);
	*device = ordinal;
	return stub_leave(ordinal < stub.devices ? 0 : STUB_INVALID_DEVICE);
}

result cuDeviceGetName(char *name, int bytes, cu_device device)
{
	ENTER(0);
	snprintf(name, (size_t)bytes, "stub %d", device);
	return stub_leave(0);
}

result cuDeviceGetAttribute(int *value, int attribute, cu_device device)
{
	ENTER(0);
	(void)device;
	*value = attribute == 16   ? stub.units
	         : attribute == 75 ? stub.capability / 10
	         : attribute == 76 ? stub.capability % 10
	         : attribute == 97 ? STUB_MAX_LOCAL
	                           : attribute == 115 || attribute == 122;
	return stub_leave(0);
}

result cuDevicePrimaryCtxGetState(cu_device device, unsigned *flags, int *is_active)
{
	ENTER(0);
	(void)device;
	*flags = 0;
	*is_active = stub.context_count > 0;
	return stub_leave(0);
}

result cuDevicePrimaryCtxSetFlags_v2(cu_device device, unsigned flags)
{
	(void)device, (void)flags;
	return 0;
}

result cuDevicePrimaryCtxRetain(void **context, cu_device device)
{
	ENTER(0);
	(void)device;
	if (!stub.context_count++)
		stub_start();
	*context = &stub;
	return stub_leave(0);
}

/* After an error objects cannot be destroyed; they are freed with the context. */
static void free_lost(void)
{
	for (struct stream *stream; (stream = stub.streams);) {
		stub.streams = stream->next;
		while (stream->first) {
			struct op *op = stream->first;
			stream->first = op->next;
			stub_drop(op);
		}
		free(stream);
	}
	for (struct event *event; (event = stub.events); free(event)) {
		stub.events = event->next;
		if (event->moment && !--event->moment->references)
			free(event->moment);
	}
	for (struct module *module; (module = stub.modules); free(module)) {
		stub.modules = module->next;
		dlclose(module->handle);
	}
	for (struct graph *graph; (graph = stub.graphs); free(graph)) {
		stub.graphs = graph->next;
		while (graph->first) {
			struct op *op = graph->first;
			graph->first = op->next;
			stub_drop(op);
		}
	}
	for (struct block *block; (block = stub.blocks); free(block)) {
		stub.blocks = block->next;
		free(block->data);
	}
}

result cuDevicePrimaryCtxRelease_v2(cu_device device)
{
	pthread_mutex_lock(&stub.lock);
	(void)device;
	if (--stub.context_count)
		return stub_leave(0);
	stub_stop();
	if (!stub.is_lost && (stub.streams || stub.events || stub.modules || stub.graphs || stub.blocks)) {
		fprintf(stderr, "stub: left over: streams %d, events %d, modules %d, graphs %d, memory %d\n", !!stub.streams,
		        !!stub.events, !!stub.modules, !!stub.graphs, !!stub.blocks);
		abort();
	}
	free_lost();
	return stub_leave(0);
}

result cuCtxPushCurrent_v2(void *context)
{
	if (context != &stub)
		return STUB_INVALID_CONTEXT;
	current++;
	return 0;
}

result cuCtxPopCurrent_v2(void **context)
{
	if (!current)
		return STUB_INVALID_CONTEXT;
	*context = &stub;
	current--;
	return 0;
}

result cuCtxGetStreamPriorityRange(int *min, int *greatest)
{
	ENTER(1);
	*min = 0;
	*greatest = -5;
	return stub_leave(0);
}

/* ---- memory ---- */

result cuMemAllocAsync(address *out, size_t bytes, struct stream *stream)
{
	void *data = NULL;
	ENTER(1);
	(void)stream;
	result value = stub_take(&data, bytes, 0);
	*out = (uintptr_t)data;
	return stub_leave(value);
}

result cuMemFreeAsync(address at, struct stream *stream)
{
	ENTER(1);
	(void)stream;
	return stub_leave(stub_give((void *)(uintptr_t)at, 0));
}

result cuMemHostAlloc(void **memory, size_t bytes, unsigned flags)
{
	ENTER(1);
	(void)flags;
	return stub_leave(stub_take(memory, bytes, 1));
}

result cuMemFreeHost(void *memory)
{
	ENTER(1);
	return stub_leave(stub_give(memory, 1));
}

/* NVRTC looks for this function in the process, and accepts that there is no table. */
API result cuGetExportTable(const void **table, const void *id);
result cuGetExportTable(const void **table, const void *id)
{
	(void)table, (void)id;
	return STUB_NOT_FOUND;
}

/* For tests: the host's memory is the device's memory here. The runtime does not call it. */
API result cuMemHostRegister_v2(void *memory, size_t bytes, unsigned flags);
result cuMemHostRegister_v2(void *memory, size_t bytes, unsigned flags)
{
	ENTER(1);
	(void)flags;
	return stub_leave(memory && bytes ? 0 : STUB_INVALID_VALUE);
}

static result put_copy(void *to, int to_pinned, const void *from, int from_pinned, size_t bytes, struct stream *stream)
{
	if (!stub_is_inside(to, bytes, to_pinned) || !stub_is_inside(from, bytes, from_pinned))
		return stub_leave(STUB_INVALID_VALUE);
	stub_put(stream, &(struct op){.kind = OP_COPY, .to = to, .from = from, .bytes = bytes});
	return stub_leave(0);
}

result cuMemcpyHtoDAsync_v2(address to, const void *from, size_t bytes, struct stream *stream)
{
	ENTER(1);
	return put_copy((void *)(uintptr_t)to, 0, from, 1, bytes, stream);
}

result cuMemcpyDtoHAsync_v2(void *to, address from, size_t bytes, struct stream *stream)
{
	ENTER(1);
	return put_copy(to, 1, (void *)(uintptr_t)from, 0, bytes, stream);
}

result cuMemcpyDtoDAsync_v2(address to, address from, size_t bytes, struct stream *stream)
{
	ENTER(1);
	return put_copy((void *)(uintptr_t)to, 0, (void *)(uintptr_t)from, 0, bytes, stream);
}

result cuMemsetD8Async(address to, unsigned char value, size_t bytes, struct stream *stream)
{
	ENTER(1);
	if (!stub_is_inside((void *)(uintptr_t)to, bytes, 0))
		return stub_leave(STUB_INVALID_VALUE);
	stub_put(stream, &(struct op){.kind = OP_SET, .to = (void *)(uintptr_t)to, .value = value, .bytes = bytes});
	return stub_leave(0);
}

result cuStreamWriteValue64_v2(struct stream *stream, address to, uint64_t word, unsigned flags)
{
	ENTER(1);
	if (flags || to % 8 || !stub_is_inside((void *)(uintptr_t)to, 8, 0))
		return stub_leave(STUB_INVALID_VALUE);
	stub_put(stream, &(struct op){.kind = OP_WRITE, .to = (void *)(uintptr_t)to, .word = word});
	return stub_leave(0);
}

result cuStreamWriteValue32_v2(struct stream *stream, address to, uint32_t word, unsigned flags)
{
	ENTER(1);
	if (flags || to % 4 || !stub_is_inside((void *)(uintptr_t)to, 4, 0))
		return stub_leave(STUB_INVALID_VALUE);
	stub_put(stream, &(struct op){.kind = OP_WRITE_HALF, .to = (void *)(uintptr_t)to, .word = word});
	return stub_leave(0);
}

/* ---- streams and events ---- */

result cuStreamCreateWithPriority(struct stream **out, unsigned flags, int priority)
{
	ENTER(1);
	(void)flags;
	struct stream *stream = stub_make(sizeof *stream);
	stream->priority = priority;
	stream->last = &stream->first;
	LINK(stub.streams, stream);
	*out = stream;
	return stub_leave(0);
}

result cuStreamDestroy_v2(struct stream *stream)
{
	ENTER(1);
	while (stream->first && !stub.is_lost)
		pthread_cond_wait(&stub.changed, &stub.lock);
	if (stub.is_lost)
		return stub_leave(STUB_ILLEGAL_ADDRESS);
	UNLINK(stub.streams, stream);
	free(stream);
	return stub_leave(0);
}

result cuStreamSynchronize(struct stream *stream)
{
	ENTER(1);
	while (stream->first && !stub.is_lost)
		pthread_cond_wait(&stub.changed, &stub.lock);
	return stub_leave(stub.is_lost ? STUB_ILLEGAL_ADDRESS : 0);
}

result cuStreamQuery(struct stream *stream)
{
	ENTER(1);
	return stub_leave(stream->first ? STUB_NOT_READY : 0);
}

result cuEventCreate(struct event **out, unsigned flags)
{
	ENTER(1);
	(void)flags;
	struct event *event = stub_make(sizeof *event);
	LINK(stub.events, event);
	*out = event;
	return stub_leave(0);
}

result cuEventDestroy_v2(struct event *event)
{
	ENTER(1);
	UNLINK(stub.events, event);
	if (event->moment && !--event->moment->references)
		free(event->moment);
	free(event);
	return stub_leave(0);
}

result cuEventRecord(struct event *event, struct stream *stream)
{
	ENTER(1);
	if (event->moment && !--event->moment->references)
		free(event->moment);
	event->moment = stub_make(sizeof *event->moment);
	event->moment->references = 1;
	stub_put(stream, &(struct op){.kind = OP_RECORD, .moment = event->moment});
	return stub_leave(0);
}

result cuStreamWaitEvent(struct stream *stream, struct event *event, unsigned flags)
{
	ENTER(1);
	(void)flags;
	stub_put(stream, &(struct op){.kind = OP_WAIT, .moment = event->moment});
	return stub_leave(0);
}

result cuLaunchHostFunc(struct stream *stream, void (*function)(void *), void *user)
{
	ENTER(1);
	stub_put(stream, &(struct op){.kind = OP_HOST, .host = function, .user = user});
	return stub_leave(0);
}

/* ---- modules and kernels ---- */

result cuModuleLoadDataEx(struct module **out, const void *image, unsigned count, int *options, void **values)
{
	ENTER(1);
	struct module *module = stub_module(image);
	if (!module && count && options[0] == 5)
		snprintf(values[0], 64, "stub: no image of the stub");
	if (!module)
		return stub_leave(STUB_INVALID_IMAGE);
	LINK(stub.modules, module);
	*out = module;
	return stub_leave(0);
}

result cuModuleUnload(struct module *module)
{
	ENTER(1);
	UNLINK(stub.modules, module);
	dlclose(module->handle);
	free(module);
	return stub_leave(0);
}

result cuModuleGetFunction(struct function **out, struct module *module, const char *name)
{
	ENTER(1);
	*out = !strcmp(name, ERC_CUDA_PLAIN) ? &module->plain : !strcmp(name, ERC_CUDA_ELASTIC) ? &module->elastic : NULL;
	return stub_leave(*out ? 0 : STUB_NOT_FOUND);
}

result cuFuncLoad(struct function *function)
{
	ENTER(1);
	return stub_leave(function ? 0 : STUB_INVALID_VALUE);
}

result cuFuncGetAttribute(int *value, int attribute, struct function *function)
{
	ENTER(1);
	*value = attribute == 1 && function->is_elastic ? 16 : 0;
	return stub_leave(0);
}

result cuFuncSetAttribute(struct function *function, int attribute, int value)
{
	ENTER(1);
	if (attribute == 8 && value + (function->is_elastic ? 16 : 0) > STUB_MAX_LOCAL)
		return stub_leave(STUB_INVALID_VALUE);
	if (attribute == 8)
		function->max_dynamic_local = value;
	return stub_leave(0);
}

result cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, struct function *function, int threads,
                                                   size_t local_bytes)
{
	ENTER(1);
	*blocks = threads <= 1024 && local_bytes <= (size_t)function->max_dynamic_local;
	if (*blocks && (local_bytes + 1024) * (size_t)stub.slots <= STUB_MAX_LOCAL + 1024)
		*blocks = stub.slots;
	return stub_leave(0);
}

result cuLaunchKernel(struct function *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                      unsigned block_y, unsigned block_z, unsigned local_bytes, struct stream *stream, void **params,
                      void **extra)
{
	ENTER(1);
	if (!grid_x || grid_y != 1 || grid_z != 1 || !block_x || block_x > 1024 || block_y != 1 || block_z != 1 || extra ||
	    (int)local_bytes > function->max_dynamic_local)
		return stub_leave(STUB_INVALID_VALUE);
	struct op op = {.kind = OP_KERNEL,
	                .function = function,
	                .grid = grid_x,
	                .threads = block_x,
	                .local_bytes = local_bytes};
	memcpy(&op.launch, params[0], sizeof op.launch);
	stub_put(stream, &op);
	return stub_leave(0);
}
