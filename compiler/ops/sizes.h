/* Run-time sizes. Operators that mix elements along a dim with a run-time size are expanded into operators that use its
 * bound only. In memory a value with a run-time size has the strides of its bounds; elements after the true size are
 * undefined. */
#ifndef ERCC_SIZES_H
#define ERCC_SIZES_H

#include "compiler/lower/op.h"

/* Whether an input has a run-time size. */
bool has_sizes(const struct node *node); /* the `expands` of many rows */
/* x with a true size along the axis, where its dim is `bound`. `size` is one integer; it is clamped to 0 .. bound. */
struct value *emit_limited(struct node *node, struct value *x, int axis, int64_t bound, struct value *size);
/* x without its run-time size along the axis: the dim is the bound, and elements after the true size are undefined. */
struct value *emit_bounded(struct node *node, struct value *x, int axis);
/* x without its run-time size, with `fill` (one element of x's dtype) after the true size. `like` is a value of the
 * same shape: x may be a new value, whose shape is not inferred yet. */
struct value *emit_filled(struct node *node, struct value *x, const struct value *like, int axis, struct value *fill);
/* The minimum or maximum of a dtype; infinite for floats. */
union expr_value extreme_of(enum erc_dtype dtype, bool highest);
/* The same as a constant. */
struct value *constant_extreme(struct node *node, enum erc_dtype dtype, bool highest);
/* 0, 1, ... `count` - 1 along one axis. The shape has this rank, and its other dims are 1. */
struct value *constant_positions(struct node *node, int64_t count, int axis, int rank);
/* Negative indices count from the end of a dim. Replaces them by indices from its start; `size` is the dim's run-time
 * size. */
struct value *emit_from_start(struct node *node, struct value *indices, struct value *size);

/* Reads a list of integers whose elements are constants or run-time sizes with bounds; they become the dims of *out.
 * Returns false if that is not known. */
bool known_elements(const struct value *list, struct shape *out);
/* The shape that the model declares for the node's output, for cases where an unknown operand decides it. Returns false
 * if there is none. Whoever uses it warns with tell_stated. */
bool stated_shape(const struct node *node, struct shape *out);
void tell_stated(const struct node *node, const struct shape *shape);
/* Records what is known of the elements of the node's first output. If all are known, the output becomes a constant. */
void set_elements(struct node *node, const struct shape *elements);
/* The product of all dims. *size is 0 if it is known, else a run-time size that new nodes before `node` compute. */
void emit_product(struct node *node, const struct shape *shape, int64_t *bound, uint16_t *size);

/* Dims of a node's inputs that must be equal. */
#define PLACES_MAX 32
struct places {
	struct {
		int slot, dim;
	} items[PLACES_MAX];
	int count;
};
/* Where one of these dims has a run-time size, replaces the values in `inputs`, which stand for the node's inputs, by ones
 * that have one dim of *bound elements there. *size is the true number, or NULL where that is *bound. Where it is not known
 * that the dims are equal, a run checks it. */
enum ercc_status emit_agreed(struct node *node, const struct places *places, struct value **inputs, int64_t *bound,
                             struct value **size);

/* ---- move_sizes.c: rows of move.c where run-time sizes prevent a view or a copy ---- */

bool is_sized_reshape(const struct node *node);
/* Whether 0 in a Reshape's shape is a size. Else it stands for the input's dim. Expansions compute the shapes of their
 * nodes, so there it always is a size. */
bool allows_zero(const struct node *node);
enum ercc_status expand_sized_reshape(struct node *node);
enum ercc_status expand_sized_flatten(struct node *node);
bool is_sized_slice(const struct node *node);
enum ercc_status expand_sized_slice(struct node *node);
bool is_sized_concat(const struct node *node);
enum ercc_status expand_sized_concat(struct node *node);
bool is_sized_split(const struct node *node);
enum ercc_status expand_sized_split(struct node *node);
bool is_sized_tile(const struct node *node);
enum ercc_status expand_sized_tile(struct node *node);

/* ---- rows_sizes.c: rows of other tables ---- */

/* Adds a node with the same operator and attributes, but other inputs. */
struct node *emit_same(struct node *node, struct value *const *inputs, int count);

enum ercc_status expand_sized_product(struct node *node);

#endif
