/* What an operator is: one row per operator and opset range, in the table of its family.
 * families.def lists the families; nothing else does. */
#ifndef ERCC_OP_H
#define ERCC_OP_H

#include "compiler/core/graph.h"
#include "compiler/core/plan.h"
#include "compiler/kernels/pointwise.h"

/* Sets of dtypes that an operator row takes, for its first input (T). */
#define TYPE(id) (1u << ERC_##id)
#define TYPES_FLOAT (TYPE(F32) | TYPE(F64))
#define TYPES_INT (TYPE(I8) | TYPE(I16) | TYPE(I32) | TYPE(I64) | TYPE(U8) | TYPE(U16) | TYPE(U32) | TYPE(U64))
#define TYPES_NUMBER (TYPES_FLOAT | TYPES_INT)
#define TYPES_ALL (TYPES_NUMBER | TYPE(BOOL))
/* Moved without being computed with. */
#define TYPES_MOVED (TYPES_ALL | TYPE(F16) | TYPE(BF16))

#define VARIADIC 255

/* How an operator stands to channel-blocked values. */
enum layout_rule {
	LAYOUT_RULE_PLAIN = 0, /* all inputs and outputs plain */
	LAYOUT_RULE_WANTS,     /* decided by op->layout */
	LAYOUT_RULE_FOLLOWS,   /* element-wise: blocked where its inputs are */
};

/* When a node's first output is its first input, element by element. */
enum identity_rule {
	IDENTITY_NEVER = 0,
	IDENTITY_FIRST, /* always; further outputs are something else */
	IDENTITY_DTYPE, /* where the dtype stays: the shape does so anyway */
	IDENTITY_TYPE,  /* where dtype and shape stay */
};

/* An attribute that expr names, where a node does not give it. */
struct attr_default {
	const char *name; /* NULL: none */
	float value;
};

/* x * factor + addend for each channel, dim 1 of x. */
struct channel_affine {
	int64_t channels;
	float *factors, *addends;
};

struct lowering;
struct recovery;       /* match.h */
struct reduction_rule; /* ops/reduce.c */
struct line_rule;      /* ops/line.c */
struct window_rule;    /* ops/signal.c */

/* The rule of a row of one family: RULE(line_rule, .is_least = true). */
#define RULE(kind, ...) (&(const struct kind){__VA_ARGS__})

struct op {
	const char *name;
	int since; /* first opset version this row covers; the highest one not above the model's is taken */
	uint8_t input_min, input_max, output_max; /* VARIADIC: any number */
	uint32_t types;                           /* of the first input */
	/* Checks the node and sets dtype and shape of every output; may set `constant` where the value is known. */
	enum ercc_status (*infer)(struct node *node);
	/* Adds the launches. NULL: infer leaves only constants, or the row is pointwise. */
	enum ercc_status (*lower)(struct lowering *lowering, struct node *node);
	const char *expr; /* pointwise: text for expr_parse; a, b, c are the inputs, @x an attribute */
	struct attr_default defaults[2];
	/* Output layout for the layouts of the inputs; false: all inputs must be plain. */
	bool (*layout)(const struct node *node, enum layout *inputs, enum layout *output);
	const char *domain; /* NULL: ONNX's own */
	/* Instead of infer and lower: puts other nodes before this one, which then goes. Dtypes and shapes of the
	 * inputs are known. Checks the node, as infer does. */
	enum ercc_status (*expand)(struct node *node);
	uint32_t own_types; /* a bit for each input whose float dtype is its own; all others have the same one */
	/* Whether this node expands; NULL: every one does where the row has expand. */
	bool (*expands)(const struct node *node);
	/* Takes run-time sizes: infer hands those of the inputs on to the outputs, or expand needs none to be known. */
	bool sizes;
	/* What passes ask. */
	enum identity_rule identity;
	bool commutes; /* its two inputs may change places */
	/* Factors and addends by channel of its output go into its weights (input 1, whose dim 0 is the channel) and bias
	 * (input 2). */
	bool takes_channel_affine;
	const struct recovery *recoveries; /* what it looks like taken apart; ends with a row without a text */
	/* Whether patterns take this node for the operator that they name; NULL: always. */
	bool (*is_matched)(const struct node *node);
	/* Whether the node gives back the input of `before`, which makes its input and has the same function here. */
	bool (*undoes)(const struct node *node, const struct node *before);
	/* Fills in what the node does to its first input; false: it does something else. */
	bool (*channel_affine)(const struct node *node, struct channel_affine *out);
	/* What rows of one family alone have. */
	const struct reduction_rule *reduction;
	const struct line_rule *line;
	const struct window_rule *window;
};

struct family {
	const char *name;
	const struct op *ops; /* ends with a row without a name */
};
extern const struct family families[];

