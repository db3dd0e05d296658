/* The first IR: ONNX-level nodes over typed values. The importer builds it, the passes rewrite it, and lowering turns
 * it into a plan. Everything lives in the compilation's arena: nodes and values are unlinked, never freed.
 *
 * A value has one producer (a node's output slot, a graph input, or constant data) and any number of uses. Names are
 * unique within a graph and its subgraphs. */
#ifndef ERCC_GRAPH_H
#define ERCC_GRAPH_H

#include "compiler/core/core.h"

#define MAX_RANK 8
/* Maximum number of elements of one tensor. It keeps sizes in bytes from overflowing. */
#define MAX_ELEMENTS ((int64_t)1 << 40)

/* ---- types ---- */

/* Bytes per element in the compiler and in a request's arena, where no element has less than a byte; 0 for strings. */
size_t dtype_bytes(enum erc_dtype dtype);
/* Elements of 4 and 2 bits are packed in files, in WEIGHTS and in callers' memory: this number to a byte, the first in
 * the low bits. Elsewhere they are the low bits of a byte each, whose other bits are 0. 1 for all other dtypes. */
int dtype_packing(enum erc_dtype dtype);
/* Bytes that so many elements take where they are packed. */
int64_t packed_bytes(enum erc_dtype dtype, int64_t elements);
/* `elements` from packed bytes to one byte each, and back. `dtype` must be a packed one. */
void elements_unpack(enum erc_dtype dtype, const void *packed, int64_t elements, void *out);
void elements_pack(enum erc_dtype dtype, const void *bytes, int64_t elements, void *out);
/* The byte of a number that has a packed dtype. */
uint8_t packed_element(enum erc_dtype dtype, int64_t number);
const char *dtype_name(enum erc_dtype dtype); /* "f32" */
bool dtype_is_float(enum erc_dtype dtype);
bool dtype_is_integer(enum erc_dtype dtype); /* not bool, and none of less than a byte */
/* A type that numbers are stored in, but not computed with: f8..., u4, i4, f4e2m1, u2, i2. */
bool dtype_is_stored(enum erc_dtype dtype);
/* The dtype of that name; ERC_DTYPE_NONE when there is none. */
enum erc_dtype dtype_from_name(const char *name, size_t length);
/* Converts the bits of an f16 or bf16 to a number. */
float f16_to_float(uint16_t bits);
float bf16_to_float(uint16_t bits);

struct shape {
	int rank;                 /* -1: unknown */
	int64_t dims[MAX_RANK];   /* -1: unknown; an upper bound where `sizes` names a run-time size */
	uint16_t sizes[MAX_RANK]; /* 0: the dim is exact; else the number of its run-time size in the graph */
};
/* Product of the dims; -1 when a dim is unknown or the product exceeds MAX_ELEMENTS. With a zero dim the product is 0,
 * but the product of the other dims must still be at most MAX_ELEMENTS. */
int64_t shape_elements(const struct shape *shape);
/* Whether the rank and all dims are known. */
bool shape_known(const struct shape *shape);
bool shape_equal(const struct shape *a, const struct shape *b);
/* Whether the shape fits the declared one: each dim is the same, or the model leaves it open. */
bool shape_fits(const struct shape *stated, const struct shape *shape);
/* Whether upper bounds and true sizes give the same strides. This holds where only the outermost dim larger than 1 has
 * a run-time size. */
bool shape_is_dense(const struct shape *shape);
/* The first dim that has a run-time size; -1 when there is none. */
int shape_run_time_dim(const struct shape *shape);
/* "[1x3x224x224]"; "[?x3]" for unknown dims, "[*]" for unknown rank, "[<=64x4]" for a run-time size. */
const char *shape_text(struct arena *arena, const struct shape *shape);
struct shape shape_of(int rank, const int64_t *dims);

/* How the elements of a value lie in memory (enum erca_layout). The layout pass chooses it. */
enum layout {
	LAYOUT_PLAIN, /* row-major */
	LAYOUT_NC16,  /* dims: N, ceil(C/16), spatial..., 16 */
};

