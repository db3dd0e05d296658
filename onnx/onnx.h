/* ONNX bytes -> graph. Knows the format, not the operators. */
#ifndef ERCC_ONNX_H
#define ERCC_ONNX_H

#include "compiler/core/graph.h"

/* Reads and checks a model file and builds its graph: initializers become constants, local
 * functions are inlined, nested graphs hang on their node's attributes, external data is
 * read from below the model's folder. Errors name what was found. */
enum ercc_status onnx_read_model(struct context *ctx, const char *path, struct graph **out);
/* The same from memory; external data is refused when folder is NULL. */
enum ercc_status onnx_read_model_bytes(struct context *ctx, const void *data, size_t bytes, const char *folder,
                                       struct graph **out);
/* One TensorProto (the .pb files of ONNX's test suite). *name is "" where the file has none. */
enum ercc_status onnx_read_tensor(struct context *ctx, const char *path, struct tensor **out, const char **name);

/* The pre-scan: walks the protobuf wire format once, iteratively, before anything is unpacked.
 * Refuses nesting deeper than 64 messages and lengths that do not add up. */
enum ercc_status onnx_scan(struct context *ctx, const void *data, size_t bytes);

#endif
