/* A backend for Triton's server that copies its one input to its one output: what any backend in C costs there. */
#include <string.h>

#include "tools/triton/server.h"

#define EXPORT __attribute__((visibility("default")))
#define TRY(call) \
	do { \
		triton_error error_ = (call); \
		if (error_) \
			return error_; \
	} while (0)

EXPORT triton_error TRITONBACKEND_ModelInstanceExecute(struct TRITONBACKEND_ModelInstance *instance,
                                                       struct TRITONBACKEND_Request **requests, uint32_t count);

static triton_error copy(struct TRITONBACKEND_Request *request, struct TRITONBACKEND_Response *response)
{
	struct TRITONBACKEND_Input *input;
	struct TRITONBACKEND_Output *output;
	enum triton_memory memory = TRITON_CPU;
	enum triton_type type;
	const int64_t *dims;
	uint32_t rank, pieces;
	uint64_t bytes;
	int64_t id = 0;
	void *to;
	TRY(TRITONBACKEND_RequestInput(request, "x", &input));
	TRY(TRITONBACKEND_InputProperties(input, NULL, &type, &dims, &rank, &bytes, &pieces));
	TRY(TRITONBACKEND_ResponseOutput(response, &output, "y", type, dims, rank));
	TRY(TRITONBACKEND_OutputBuffer(output, &to, bytes, &memory, &id));
	for (uint32_t i = 0; i < pieces; i++) {
		const void *from;
		memory = TRITON_CPU;
		TRY(TRITONBACKEND_InputBuffer(input, i, &from, &bytes, &memory, &id));
		memcpy(to, from, bytes);
		to = (char *)to + bytes;
	}
	return NULL;
}

triton_error TRITONBACKEND_ModelInstanceExecute(struct TRITONBACKEND_ModelInstance *instance,
                                                struct TRITONBACKEND_Request **requests, uint32_t count)
{
	(void)instance;
	for (uint32_t i = 0; i < count; i++) {
		struct TRITONBACKEND_Response *response;
		TRY(TRITONBACKEND_ResponseNew(&response, requests[i]));
		triton_error error = copy(requests[i], response);
		TRY(TRITONBACKEND_ResponseSend(response, TRITON_RESPONSE_FINAL, error));
		if (error)
			TRITONSERVER_ErrorDelete(error);
		TRY(TRITONBACKEND_RequestRelease(requests[i], TRITON_RELEASE_ALL));
	}
	return NULL;
}
