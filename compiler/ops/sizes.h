/* Run-time sizes: how operators that mix elements along a dim with one are made of operators that know bounds alone.
 * A value with a run-time size lies in memory with the strides of its bounds; what lies behind the true size is
 * undefined. */
#ifndef ERCC_SIZES_H
#define ERCC_SIZES_H

#include "compiler/lower/op.h"

/* Some input has a run-time size. */
bool has_sizes(const struct node *node); /* `expands` of many rows */
/* A dim as an i64 of rank 0: its run-time size, or a constant. */
struct value *dim_value(struct node *node, const struct value *x, int axis);
/* x, whose dim is `bound` along the axis, with `size` (one integer) as the true size there, brought into 0 .. bound. */
struct value *emit_limited(struct node *node, struct value *x, int axis, int64_t bound, struct value *size);
/* x whose dim is the bound, and not the run-time size: what lies behind the true size is undefined. */
struct value *emit_bounded(struct node *node, struct value *x, int axis);
/* The same with `fill` (one element of x's dtype) behind the true size. `like` has x's shape: x may be new. */
struct value *emit_filled(struct node *node, struct value *x, const struct value *like, int axis, struct value *fill);
/* The lowest (highest) number of a dtype. */
struct value *constant_extreme(struct node *node, enum erc_dtype dtype, bool highest);
/* 0, 1, ... along one axis of a shape of that rank whose other dims are 1. */
struct value *constant_positions(struct node *node, int64_t count, int axis, int rank);
/* Where negative indices count from the end of a dim with a run-time size: all as they count from its start. */
struct value *emit_from_start(struct node *node, struct value *indices, struct value *size);

/* What is known of the elements of a list of integers: constants, and sizes with their bounds, as dims. False: not
 * enough. */
bool known_elements(const struct value *list, struct shape *out);
/* The shape that the model states for the node's output, for operands that decide it and are not known; who takes it
 * tells so, in a warning. */
bool stated_shape(const struct node *node, struct shape *out);
void tell_stated(const struct node *node, const struct shape *shape);
/* Puts down what is known of an output of the node; the constant where all is. */
void set_elements(struct node *node, const struct shape *elements);
/* The product of all dims: known, or a run-time size that nodes compute before `node`. */
void emit_product(struct node *node, const struct shape *shape, int64_t *bound, uint16_t *size);

/* ---- move_sizes.c: rows of move.c where sizes are in the way of a view or a copy ---- */

bool is_sized_reshape(const struct node *node);
enum ercc_status expand_sized_reshape(struct node *node);
enum ercc_status expand_sized_flatten(struct node *node);
bool is_sized_slice(const struct node *node);
enum ercc_status expand_sized_slice(struct node *node);
bool is_sized_concat(const struct node *node);
enum ercc_status expand_sized_concat(struct node *node);

/* ---- rows_sizes.c: rows of other tables ---- */

enum ercc_status expand_sized_rows(struct node *node);    /* by dim 0 of the first input */
enum ercc_status expand_sized_regions(struct node *node); /* by dim 0 of the second and third */
enum ercc_status expand_sized_product(struct node *node);

#endif
