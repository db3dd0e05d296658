/* Single nodes; see make_model_nodes.c. Values are names; module names as in make_model.h. */
#ifndef ERC_MAKE_MODEL_NODES_H
#define ERC_MAKE_MODEL_NODES_H

#include "tools/dev/make_model.h"

#define MODULE(...) arena_printf(maker->arena, __VA_ARGS__)

/* `output` NULL: named after the node. Inputs as in build_free_node. */
onnx_node *emit_node(struct maker *maker, const char *module, const char *op_type, const char *inputs,
                     const char *output);
/* A node without attributes; b and c may be NULL. */
const char *emit(struct maker *maker, const char *module, const char *op_type, const char *a, const char *b,
                 const char *c);
const char *emit_axis(struct maker *maker, const char *module, const char *op_type, const char *a, const char *b,
                      int64_t axis);
const char *emit_float(struct maker *maker, const char *module, float number);
const char *emit_index(struct maker *maker, const char *module, int64_t number);
/* `count` ints, as a list of int64. */
const char *emit_list(struct maker *maker, const char *module, int count, ...);
/* Along one axis; `end` may lie beyond it. */
const char *emit_slice(struct maker *maker, const char *module, const char *x, int64_t axis, int64_t start, int64_t end,
                       int64_t step);
const char *emit_transpose(struct maker *maker, const char *module, const char *x, int rank, const int64_t *order);
const char *random_weight(struct maker *maker, const char *name, int rank, const int64_t *dims, float mean,
                          float deviation);
/* An output of the model. */
void output_value(struct maker *maker, const char *value, const char *name, int rank, const int64_t *dims);

/* make_model_transformers.c: MatMul and Add; layer-norm and GELU in their parts. */
const char *linear(struct maker *maker, const char *module, const char *x, int inputs, int outputs, enum gain gain);
const char *layer_norm(struct maker *maker, const char *module, const char *x, int width, float epsilon);
const char *gelu_erf(struct maker *maker, const char *module, const char *x);

#endif
