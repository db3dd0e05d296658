/* The second IR: what a device runs. A plan is a list of launches over buffers; each launch
 * is one kernel template with its operands, iteration space and epilogue expression. Lowering
 * fills it and passes change it, for all targets; for each target and budget variants/ chooses tiles,
 * and the writer stores both. */
#ifndef ERCC_PLAN_H
#define ERCC_PLAN_H

#include "compiler/core/expr.h"
#include "compiler/core/graph.h"

enum buffer_kind {
	BUFFER_ARENA,
	BUFFER_WEIGHTS,
	BUFFER_INPUT,
	BUFFER_OUTPUT,
	BUFFER_DIMS, /* the request's table of run-time dims: one i64 at `offset` */
};

#define BUFFER_ALIGN 64 /* buffers begin at multiples */

struct buffer {
	enum buffer_kind kind;
	int index;        /* in plan->buffers */
	int64_t bytes;    /* upper bound */
	const void *data; /* weights: the bytes, or NULL until the packing runs */
	int io;           /* input or output number */
	bool is_optional; /* no launch of some targets uses it: placed after all others, so their arena ends before it */
	/* A view: this buffer is bytes [parent_offset, +bytes) of the parent. */
	struct buffer *parent;
	int64_t parent_offset;
	/* planned */
	int first_use, last_use; /* launch numbers; -1: unused */
	int64_t offset;          /* within the arena, the weights or the table of run-time dims */
	const char *name;        /* of the value, for dumps */
};

/* One tensor that a launch reads or writes. */
struct operand {
	struct buffer *buffer;
	enum erc_dtype dtype;
	int64_t offset;            /* bytes to the first element */
	int64_t strides[MAX_RANK]; /* in elements, one per dim of the launch's space; where the template follows them */
	bool write;
	uint8_t role; /* enum operand_role: how the epilogue reads it */
};

/* How an epilogue operand is addressed where the kernel has a channel and a position. */
enum operand_role {
	ROLE_NONE,    /* not an epilogue operand */
	ROLE_FULL,    /* as the output */
	ROLE_CHANNEL, /* one element per channel */
	ROLE_SCALAR,  /* one element */
};

#define MAX_OPERANDS 20
#define MAX_PARAMS 96 /* ERC_CUDA_MOST_PARAMS of schemas/cuda.h: a CUDA launch has room for them */

#define TILE_SHAPE 8

struct kernel_template;
struct device;

/* A `#define NAME value` that specialises the template. */
struct define {
	const char *name, *value;
};
#define MAX_DEFINES 48
#define MAX_LAUNCH_DEFINES 8

struct variant {
	struct define defines[MAX_DEFINES];
	int define_count;
	int64_t params[MAX_PARAMS];
	int param_count;
	/* Which params and defines (bit: index) are the tile's: all others are the same under every budget. */
	uint64_t tile_params, tile_defines;
	int64_t shape[TILE_SHAPE]; /* of the tile; meaning set by the template */
	const char *shape_text;    /* the same for people: "4x28x32" */
	uint32_t tile_count;
	/* Run-time tile count, see erca_variant: count_scale 0: tile_count is the count. */
	uint16_t count_size;
	uint16_t count_scale;
	uint32_t count_step;
	int64_t local_bytes;
	uint32_t units;              /* most; 0: no limit */
	uint32_t threads, registers; /* GPU */
	uint32_t blocks_per_unit;    /* CUDA: that a unit holds at once; 0: not known */
	uint32_t tile_ns;            /* predicted */
	int64_t tile_bytes;
	uint32_t kernel;              /* in the target's kernel list, once built */
	const struct variant *larger; /* of the next larger budget; NULL: this is the largest */
};

/* In which order a launch adds, as artifacts store it: launches with the same key add in the same order. */
enum reduction_key {
	REDUCTION_NONE = 0,
	REDUCTION_POOL_MAX = 0x706f6f6c01,
	REDUCTION_POOL_MEAN = 0x706f6f6c02,
	REDUCTION_LRN = 0x6c726e01,
	REDUCTION_CUMULATE = 0x63756d,
	REDUCTION_AXES = 0x72656400, /* plus the lanes */
	REDUCTION_DEPTHWISE = 0x64770001,
	REDUCTION_CONV = 0x636f6e760000, /* plus the channels of a group; from bit 48 on, the slices of a part */
	REDUCTION_PARTS = 0x73756d0000,  /* plus how many */
	REDUCTION_PRODUCT = 0x67656d6d0001,
	REDUCTION_SOFTMAX = 0x736f6674,
	REDUCTION_SCATTER = 0x73636174,
	REDUCTION_TAPS = 0x74617073,
	REDUCTION_DET = 0x646574,
	REDUCTION_GRID = 0x67726964,
	REDUCTION_REGIONS = 0x726f69,
	REDUCTION_ATTENTION = 0x6174746e0001,
	REDUCTION_ATTENTION_SUM = 0x6174746e0002,
	REDUCTION_NORM = 0x6e6f726d01,
};

