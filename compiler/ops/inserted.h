/* Nodes that passes put into a graph: each family makes its own, with the row, dtype and shape set where they are not
 * inferred later. `before` is the node that they stand before; NULL: at the end. */
#ifndef ERCC_INSERTED_H
#define ERCC_INSERTED_H

#include "compiler/lower/op.h"

/* pointwise.c: out is `in` as `to`; and the same for what was computed in f32 for half precision (Narrow). */
void insert_cast(struct graph *graph, struct node *before, struct value *in, struct value *out, enum erc_dtype to);
void insert_narrow(struct graph *graph, struct node *before, struct value *in, struct value *out, enum erc_dtype to);
/* pointwise.c: x * factor + addend, f32, as two nodes. */
struct value *insert_affine(struct node *before, struct value *x, const struct channel_affine *affine);
/* reorder.c: `in`, in another layout. */
struct value *insert_reorder(struct graph *graph, struct node *before, struct value *in, enum layout layout);
/* sizes.c: `in` as a dense array, made by a node of that name. */
struct value *insert_pack(struct graph *graph, const char *name, struct value *in);

#endif