/* Constant data. A splat tensor stores one element, which is the value of all elements. */
struct tensor {
	enum erc_dtype dtype;
	struct shape shape;
	const void *data; /* row-major; borrowed or in the arena; strings: char *const * */
	bool splat;
};
/* Bytes that `data` holds (one element for a splat). */
size_t tensor_bytes(const struct tensor *tensor);
struct tensor *tensor_new(struct arena *arena, enum erc_dtype dtype, const struct shape *shape, const void *data);
/* The tensor with all elements stored. Returns a tensor that is no splat as it is. */
const struct tensor *tensor_expand(struct arena *arena, const struct tensor *tensor);
/* Element `index` of an integer or bool tensor, or the bits of a stored float. */
int64_t tensor_int(const struct tensor *tensor, int64_t index);
double tensor_float(const struct tensor *tensor, int64_t index); /* f32, f64, f16, bf16, integers */

/* One input of a node, in the list of its value's uses. */
struct use {
	struct node *user;
	struct value *value; /* NULL: not in a list */
	struct use *previous, *next;
};

/* What an input of the model is, other than a tensor. The lists pass replaces such inputs by tensors, of which an
 * operator of the compiler makes the sequence. Both bits: an optional that holds a sequence. */
#define VALUE_SEQUENCE 1
#define VALUE_OPTIONAL 2

struct value {
	const char *name;
	enum erc_dtype dtype; /* ERC_DTYPE_NONE: not known yet, or no tensor */
	struct shape shape;
	const char *dim_names[MAX_RANK]; /* symbolic dimensions of a graph input; NULL elsewhere */
	const struct tensor *constant;   /* known at compile time; NULL otherwise */
	struct node *producer;           /* NULL: graph input, constant, or outer value */
	int producer_slot;
	struct use *uses;             /* by nodes, also of nested graphs */
	int output_uses;              /* by graph outputs */
	const struct shape *elements; /* of an i64 of rank 0 or 1: its elements, as dims of a shape; NULL: not known */
	enum layout layout;
	const struct tensor *otherwise; /* of an input: the model's value for it if nobody gives one; NULL: none */
	int kind;                       /* VALUE_SEQUENCE, VALUE_OPTIONAL; dtype and shape are those of its tensors */
	void *scratch;                  /* for the running pass; NULL when a pass starts */
};

/* ---- attributes ---- */

enum attr_kind {
	ATTR_INT,
	ATTR_FLOAT,
	ATTR_STRING,
	ATTR_TENSOR, /* sparse tensors are converted to dense ones */
	ATTR_GRAPH,
	ATTR_INTS,
	ATTR_FLOATS,
	ATTR_STRINGS,
	ATTR_OTHER, /* a kind that no operator here takes (types, lists of tensors or graphs); without data */
};

struct attr {
	const char *name;
	enum attr_kind kind;
	int64_t count; /* of ints, floats, strings */
	union {
		int64_t i;
		float f;
		const char *s; /* bytes of a string attribute, NUL-terminated */
		const struct tensor *tensor;
		struct graph *graph;
		const int64_t *ints;
		const float *floats;
		const char *const *strings;
	};
	bool read; /* node_attr has returned it. Tests look at this */
};

/* ---- nodes ---- */

struct op; /* lower/op.h */

struct node {
	const char *name;      /* as in the file; generated ("Conv_12") where the file has none */
	const char *op_type;   /* "Conv" */
	const char *domain;    /* "" is ONNX's own */
	int64_t opset;         /* version of the domain, as the model imports it */
	const struct op *op;   /* NULL until resolved */
	struct value **inputs; /* NULL entries: omitted optional inputs; written by node_set_input alone */
	int input_count;
	struct use *uses;       /* one for each input */
	struct value **outputs; /* NULL entries: omitted optional outputs */
	int output_count;
	struct attr *attrs;
	int attr_count;
	bool is_emitted; /* made by an expansion, not in the model */
	struct graph *graph;
	struct region *region;        /* NULL: it runs once, always */
	bool hands_on;                /* it uses values of regions that end before it */
	struct node *previous, *next; /* in execution order */
	void *scratch;                /* for the running pass */
};

