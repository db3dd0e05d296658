/* ONNX bytes -> graph. This code knows the format, but not the operators. */
#ifndef ERCC_ONNX_H
#define ERCC_ONNX_H

#include "compiler/core/graph.h"

#define ONNX_NEWEST_OPSET 28 /* of ONNX's own operators, as far as it is known here */

/* Reads and checks a model file and builds its graph. Initializers become constants, local functions are inlined,
 * nested graphs are attributes of their node, and external data is read from below the model's folder. Errors name what
 * was found. */
enum ercc_status onnx_read_model(struct context *ctx, const char *path, struct graph **out);
/* The same in two steps. Each call of onnx_build_graph builds a graph of its own; all of them share the tensors. */
struct onnx_model;
enum ercc_status onnx_open_model(struct context *ctx, const char *path, struct onnx_model **out);
enum ercc_status onnx_build_graph(struct onnx_model *model, struct graph **out);
/* The same from memory. External data is refused when folder is NULL. */
enum ercc_status onnx_read_model_bytes(struct context *ctx, const void *data, size_t bytes, const char *folder,
                                       struct graph **out);
/* Reads one TensorProto, such as a .pb file of ONNX's test suite. *name is "" when the file has none. */
enum ercc_status onnx_read_tensor(struct context *ctx, const char *path, struct tensor **out, const char **name);

/* Scans the protobuf wire format once, without recursion, before it is unpacked. Refuses messages nested deeper than
 * 64, lengths that exceed their message, and files that would unpack to far more memory than their size. */
enum ercc_status onnx_scan(struct context *ctx, const void *data, size_t bytes);

#endif
