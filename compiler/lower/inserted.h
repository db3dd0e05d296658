/* Nodes that passes insert into a graph, and what expansions of several families share to make lists of tensors. Each family creates its own nodes, with row, dtype and shape set where the
 * infer pass does not set them later. The node goes before `before`, or to the end if that is NULL. */
#ifndef ERCC_INSERTED_H
#define ERCC_INSERTED_H

#include "compiler/lower/op.h"

/* pointwise.c: out becomes `in`, cast to `to`. insert_narrow casts only if `in` turns out to be `from`: it is for results
 * that were computed in that dtype in place of `to`. */
void insert_cast(struct graph *graph, struct node *before, struct value *in, struct value *out, enum erc_dtype to);
void insert_narrow(struct graph *graph, struct node *before, struct value *in, struct value *out, enum erc_dtype from,
                   enum erc_dtype to);
/* pointwise.c: `value` of the dtype `wide`, rounded and limited to the integers of the dtype. */
struct value *insert_rounding(struct node *before, struct value *value, enum erc_dtype wide, enum erc_dtype dtype);
/* pointwise.c: x * factor + addend in f32, as two nodes. */
struct value *insert_affine(struct node *before, struct value *x, const struct channel_affine *affine);
/* reorder.c: `in` in another layout. */
struct value *insert_reorder(struct graph *graph, struct node *before, struct value *in, enum layout layout);
#define MAX_LENGTH 4096 /* tensors in a sequence */
/* sequence.c: a sequence of these tensors; an optional that holds nothing. */
struct value *insert_list(struct graph *graph, struct node *before, const char *name, struct value *const *items,
                          int count);
struct value *insert_nothing(struct graph *graph, struct node *before, const char *name);
/* sequence.c: for expand: that output of the node becomes a sequence of these tensors. */
enum ercc_status expand_to_list(struct node *node, int slot, struct value *const *items, int count);
/* sizes.c: where dims of an element-wise node's inputs must be equal, but are known at run time only, gives it inputs
 * whose dims are one size, which is checked at run time. Returns ERCC_MODEL where they cannot be equal. */
enum ercc_status insert_agreement(struct node *node, bool *changed);
/* rows_sizes.c: for expand: the same node with inputs at their bounds and outputs of their true sizes. `rows` is written as
 * in op.h. */
enum ercc_status expand_rows(struct node *node, const char *rows);
/* sizes.c: `in` as a dense array, made by a node with this name. */
struct value *insert_pack(struct graph *graph, const char *name, struct value *in);

/* sequence.c: for expand: what `collected` holds (NULL: nothing), and one more tensor; all of its `count` tensors. */
struct value *collect(struct node *node, struct value *collected, struct value *item);
void collected_items(const struct value *collected, struct value **items, int count);

#endif
