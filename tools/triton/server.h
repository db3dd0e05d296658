/* Triton's backend interface (API 1.19), as far as it is used: opaque types, numbers, functions. Each call returns NULL
 * or an error that the caller deletes. The server has the functions when it loads the backend; nothing of it is linked. */
#ifndef TRITON_SERVER_H
#define TRITON_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct TRITONSERVER_Error;
typedef struct TRITONSERVER_Error *triton_error;
struct TRITONSERVER_Message;
struct TRITONSERVER_Parameter;
struct TRITONSERVER_MetricFamily;
struct TRITONSERVER_Metric;
struct TRITONBACKEND_Backend;
struct TRITONBACKEND_Model;
struct TRITONBACKEND_ModelInstance;
struct TRITONBACKEND_Request;
struct TRITONBACKEND_Response;
struct TRITONBACKEND_ResponseFactory;
struct TRITONBACKEND_Input;
struct TRITONBACKEND_Output;

#define TRITON_API_MAJOR 1

enum triton_code {
	TRITON_INTERNAL = 1,
	TRITON_NOT_FOUND,
	TRITON_INVALID_ARG,
	TRITON_UNAVAILABLE,
	TRITON_UNSUPPORTED,
	TRITON_CANCELLED = 7
};
enum triton_log { TRITON_LOG_INFO, TRITON_LOG_WARNING, TRITON_LOG_ERROR, TRITON_LOG_VERBOSE };
enum triton_parameter { TRITON_STRING, TRITON_INT, TRITON_BOOL, TRITON_DOUBLE, TRITON_BYTES };
enum triton_metric { TRITON_COUNTER, TRITON_GAUGE };
enum triton_memory { TRITON_CPU, TRITON_CPU_PINNED, TRITON_GPU };
enum triton_type { TRITON_TYPE_INVALID };
#define TRITON_RELEASE_ALL 1u
#define TRITON_RESPONSE_FINAL 1u

/* Element types: Triton's number, its name in a configuration without "TYPE_", and ours. */
#define TRITON_TYPES(X) \
	X(1, "BOOL", ERC_BOOL) \
	X(2, "UINT8", ERC_U8) \
	X(3, "UINT16", ERC_U16) \
	X(4, "UINT32", ERC_U32) \
	X(5, "UINT64", ERC_U64) \
	X(6, "INT8", ERC_I8) \
	X(7, "INT16", ERC_I16) \
	X(8, "INT32", ERC_I32) \
	X(9, "INT64", ERC_I64) \
	X(10, "FP16", ERC_F16) \
	X(11, "FP32", ERC_F32) \
	X(12, "FP64", ERC_F64) \
	X(14, "BF16", ERC_BF16)

triton_error TRITONSERVER_ErrorNew(enum triton_code code, const char *message);
void TRITONSERVER_ErrorDelete(struct TRITONSERVER_Error *error);
const char *TRITONSERVER_ErrorMessage(struct TRITONSERVER_Error *error);
triton_error TRITONSERVER_LogMessage(enum triton_log level, const char *file, int line, const char *text);
triton_error TRITONSERVER_MessageNewFromSerializedJson(struct TRITONSERVER_Message **out, const char *text,
                                                       size_t bytes);
triton_error TRITONSERVER_MessageSerializeToJson(struct TRITONSERVER_Message *message, const char **text,
                                                 size_t *bytes);
triton_error TRITONSERVER_MessageDelete(struct TRITONSERVER_Message *message);
struct TRITONSERVER_Parameter *TRITONSERVER_ParameterNew(const char *name, enum triton_parameter type,
                                                         const void *value);
void TRITONSERVER_ParameterDelete(struct TRITONSERVER_Parameter *parameter);
triton_error TRITONSERVER_MetricFamilyNew(struct TRITONSERVER_MetricFamily **out, enum triton_metric kind,
                                          const char *name, const char *description);
triton_error TRITONSERVER_MetricFamilyDelete(struct TRITONSERVER_MetricFamily *family);
triton_error TRITONSERVER_MetricNew(struct TRITONSERVER_Metric **out, struct TRITONSERVER_MetricFamily *family,
                                    const struct TRITONSERVER_Parameter **labels, uint64_t count);
triton_error TRITONSERVER_MetricDelete(struct TRITONSERVER_Metric *metric);
triton_error TRITONSERVER_MetricIncrement(struct TRITONSERVER_Metric *metric, double value);
triton_error TRITONSERVER_MetricSet(struct TRITONSERVER_Metric *metric, double value);
triton_error TRITONBACKEND_ApiVersion(uint32_t *major, uint32_t *minor);
triton_error TRITONBACKEND_BackendConfig(struct TRITONBACKEND_Backend *backend, struct TRITONSERVER_Message **out);
triton_error TRITONBACKEND_BackendState(struct TRITONBACKEND_Backend *backend, void **out);
triton_error TRITONBACKEND_BackendSetState(struct TRITONBACKEND_Backend *backend, void *state);
triton_error TRITONBACKEND_ModelName(struct TRITONBACKEND_Model *model, const char **out);
triton_error TRITONBACKEND_ModelVersion(struct TRITONBACKEND_Model *model, uint64_t *out);
triton_error TRITONBACKEND_ModelRepository(struct TRITONBACKEND_Model *model, int *kind, const char **folder);
triton_error TRITONBACKEND_ModelConfig(struct TRITONBACKEND_Model *model, uint32_t version,
                                       struct TRITONSERVER_Message **out);
