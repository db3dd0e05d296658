/* The table of operators: one row per operator and opset range, in the table of its family. Only families.def lists the
 * families. */
#ifndef ERCC_OP_H
#define ERCC_OP_H

#include "compiler/core/graph.h"
#include "compiler/core/plan.h"
#include "compiler/kernels/dense/pointwise.h"

/* Sets of dtypes that a row accepts for the first input (T). */
#define TYPE(id) (1u << ERC_##id)
#define TYPES_FLOAT (TYPE(F32) | TYPE(F64))
#define TYPES_INT (TYPE(I8) | TYPE(I16) | TYPE(I32) | TYPE(I64) | TYPE(U8) | TYPE(U16) | TYPE(U32) | TYPE(U64))
#define TYPES_NUMBER (TYPES_FLOAT | TYPES_INT)
#define TYPES_ALL (TYPES_NUMBER | TYPE(BOOL))
/* Types of 8, 4 and 2 bits that numbers are only stored in. */
#define TYPES_STORED \
	(TYPE(F8E4M3FN) | TYPE(F8E4M3FNUZ) | TYPE(F8E5M2) | TYPE(F8E5M2FNUZ) | TYPE(F8E8M0) | TYPE(F4E2M1) | TYPE(U4) | \
	 TYPE(I4) | TYPE(U2) | TYPE(I2))
/* The elements are moved, not computed with. */
#define TYPES_MOVED (TYPES_ALL | TYPE(F16) | TYPE(BF16) | TYPES_STORED)
/* No tensor, but a list of them (a sequence) or an optional that holds nothing. A row that takes these as its first
 * input also takes them as others. */
#define TYPES_LIST TYPE(DTYPE_NONE)

#define TYPES_F8 (TYPE(F8E4M3FN) | TYPE(F8E4M3FNUZ) | TYPE(F8E5M2) | TYPE(F8E5M2FNUZ))

#define VARIADIC 255

/* What an operator does with channel-blocked values. */
enum layout_rule {
	LAYOUT_RULE_PLAIN = 0, /* all inputs and outputs plain */
	LAYOUT_RULE_WANTS,     /* decided by op->layout */
	LAYOUT_RULE_FOLLOWS,   /* element-wise: blocked if the inputs are */
};

/* When a node's first output equals its first input, element by element. */
enum identity_rule {
	IDENTITY_NEVER = 0,
	IDENTITY_FIRST, /* always; further outputs differ */
	IDENTITY_DTYPE, /* if the dtypes are equal; the shapes always are */
	IDENTITY_TYPE,  /* if dtypes and shapes are equal */
};

/* The value of an attribute that expr names, if a node does not have the attribute. */
struct attr_default {
	const char *name; /* NULL: none */
	float value;
};

/* x * factor + addend, with a factor and an addend for each channel (dim 1 of x). */
struct channel_affine {
	int64_t channels;
	float *factors, *addends;
};

struct lowering;
struct recovery;       /* match.h */
struct reduction_rule; /* ops/reduce.c */
struct line_rule;      /* ops/line.c */
struct window_rule;    /* ops/signal.c */

/* Dtypes that an operator may have, but computes with as with another one: the infer pass casts those inputs that have
 * one of them, and casts outputs of the other one to the dtype that input `like` had. */
struct conversion {
	uint32_t from;
	enum erc_dtype to;
	uint32_t inputs; /* a bit for each input that may be cast */
	int like;
	bool (*is_needed)(const struct node *node); /* NULL: always */
	bool rounds; /* to the nearest integer in the range of the dtype, ties to even; else integers are cut off */
};
bool is_mixed(const struct node *node); /* op.c: input 0 or 1 is f64 */
#define CONVERSIONS(...) ((const struct conversion[]){__VA_ARGS__, {0}})

/* A rule for rows of one family, such as RULE(line_rule, .is_least = true). */
#define RULE(kind, ...) (&(const struct kind){__VA_ARGS__})

#define AS_COMPUTED (-1)

