/* The part of the CUDA driver API that is used, declared here from its documented ABI. Building needs no CUDA header
 * and links no CUDA library. */
#ifndef ERC_CUDA_DRIVER_H
#define ERC_CUDA_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/internal.h"

typedef int cu_result; /* 0: success */
typedef int cu_device;
typedef uint64_t cu_address; /* in device memory */
typedef struct cu_context *cu_context;
typedef struct cu_stream *cu_stream;
typedef struct cu_event *cu_event;
typedef struct cu_module *cu_module;
typedef struct cu_function *cu_function;
typedef struct cu_graph *cu_graph;
typedef struct cu_graph_exec *cu_graph_exec;

enum { CU_OUT_OF_MEMORY = 2, CU_NO_DEVICE = 100, CU_NOT_READY = 600 };

#define CU_DEVICE_MULTIPROCESSORS 16
#define CU_DEVICE_CAPABILITY_MAJOR 75
#define CU_DEVICE_CAPABILITY_MINOR 76
#define CU_DEVICE_MAX_LOCAL_BYTES 97 /* shared memory of a block, with opt-in */
#define CU_DEVICE_MEMORY_POOLS 115
#define CU_DEVICE_STREAM_WRITES 122 /* of 64-bit values */
#define CU_FUNCTION_STATIC_LOCAL_BYTES 1
#define CU_FUNCTION_MAX_DYNAMIC_LOCAL_BYTES 8
#define CU_FUNCTION_CARVEOUT 9 /* percentage of the on-chip memory used as shared memory; the rest is cache */
#define CU_CONTEXT_BLOCKING_SYNC 4u
#define CU_STREAM_NON_BLOCKING 1u
#define CU_EVENT_DISABLE_TIMING 2u
#define CU_CAPTURE_THREAD_LOCAL 1
#define CU_JIT_ERROR_LOG 5
#define CU_JIT_ERROR_LOG_BYTES 6

struct cuda_driver {
#define X(is_needed, name, parameters) cu_result(*name) parameters;
#include "runtime/devices/cuda_symbols.def"
#undef X
	int version; /* 13000 is CUDA 13.0 */
};

/* Opens the library that ERC_LIBCUDA names, or libcuda.so.1. It stays loaded, because the driver has its own
 * threads. */
enum erc_status erc__cuda_driver_load(struct cuda_driver *driver);
/* ERC_OK for 0, or else a failure that names the call. */
enum erc_status erc__cuda_driver_check(const struct cuda_driver *driver, cu_result result, const char *call);
/* The error is permanent for the context or the process: no further call will succeed. */
int erc__cuda_is_lasting(cu_result result);

#endif