triton_error TRITONBACKEND_ModelAutoCompleteConfig(struct TRITONBACKEND_Model *model, bool *out);
triton_error TRITONBACKEND_ModelSetConfig(struct TRITONBACKEND_Model *model, uint32_t version,
                                          struct TRITONSERVER_Message *config);
triton_error TRITONBACKEND_ModelBackend(struct TRITONBACKEND_Model *model, struct TRITONBACKEND_Backend **out);
triton_error TRITONBACKEND_ModelState(struct TRITONBACKEND_Model *model, void **out);
triton_error TRITONBACKEND_ModelSetState(struct TRITONBACKEND_Model *model, void *state);
triton_error TRITONBACKEND_ModelInstanceModel(struct TRITONBACKEND_ModelInstance *instance,
                                              struct TRITONBACKEND_Model **out);
triton_error TRITONBACKEND_ModelInstanceState(struct TRITONBACKEND_ModelInstance *instance, void **out);
triton_error TRITONBACKEND_ModelInstanceSetState(struct TRITONBACKEND_ModelInstance *instance, void *state);
triton_error TRITONBACKEND_ModelInstanceReportStatistics(struct TRITONBACKEND_ModelInstance *instance,
                                                         struct TRITONBACKEND_Request *request, bool success,
                                                         uint64_t begin_ns, uint64_t compute_begin_ns,
                                                         uint64_t compute_end_ns, uint64_t end_ns);
triton_error TRITONBACKEND_ModelInstanceReportBatchStatistics(struct TRITONBACKEND_ModelInstance *instance,
                                                              uint64_t batch, uint64_t begin_ns,
                                                              uint64_t compute_begin_ns, uint64_t compute_end_ns,
                                                              uint64_t end_ns);
triton_error TRITONBACKEND_RequestInput(struct TRITONBACKEND_Request *request, const char *name,
                                        struct TRITONBACKEND_Input **out);
triton_error TRITONBACKEND_RequestOutputCount(struct TRITONBACKEND_Request *request, uint32_t *out);
triton_error TRITONBACKEND_RequestOutputName(struct TRITONBACKEND_Request *request, uint32_t index, const char **out);
triton_error TRITONBACKEND_RequestParameterCount(struct TRITONBACKEND_Request *request, uint32_t *out);
triton_error TRITONBACKEND_RequestParameter(struct TRITONBACKEND_Request *request, uint32_t index, const char **name,
                                            enum triton_parameter *type, const void **value);
triton_error TRITONBACKEND_InferenceRequestTimeoutMicroseconds(struct TRITONBACKEND_Request *request, uint64_t *out);
triton_error TRITONBACKEND_RequestIsCancelled(struct TRITONBACKEND_Request *request, bool *out);
triton_error TRITONBACKEND_RequestRelease(struct TRITONBACKEND_Request *request, uint32_t flags);
triton_error TRITONBACKEND_InputProperties(struct TRITONBACKEND_Input *input, const char **name, enum triton_type *type,
                                           const int64_t **dims, uint32_t *rank, uint64_t *bytes, uint32_t *buffers);
triton_error TRITONBACKEND_InputBuffer(struct TRITONBACKEND_Input *input, uint32_t index, const void **data,
                                       uint64_t *bytes, enum triton_memory *memory, int64_t *memory_id);
triton_error TRITONBACKEND_ResponseFactoryNew(struct TRITONBACKEND_ResponseFactory **out,
                                              struct TRITONBACKEND_Request *request);
triton_error TRITONBACKEND_ResponseFactoryDelete(struct TRITONBACKEND_ResponseFactory *factory);
triton_error TRITONBACKEND_ResponseNew(struct TRITONBACKEND_Response **out, struct TRITONBACKEND_Request *request);
triton_error TRITONBACKEND_ResponseOutput(struct TRITONBACKEND_Response *response, struct TRITONBACKEND_Output **out,
                                          const char *name, enum triton_type type, const int64_t *dims, uint32_t rank);
triton_error TRITONBACKEND_OutputBuffer(struct TRITONBACKEND_Output *output, void **data, uint64_t bytes,
                                        enum triton_memory *memory, int64_t *memory_id);
triton_error TRITONBACKEND_ResponseSetIntParameter(struct TRITONBACKEND_Response *response, const char *name,
                                                   int64_t value);
triton_error TRITONBACKEND_ResponseSend(struct TRITONBACKEND_Response *response, uint32_t flags,
                                        struct TRITONSERVER_Error *error);

#endif