struct op {
	const char *name;
	int since; /* first opset version of this row; the row with the highest `since` up to the model's opset is taken */
	uint8_t input_min, input_max, output_max; /* VARIADIC: any number */
	uint32_t types;                           /* of the first input */
	/* Checks the node and sets dtype and shape of every output. May set `constant` where the value is known. */
	enum ercc_status (*infer)(struct node *node);
	/* Adds the launches. NULL: infer leaves only constants, or the operator is pointwise. */
	enum ercc_status (*lower)(struct lowering *lowering, struct node *node);
	const char *expr; /* pointwise: text for expr_parse. a, b, c are the inputs, @x is an attribute */
	struct attr_default defaults[2];
	/* Sets the output's layout, given those of the inputs. Returns false where all inputs must be plain. */
	bool (*layout)(const struct node *node, enum layout *inputs, enum layout *output);
	const char *domain; /* NULL: ONNX's own */
	/* Replaces infer and lower: adds other nodes before this one, which is then removed. Dtypes and shapes of the
	 * inputs are known. Checks the node, as infer does. */
	enum ercc_status (*expand)(struct node *node);
	uint32_t own_types; /* a bit for each input with a float dtype of its own; the others share one dtype */
	/* The first outputs, where inputs are converted: the input whose dtype an output has; AS_COMPUTED: that which the inputs
	 * were converted to. 0: the dtype that the converted inputs had. */
	int8_t output_like[3];
	const struct conversion *conversions; /* ends with an empty one */
	bool casts_halves;                    /* expand casts half precision itself: it knows which dtype the result has */
	/* Set of dtypes for each input after the first. 0: infer and expand accept TYPES_MOVED or check for themselves; of
	 * TYPES_STORED only those that the first input may have. */
	uint32_t input_types[4];
	/* The attributes that the row understands, with their kinds: "axis=int sorted=int@11 axes=ints@1-17
	 * mode=text:DCR|CRD". After @: the opsets that have the attribute (11: from 11 on). After ':': its values.
	 * The kind `any` marks attributes that change no result here, and `own` those that only the compiler sets. */
	const char *attrs;
	/* Whether this node expands. NULL: every node does, if the row has expand. */
	bool (*expands)(const struct node *node);
	/* Accepts run-time sizes: infer passes the inputs' sizes on to the outputs, or expand does not need to know
	 * them. */
	bool sizes;
	/* Instead of `sizes`: the dims of inputs and outputs that may be known at run time only, because elements at
	 * different positions of them do not mix: "n*,.c->n*". One part for each input, then for each output; in it, from the
	 * left: letters are such dims, and equal letters stand for the same size; '.' is another dim, '*' are other dims up to
	 * the end. '+' are such dims up to the end, each with the same one of other parts that have a '+'; "+!axis=-1" but for
	 * this axis or these axes, an attribute and its default; "+<axis=-1" only those before it. "#axis=0" is a dim with the
	 * same size as that dim of a '+'. */
	const char *rows;
	bool makes_list; /* its output is a list of its inputs */
	bool is_pinned;  /* it is about a place in memory: never folded, nor merged with an equal node */
	/* Properties for passes. */
	enum identity_rule identity;
	bool commutes; /* its two inputs may be swapped */
	/* Factors and addends for the channels of its output can be put into its weights (input 1, whose dim 0 is the
	 * channel) and bias (input 2). */
	bool takes_channel_affine;
	const struct recovery *recoveries; /* the patterns of nodes that stand for it; ends with a row without a text */
	/* Whether a pattern that names the operator matches this node. NULL: always. */
	bool (*is_matched)(const struct node *node);
	/* Whether the node returns the input of `before`. `before` makes this node's input, and its row has the same
	 * `undoes`. */
	bool (*undoes)(const struct node *node, const struct node *before);
	/* Sets *out to what the node does to its first input. Returns false if it does something else. */
	bool (*channel_affine)(const struct node *node, struct channel_affine *out);
	/* Only in rows of one family. */
	const struct reduction_rule *reduction;
	const struct line_rule *line;
	const struct window_rule *window;
};

/* Operators of the compiler itself, which no model has. */
static inline bool op_is_own(const struct op *op)
{
	return op->domain && !strcmp(op->domain, "erc");
}

