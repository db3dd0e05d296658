/* Nested graphs become nodes of the graph around them: copies for each iteration, or nodes of a region where the course is
 * known at run time only. The nodes of a region hand on what they compute through places in memory, which these own nodes
 * are about:
 *
 *     Assign(x)        a copy of x, in a buffer of its own
 *     Assign(x, s)     ... in the buffer of s, which then holds the next iteration's value
 *     Join(a, b, ...)  the buffer that the Assigns a and b (of two branches) or a (before a loop) write; inputs after these
 *                      are only kept alive
 *     Iteration()      the number of iterations that the loop has done
 *     Place(x, i)      an array of what x was in each iteration; i is the number of the present one
 *     Repeat(w, ...)   behind a loop: what it has left in the buffers of the w */
#ifndef ERCC_REGIONS_H
#define ERCC_REGIONS_H

#include "compiler/lower/inserted.h"

/* ---- inline.c: for expand ---- */

/* Copies the nodes of the graph attribute to the place before `node`, into its region. `arguments` replace the graph's
 * inputs; `results` receives its outputs. */
enum ercc_status inline_body(struct node *node, const char *name, struct value *const *arguments, size_t argument_count,
                             struct value **results, size_t result_count);
int64_t nodes_in(const struct graph *graph);
/* Count copies of nodes, and iterations that an unrolled loop is about to take. Fail at the limits of the options. */
enum ercc_status count_copied(const struct node *node, int64_t nodes);
enum ercc_status count_iterations(const struct node *node, int64_t iterations);
/* Maximum number of iterations of a loop that states none. */
int64_t iterations_allowed(const struct graph *graph);

/* ---- regions.c: the new node goes before `before`, into the region ---- */

/* A copy of x as a value of this dtype and shape, whose dims may be larger than those of x. `into`: see Assign. */
struct value *insert_assign(struct node *before, struct region *region, struct value *x, struct value *into,
                            enum erc_dtype dtype, const struct shape *shape);
/* The first `assigned` of the inputs are Assigns. */
struct value *insert_join(struct node *before, struct region *region, struct value *const *inputs, int count,
                          int assigned, enum erc_dtype dtype, const struct shape *shape);
/* Sets region->iteration. */
struct value *insert_iteration(struct node *before, struct region *region);
/* `shape` is that of the array. */
struct value *insert_place(struct node *before, struct region *loop, struct value *x, struct value *iteration,
                           const struct shape *shape);
/* The node's outputs have the dtypes and shapes of its first inputs; inputs after these are only kept alive. */
struct node *insert_repeat(struct node *before, struct value *const *inputs, int count, int outputs);

/* ---- course.c, course_loop.c: for expand ---- */

/* Both graph attributes become regions. */
enum ercc_status expand_branch(struct node *node, const char *then_name, const char *else_name);

/* A loop that becomes a region. */
struct course {
	struct value **init; /* what the states are before the loop: inputs of the node, from input `first_state` on */
	int first_state, state_count;
	int collected;           /* number of values that the body adds to an array in each iteration */
	struct value *condition; /* a bool; NULL: it holds */
	struct value *trips;     /* one i64; NULL: `most` is the number of iterations, or there is none */
	bool is_counted;         /* without `trips`: `most` is the number of iterations */
	int64_t most;
	/* Set by begin_loop: */
	struct region *loop;
	struct value **states; /* as the body reads them */
	struct value *carried; /* the condition: 0 or 1 */
	struct value *iteration;
	struct value **results; /* set by end_loop: the states after the loop, then the arrays */
};
/* The nodes that `node` adds from now on are the loop's. */
enum ercc_status begin_loop(struct node *node, struct course *course);
/* `results`: the states after an iteration, then what is collected. more: the body's condition; NULL: it has none. */
void end_loop(struct node *node, struct course *course, struct value *const *results, struct value *more);

enum ercc_status expand_choose(struct node *node);
enum ercc_status expand_turn(struct node *node);

/* Rows of these nodes, in ops/control.c. */
enum ercc_status infer_region_node(struct node *node);
enum ercc_status lower_assign(struct lowering *lowering, struct node *node);
enum ercc_status lower_join(struct lowering *lowering, struct node *node);
enum ercc_status lower_iteration(struct lowering *lowering, struct node *node);
enum ercc_status lower_place(struct lowering *lowering, struct node *node);
enum ercc_status lower_repeat(struct lowering *lowering, struct node *node);

#endif
