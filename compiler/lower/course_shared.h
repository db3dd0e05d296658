/* What branches and loops whose course is known at run time only share: course.c, course_loop.c. */
#ifndef ERCC_COURSE_SHARED_H
#define ERCC_COURSE_SHARED_H

#include "compiler/lower/regions.h"

static const struct shape scalar = {0};

static inline struct attr int_attr(const char *name, int64_t i)
{
	return (struct attr){.name = name, .kind = ATTR_INT, .i = i};
}

/* The node's expansion goes on in another region. Returns the one that it was in. */
struct region *enter_region(struct node *node, struct region *region);
/* A Choose or a Turn, with new outputs. */
struct node *add_course_node(struct node *before, const char *op_type, struct value *const *inputs, int input_count,
                             int output_count, const struct attr *attrs, int attr_count);
/* The model's node that this one stands for, for messages. */
const struct node *stands_for(const struct node *node, const char *op_type);
/* The region that the attribute names. */
struct region *region_of(const struct node *node);
enum ercc_status check_one_bool(const struct node *node, const struct value *value);
/* The condition as 0 or 1. */
struct value *emit_flag(struct node *node, struct value *condition);
/* Fails if one more region would be in too many others. */
enum ercc_status check_region_depth(const struct node *node);
bool same_dim(const struct graph *graph, const struct shape *a, const struct shape *b, int d);
/* Whether the size is known outside of the region. */
bool is_size_outside(const struct graph *graph, const struct region *region, uint16_t size);

#endif