/* Nodes that the compiler adds have this opset, whatever the model's opset is. */
#define EMITTED_OPSET 23

struct family {
	const char *name;
	const struct op *ops; /* ends with a row without a name */
};
extern const struct family families[];

/* The row for an operator and opset; NULL when there is none. */
const struct op *op_find(const char *domain, const char *name, int64_t opset);
/* Gives the node another domain and the row for that domain and opset, which must exist. */
void node_set_row(struct node *node, const char *domain, int64_t opset);

/* Finds the node's row, and checks the number of inputs and outputs, and the attributes. */
enum ercc_status node_resolve(struct node *node);
/* Fails for an attribute that the row does not name, or names with another kind. */
enum ercc_status check_attrs(const struct node *node);

/* ---- for infer ---- */

/* Reports "node 'x' (Op, opset n): ..." and returns ERCC_UNSUPPORTED or the given status. */
enum ercc_status node_fail(const struct node *node, enum ercc_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* shape_text for messages about the node. */
const char *shape_words(const struct node *node, const struct shape *shape);
enum ercc_status set_output(struct node *node, int slot, enum erc_dtype dtype, const struct shape *shape);
/* The constant of an input. If it is not constant: ERCC_UNSUPPORTED, with a message that it must be known at compile
 * time. */
enum ercc_status constant_input(const struct node *node, int slot, const char *what, const struct tensor **out);
/* An integer list from attribute `name` or constant input `slot` (-1: no such input). *count is -1 if the list is
 * absent. */
enum ercc_status int_list(const struct node *node, const char *name, int slot, int64_t *values, int limit, int *count);
/* Checks an attribute that names the dtype to compute with. The compiler computes in f32, and f64 in f64, so 0 (no dtype
 * named), f32, half precision and f64's own are accepted. */
enum ercc_status check_precision(const struct node *node, const char *name);
/* Checks that the input, if it is present, has the dtype of the first one. */
enum ercc_status check_same_dtype(const struct node *node, int slot);
/* Sequences, and optionals that hold nothing, exist only while types are inferred: each is made by a node whose inputs
 * are its tensors (what a loop has collected so far: a tensor, and those before it). Returns that node, or NULL for a
 * tensor. */
const struct node *value_list(const struct value *value);
bool is_nothing(const struct value *value);        /* an optional that holds nothing */
const char *list_words(const struct value *value); /* "a sequence", "an empty optional" */
/* Converts an axis, which may be negative, and checks it against the rank. With `end`, the rank itself is allowed
 * too. */
enum ercc_status check_axis(const struct node *node, int64_t axis, int rank, int *out);
/* The same for a list, in which each axis is once. A count below 0 stands for no list. */
enum ercc_status check_axes(const struct node *node, const int64_t *axes, int count, int rank);
enum ercc_status broadcast_shapes(const struct node *node, const struct shape *a, const struct shape *b,
                                  struct shape *out);

/* ---- for expand ---- */

/* Adds the nodes of a text such as EMIT(node, "Mul(a, Softmax[axis=-1](b))", x, y). a, b, ... are the values that
 * follow the text, 0.5 is a scalar of the dtype of `a`, {1, 2} is a list of i64, and _ is an omitted input. Returns the
 * first output of the outermost node. */
#define EMIT(node, text, ...) emit_text((node), (text), (struct value *const[]){__VA_ARGS__})
struct value *emit_text(struct node *node, const char *text, struct value *const *args);
/* A node of ONNX's own that has those of the node's attributes which `names` lists, separated by spaces. */
struct value *emit_like(struct node *node, const char *op_type, const char *names, struct value *const *inputs,
                        int count);
/* Another output of the node whose first output is `first`. */
struct value *emitted_output(struct value *first, int slot);
/* Concat of any number of values. */
struct value *emit_concat(struct node *node, int axis, struct value *const *parts, int count);
/* A dim as an i64 of rank 0: its run-time size, or a constant. */
struct value *dim_value(struct node *node, const struct value *x, int axis);
/* The lengths of sequences of at most `most` elements, as i64. A run fails if one of them is not in 0 to `most`. */
struct value *emit_lengths(struct node *node, struct value *lengths, int64_t most);
/* Formatted text for EMIT. */
#define TEXT(node, ...) arena_printf(&(node)->graph->ctx->arena, __VA_ARGS__)
/* Replaces that output of the node by `value` in all its uses. */
void expand_to(struct node *node, int slot, struct value *value);
struct value *constant_ints(struct node *node, const int64_t *values, int count);
/* Numbers of a float dtype. */
struct value *constant_floats(struct node *node, enum erc_dtype dtype, const double *values, const struct shape *shape);
struct value *constant_number(struct node *node, enum erc_dtype dtype, double number);
/* `count` i64 numbers of that shape: start, start + step, ... */
struct value *constant_range(struct node *node, int64_t start, int64_t step, int64_t count, const struct shape *shape);

/* ---- for lower ---- */

struct lowering {
	struct context *ctx;
	struct plan *plan;
	struct graph *graph;
	bool folding;          /* one node with constant inputs is lowered, to evaluate it */
	struct launch *behind; /* the last launch of the nodes before the present one; NULL: none */
	struct map packed;     /* matrices packed so far, by value and form, so that products share them */
};
/* The buffer of a value. It is made at the first call. */
struct buffer *lower_buffer(struct lowering *lowering, struct value *value);
/* Gives `out` the same bytes as `in`: as a view where possible, else as a copy. Both are plain or have the same
 * layout. */
enum ercc_status lower_alias(struct lowering *lowering, struct node *node, struct value *out, struct value *in);
/* Adds a pointwise launch over `space`, without operands. */
struct launch *lower_pointwise_launch(struct lowering *lowering, const struct node *node, const struct shape *space);
/* For plan_find_packed: the constant, and the form in which it is packed. NULL without ranges. */
const char *lower_source(const struct lowering *lowering, const struct value *constant, const char *form);
/* While a sample of an entry with ranges is made: the launch of that template which was made from the node at the bounds. A
 * choice by sizes is then that launch's, so that all plans of the entry do the same. NULL: decide by the node. */
const struct launch *lower_at_bounds(const struct lowering *lowering, const struct node *node,
                                     const struct kernel_template *template);
/* Row-major strides of a plain value of `shape` that is broadcast to `space`, right-aligned. Broadcast dims have stride
 * 0. */
void broadcast_strides(const struct shape *shape, const struct shape *space, int64_t *strides);
/* Copies `in` to `out` over `space`, with the given strides and offsets in elements. */
enum ercc_status lower_copy(struct lowering *lowering, const struct node *node, struct value *in, int64_t in_offset,
                            const int64_t *in_strides, struct value *out, int64_t out_offset,
                            const int64_t *out_strides, const struct shape *space);
/* Sets every element of `out` to one constant: f or i, by dtype. */
enum ercc_status lower_fill(struct lowering *lowering, const struct node *node, struct value *out, double f, int64_t i);
int64_t value_bytes(const struct value *value); /* in its layout, in the arena */
/* packed.c: adds launches that unpack the value's elements, from its packed bytes to a buffer in the arena (before ==
 * NULL: at the end), or that pack them; and a constant of packed elements as weights, unpacked where the present node
 * uses it. */
struct buffer *unpack_elements(struct lowering *lowering, const struct value *value, struct buffer *packed,
                               struct launch *before);
void pack_elements(struct lowering *lowering, const struct value *value, struct buffer *in, struct buffer *packed);
struct buffer *unpack_constant(struct lowering *lowering, const struct value *value);
/* The tensor's elements as weights, packed if their dtype is. */
struct buffer *packed_weights(struct plan *plan, const struct tensor *tensor, const char *name);
/* The integer type with the size of an element, for moving bits. */
enum erc_dtype move_dtype(enum erc_dtype dtype);
/* Makes the plan of a graph. */
enum ercc_status lower_graph(struct graph *graph, struct plans *all, struct plan **out);

/* Evaluates a node whose inputs are all constants. *done is false where that is not possible. */
enum ercc_status fold_node(struct node *node, bool *done);

#endif