/* Looks up an attribute; NULL when it is absent. */
const struct attr *node_attr(const struct node *node, const char *name);
int64_t node_attr_int(const struct node *node, const char *name, int64_t otherwise);
float node_attr_float(const struct node *node, const char *name, float otherwise);
const char *node_attr_text(const struct node *node, const char *name, const char *otherwise);
/* NULL where the input is omitted. */
static inline struct value *node_input(const struct node *node, int slot)
{
	return slot < node->input_count ? node->inputs[slot] : NULL;
}
static inline struct value *node_output(const struct node *node, int slot)
{
	return slot < node->output_count ? node->outputs[slot] : NULL;
}

/* ---- regions: nodes whose course is known at run time only ---- */

enum region_kind {
	REGION_THEN, /* runs if the condition holds */
	REGION_ELSE, /* ... if it does not; directly after the REGION_THEN of the same branch */
	REGION_LOOP, /* runs again and again, while the condition holds */
};

/* The nodes of a branch or of a loop's body, which stand together. Nodes elsewhere use what they compute only through the
 * nodes of lower/regions.h. */
struct region {
	enum region_kind kind;
	struct region *around; /* the region that it is a part of; NULL: none */
	int number;            /* among the regions of the graph; a region has a higher one than those around it */
	const char *name;      /* of the node that it was made from */
	/* Run-time sizes of the graph: */
	uint16_t condition; /* 0 or 1; no size: it always holds */
	uint16_t trips;     /* loop: maximum number of iterations; no size: `most` is it, if `is_counted` */
	uint16_t iteration; /* loop: number of iterations done */
	bool is_counted;    /* loop: there is a number of iterations at which it ends */
	int64_t expected;   /* loop: number of iterations that predictions count with */
	int64_t most;       /* loop: a run that would need more iterations fails */
};

/* Whether what a node of region `outer` computes is known wherever nodes of region `inner` run. */
static inline bool region_reaches(const struct region *outer, const struct region *inner)
{
	while (inner && inner != outer)
		inner = inner->around;
	return inner == outer;
}

/* ---- the graph ---- */

/* Type and shape as declared in the file, before inference. */
struct stated_type {
	enum erc_dtype dtype; /* ERC_DTYPE_NONE: not declared */
	struct shape shape;
	const char *dim_names[MAX_RANK]; /* NULL where a dim is a number or has no name */
	int kind;                        /* as of a value */
};

/* ceil(numerator / divisor), or a number that is made of it */
struct quotient {
	int64_t numerator, divisor;
};

struct graph {
	struct context *ctx;
	const char *name;
	struct graph *parent;      /* of a nested graph: the graph whose values it may use */
	struct node *first, *last; /* execution order: every value is produced before it is used */
	int node_count;
	struct value **inputs; /* without initializers and pinned inputs */
	size_t input_count, input_capacity;
	struct value **defaults; /* initializers that are inputs too, and compiled in */
	size_t default_count, default_capacity;
	struct value **outputs;    /* a value may occur more than once, and may be an input or a constant; written by
	                         * graph_set_output and graph_clear_outputs alone */
	const char **output_names; /* the model's own names for them */
	size_t output_count, output_capacity;
	struct stated_type *output_types; /* declared in the file, per output; NULL for graphs that are not from a file */
	struct map *names;                /* all value names used so far; shared by a graph and its nested graphs */
	int name_counter;                 /* for graph_unique_name; only the root's is used */
	struct value *
		*sizes; /* run-time sizes: one i64 each, from 0 to the upper bound of its dims; number 1 is the first */
	size_t size_count, size_capacity;
	struct region **regions;
	size_t region_count, region_capacity;
	struct quotient *quotients; /* what graph_quotient was called with */
	size_t quotient_count, quotient_capacity;
	const struct node *told_stated; /* the last node for which a warning said that its declared shape is used */
	bool typed;                     /* set by shape inference: from then on every value is a tensor of known rank */
	int64_t iterations, copied;     /* of loops unrolled so far, and nodes copied for them; only the root's are used */
	/* from the file, for META and reports */
	int64_t ir_version, opset; /* used by the compiler: at most the newest known */
	/* in the file, where newer than the newest known; else 0. newer_function_opset: of a local function */
	int64_t newer_ir_version, newer_opset, newer_function_opset;
	const char *producer;
};