struct launch {
	const struct kernel_template *template;
	const char *name;                      /* the nodes it came from, joined by '+' */
	struct operand operands[MAX_OPERANDS]; /* inputs, then epilogue operands, then outputs */
	int operand_count;
	int input_count;            /* the template's own inputs; epilogue operands follow */
	struct shape space;         /* iteration space; its meaning is the template's */
	int64_t params[MAX_PARAMS]; /* set when the launch is made; meaning set by the template */
	int param_count;
	struct define
		defines[MAX_LAUNCH_DEFINES]; /* set when the launch is made: what specialises the template besides tiles */
	int define_count;
	const void *user;       /* the template's own: what its `evaluate` needs besides params */
	struct expr expr;       /* epilogue, or the whole computation of a pointwise launch */
	uint64_t reduction_key; /* of enum reduction_key, what it adds included; the same for all variants */
	uint64_t flops, bytes;
	struct launch *previous, *next;
	int index; /* position, set by the memory planner */
};

struct plan;

/* Chooses tiles for one budget: fills params, defines, shape, tile_count, local_bytes and the predictions. The
 * device is what the budget leaves of it. */
typedef enum ercc_status (*choose_fn)(struct context *ctx, const struct device *device, const struct launch *launch,
                                      struct variant *variant);

/* A kernel template: its per-target columns, and what passes ask. */
struct kernel_template {
	const char *stem; /* "conv": conv.cpu.c, conv.cu */
	choose_fn cpu;
	choose_fn gpu;  /* NULL: not on a GPU; a simulated one cuts it as a CPU does */
	bool epilogue;  /* an element-wise launch behind it may be fused into its expr */
	bool pointwise; /* all that it computes is its expr, and every operand has strides */
	/* Strides that one element a channel has in an element-wise launch over `space` after it, all 0 at first, where
	 * `reshaped` says that the output is read in another shape; false: none can be told. NULL: those of LAYOUT_NC16. */
	bool (*channel_strides)(const struct launch *launch, const struct shape *space, bool reshaped, int64_t *strides);
	/* Adds launches that do the same on GPUs alone where its sums are long; NULL: it is never cut. */
	void (*split)(struct plan *plan, struct launch *launch);
	bool strided; /* it follows the strides of all its operands: copies before and behind it may go */
	double speed; /* share of the device's arithmetic rate that the kernel reaches; 0: a tenth */
	/* Reference for constant folding; NULL: not folded. buffers[i] is the first byte of operand i. */
	void (*evaluate)(const struct launch *launch, void *const *buffers);
};

struct plan {
	struct context *ctx;
	struct graph *graph;
	struct launch *first, *last;
	int launch_count;
	struct buffer **buffers;
	size_t buffer_count, buffer_capacity;
	int64_t arena_bytes, weights_bytes; /* arena: of a target that uses all of it */
};

struct plan *plan_new(struct graph *graph);
struct buffer *plan_buffer(struct plan *plan, enum buffer_kind kind, int64_t bytes, const char *name);
/* A constant buffer with a copy-free view of data (which must live as long as the arena). */
struct buffer *plan_weights(struct plan *plan, const void *data, int64_t bytes, const char *name);
/* Launches that read, and that write, any part of a buffer's root, and the last of each. */
struct uses {
	int reads, writes;
	struct launch *reader, *writer;
};
struct uses plan_uses(const struct plan *plan, struct buffer *buffer);
/* The buffer that really holds `buffer`, and the byte offset in it. */
struct buffer *buffer_root(struct buffer *buffer, int64_t *offset);
struct launch *plan_add_launch(struct plan *plan, struct launch *before, const struct kernel_template *template,
                               const char *name);
void plan_remove_launch(struct plan *plan, struct launch *launch);

/* Params and defines have a fixed room each: nothing else adds to them. A parameter that is not set is 0. */
void launch_set(struct launch *launch, int param, int64_t value);
void launch_set_all(struct launch *launch, const int64_t *values, int count); /* from the first one on */
void launch_define(struct launch *launch, const char *name, const char *value);
void variant_set(struct variant *variant, int param, int64_t value);
void variant_set_all(struct variant *variant, const int64_t *values, int count);
void variant_define(struct variant *variant, const char *name, const char *value);
/* What launch_define has added. */
void variant_define_all(struct variant *variant, const struct launch *launch);
/* Of the tile: the value may differ between budgets. */
void variant_set_tile(struct variant *variant, int param, int64_t value);
void variant_define_tile(struct variant *variant, const char *name, const char *value);

/* Adds an operand and returns it. */
struct operand *launch_operand(struct launch *launch, struct buffer *buffer, enum erc_dtype dtype, bool write);

void plan_print(const struct plan *plan, FILE *out);
enum ercc_status plan_verify(const struct plan *plan, const char *stage);

#endif