/* The row for a node's operator and opset; NULL when there is none. */
const struct op *op_find(const char *domain, const char *name, int64_t opset);
/* Makes the node one of the domain, with the row of that opset, which must be there. */
void node_set_row(struct node *node, const char *domain, int64_t opset);

/* Gives the node its row, and checks how many inputs and outputs it has. */
enum ercc_status node_resolve(struct node *node);

/* ---- for infer ---- */

/* Reports "node 'x' (Op, opset n): ..." and returns ERCC_UNSUPPORTED or the given status. */
enum ercc_status node_fail(const struct node *node, enum ercc_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* shape_text for messages about the node. */
const char *shape_words(const struct node *node, const struct shape *shape);
enum ercc_status set_output(struct node *node, int slot, enum erc_dtype dtype, const struct shape *shape);
/* The constant of an input, or ERCC_UNSUPPORTED with a message that says it must be known at compile time. */
enum ercc_status constant_input(const struct node *node, int slot, const char *what, const struct tensor **out);
/* An integer list from attribute `name` or constant input `slot` (-1: no such input). count -1: absent. */
enum ercc_status int_list(const struct node *node, const char *name, int slot, int64_t *values, int limit, int *count);
/* The input, where it is given, has the dtype of the first one. */
enum ercc_status check_same_dtype(const struct node *node, int slot);
/* A possibly negative axis, checked against rank (inclusive end: rank itself is allowed where `end` is set). */
enum ercc_status check_axis(const struct node *node, int64_t axis, int rank, int *out);
enum ercc_status broadcast_shapes(const struct node *node, const struct shape *a, const struct shape *b,
                                  struct shape *out);

/* ---- for expand ---- */

/* Adds the nodes of EMIT(node, "Mul(a, Softmax[axis=-1](b))", x, y): a, b, ... are the values that follow, 0.5 is a
 * scalar of the dtype of `a`, {1, 2} a list of i64, _ an input left out. Returns the first output of the outermost. */
#define EMIT(node, text, ...) emit_text((node), (text), (struct value *const[]){__VA_ARGS__})
struct value *emit_text(struct node *node, const char *text, struct value *const *args);
/* A further output of the node that `first` was emitted with. */
struct value *emitted_output(struct value *first, int slot);
/* Concat of any number of values. */
struct value *emit_concat(struct node *node, int axis, struct value *const *parts, int count);
/* Formatted text for EMIT. */
#define TEXT(node, ...) arena_printf(&(node)->graph->ctx->arena, __VA_ARGS__)
/* Uses of that output become uses of `value`. */
void expand_to(struct node *node, int slot, struct value *value);
struct value *constant_ints(struct node *node, const int64_t *values, int count);
struct value *constant_floats(struct node *node, const float *values, const struct shape *shape);
struct value *constant_number(struct node *node, enum erc_dtype dtype, double number);
/* i64: start, start + step, ... */
struct value *constant_range(struct node *node, int64_t start, int64_t step, int64_t count, const struct shape *shape);

/* ---- for lower ---- */

struct lowering {
	struct context *ctx;
	struct plan *plan;
	struct graph *graph;
	bool folding;      /* lowering one node of constants, to evaluate it */
	struct map packed; /* matrices packed so far, by value and form: products share them */
};
/* The buffer of a value; made when first asked for. */
struct buffer *lower_buffer(struct lowering *lowering, struct value *value);
/* Makes `out` the same bytes as `in`: a view where possible, else a copy. Both plain, or same layout. */
enum ercc_status lower_alias(struct lowering *lowering, struct node *node, struct value *out, struct value *in);
/* A pointwise launch over `space` with no operand yet. */
struct launch *lower_pointwise_launch(struct lowering *lowering, const struct node *node, const struct shape *space);
/* Row-major strides of a plain value of `shape` broadcast to `space` (right-aligned): 0 where it is broadcast. */
void broadcast_strides(const struct shape *shape, const struct shape *space, int64_t *strides);
/* A copy of `in` to `out` over `space` with the given strides and element offsets. */
enum ercc_status lower_copy(struct lowering *lowering, const struct node *node, struct value *in, int64_t in_offset,
                            const int64_t *in_strides, struct value *out, int64_t out_offset,
                            const int64_t *out_strides, const struct shape *space);
/* Writes one constant element everywhere into `out`. */
enum ercc_status lower_fill(struct lowering *lowering, const struct node *node, struct value *out, double f, int64_t i);
int64_t value_bytes(const struct value *value); /* in its layout */
/* The integer type of an element's size, for moving bits. */
enum erc_dtype move_dtype(enum erc_dtype dtype);
/* Plan of one graph. */
enum ercc_status lower_graph(struct graph *graph, struct plan **out);

/* Evaluates a node whose inputs are all constants; *done is false where it cannot. */
enum ercc_status fold_node(struct node *node, bool *done);

#endif