struct graph *graph_new(struct context *ctx, struct graph *parent);
/* Makes a value without a producer. The name is copied. */
struct value *graph_value(struct graph *graph, const char *name);
struct value *graph_constant(struct graph *graph, const char *name, const struct tensor *tensor);
/* A rank-0 or rank-1 i64 constant. */
struct value *graph_constant_ints(struct graph *graph, const char *name, int rank, const int64_t *values,
                                  int64_t count);
void graph_add_input(struct graph *graph, struct value *value);
void graph_add_output(struct graph *graph, const char *name, struct value *value);
/* The number of a run-time size. The value is one i64 of rank 0, from 0 to `bound`. The same value always has the same
 * number. */
uint16_t graph_add_size(struct graph *graph, struct value *value, int64_t bound);
/* The value of a size, and its slot in the table of run-time dims. Sizes that were merged share one slot. */
struct value *graph_size(const struct graph *graph, uint16_t size);
int graph_size_slot(const struct graph *graph, uint16_t size);
/* Adds a region around nodes that are added later. */
struct region *graph_add_region(struct graph *graph, enum region_kind kind, struct region *around, const char *name);
/* ceil(numerator / divisor), for dims and params. All numbers of a plan must be sums of products of dims, or come from
 * here: else they have no formula where dims are ranges (artifact/formula.h). */
int64_t graph_quotient(struct graph *graph, int64_t numerator, int64_t divisor);
/* A name such as "stem_7" that no other value has. */
const char *graph_unique_name(struct graph *graph, const char *stem);

/* Appends a node (before == NULL) or inserts it before another, in the region of that one. The arrays are copied, and the
 * outputs' producer is set. */
struct node *graph_add_node(struct graph *graph, struct node *before, const char *op_type, const char *name,
                            struct value *const *inputs, int input_count, struct value *const *outputs,
                            int output_count);
/* Moves the node to the place before another one. */
void node_move(struct node *node, struct node *before);
void node_set_attrs(struct node *node, const struct attr *attrs, int count);
/* After the nested graph of an attribute has become another node's: removing this node leaves the graph's uses alone. */
void node_give_graph(struct node *node, const char *name);
/* The input may be one after the last. */
void node_set_input(struct node *node, int slot, struct value *value);
void graph_set_output(struct graph *graph, size_t i, struct value *value);
void graph_clear_outputs(struct graph *graph);
/* Unlinks a node, with its nested graphs: they use no value any more. Its outputs keep their data but lose their
 * producer. */
void graph_remove_node(struct node *node);
/* Replaces `from`, a value of the graph, by `to` in all node inputs and graph outputs, also in nested graphs. */
void graph_replace_uses(struct graph *graph, struct value *from, struct value *to);
/* The number of uses by nodes and graph outputs, also in nested graphs. */
int value_count_uses(const struct value *value);
bool value_is_used(const struct value *value);
/* The only node that uses the value. NULL when there is none, when there are several, or when a graph output uses
 * it. */
struct node *value_single_user(const struct value *value);

/* ---- text form (graph_print.c, graph_parse.c) and checks (graph_verify.c) ---- */

/* The characters that a name may have without quotes. */
#define GRAPH_NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-$"

/* One line per input, constant, node and output; graph_parse reads it back. */
void graph_print(const struct graph *graph, FILE *out);
/* Parses what graph_print wrote. Constants of more than 64 elements are printed as a digest and cannot be read back.
 * Without the first line (graph ...), the IR version is 8 and the opset is 17. Lines that start with # are comments. */
enum ercc_status graph_parse(struct context *ctx, const char *text, struct graph **out);
/* Checks links, order, names and types. Returns ERCC_INTERNAL when a check fails; the message names `stage`. */
enum ercc_status graph_verify(const struct graph *graph, const char *stage);

#endif
