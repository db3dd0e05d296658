/* The second IR: what a device runs. A plan is a list of launches over buffers. Each launch is one kernel template with
 * its operands, iteration space and epilogue expression. Lowering builds the plan and passes change it, for all targets
 * at once. For each target and budget, variants/ then chooses tiles. The writer stores the plan and the variants. */
#ifndef ERCC_PLAN_H
#define ERCC_PLAN_H

#include "compiler/core/expr.h"
#include "compiler/core/graph.h"

enum buffer_kind {
	BUFFER_ARENA,
	BUFFER_WEIGHTS,
	BUFFER_INPUT,
	BUFFER_OUTPUT,
	BUFFER_DIMS, /* the request's table of run-time dims: i64 at `offset` */
};

#define BUFFER_ALIGN 64 /* bytes; buffers begin at multiples of it */

struct buffer {
	enum buffer_kind kind;
	int index;                      /* in plan->buffers */
	int64_t bytes;                  /* upper bound */
	const void *data;               /* weights: the bytes, or NULL until the packing runs */
	const struct buffer *stored_as; /* weights of a sample: those at the bounds, where they are known to be the same */
	int io;                         /* input or output number */
	bool is_shared;                 /* launches of two branches write it, or one before a loop and one in it */
	bool is_optional; /* some targets have no launch that uses it; placed last, so their arena ends before it */
	/* A view: this buffer is the `bytes` bytes of the parent from parent_offset on. */
	struct buffer *parent;
	int64_t parent_offset;
	/* Only of a root, after plan_count_uses: how many operands read and write any part of it, and the exclusive or of
	 * the addresses of these operands' launches. If there is one operand, that is the address of its launch. */
	int reads, writes;
	uintptr_t readers, writers;
	/* set by the memory planner */
	int first_use, last_use; /* launch numbers; -1: unused */
	int64_t offset;          /* within the arena, the weights or the table of run-time dims */
	struct buffer *alike;    /* weights that are stored: the next whose bytes have the same hash */
	const char *name;        /* of the value, for dumps */
};

/* One tensor that a launch reads or writes. */
struct operand {
	struct buffer *buffer;
	enum erc_dtype dtype;
	int64_t offset;            /* bytes to the first element */
	int64_t strides[MAX_RANK]; /* in elements, one per dim of the launch's space, if the template uses strides */
	bool write;
	uint8_t role; /* enum operand_role: how the epilogue reads it */
};

/* How the address of an epilogue operand is computed, in a kernel that has a channel and a position. */
enum operand_role {
	ROLE_NONE,    /* not an epilogue operand */
	ROLE_FULL,    /* addressed like the output */
	ROLE_CHANNEL, /* one element per channel */
	ROLE_SCALAR,  /* one element */
};

#define MAX_OPERANDS 20
#define MAX_PARAMS 96 /* ERC_CUDA_MOST_PARAMS of schemas/cuda.h: the maximum of a CUDA launch */

#define TILE_SHAPE 8

struct kernel_template;
struct device;

/* A `#define NAME value` that specialises the template. */
struct define {
	const char *name, *value;
};
#define MAX_DEFINES 48
#define MAX_LAUNCH_DEFINES 12

#define COUNT_PARTS 5

struct variant {
	struct define defines[MAX_DEFINES];
	const char
		*generals[MAX_DEFINES]; /* a define's value that is right for all sizes, if its own may not be; else NULL */
	int define_count;
	int64_t params[MAX_PARAMS];
	int param_count;
	/* Which params and defines depend on the tile (a bit for each index). All others are the same under every
	 * budget. */
	uint64_t tile_params, tile_defines;
	int64_t shape[TILE_SHAPE]; /* of the tile; the template gives its numbers a meaning */
	const char *shape_text;    /* the same for people: "4x28x32" */
	uint32_t tile_count;
	struct quotient count[COUNT_PARTS];     /* its factors; where the divisor is 0, 1 */
	struct quotient quotients[COUNT_PARTS]; /* params that are rounded up, and their numbers */
	int quotient_params[COUNT_PARTS], quotient_count;
	/* Run-time tile count, see erca_variant. count_scale 0: the count is tile_count. */
	uint16_t count_size;
	uint16_t count_scale;
	uint32_t count_step;
	int64_t local_bytes;
	uint32_t units;              /* maximum; 0: no limit */
	uint32_t threads, registers; /* GPU */
	uint32_t blocks_per_unit;    /* CUDA: maximum that a unit holds at the same time; 0: not known */
	uint32_t tile_ns;            /* predicted */
	int64_t tile_bytes;
	uint32_t kernel;              /* index in the target's kernel list, once built */
	const struct variant *larger; /* the variant of the next larger budget; NULL: this is the largest */
	const struct variant *like;   /* whose tile shape it must have; NULL: any may be chosen */
};

/* The order in which a launch adds, as stored in artifacts. Launches with the same key add in the same order. */
enum reduction_key {
	REDUCTION_NONE = 0,
	REDUCTION_POOL_MAX = 0x706f6f6c01,
	REDUCTION_POOL_MEAN = 0x706f6f6c02,
	REDUCTION_LRN = 0x6c726e01,
	REDUCTION_CUMULATE = 0x63756d,
	REDUCTION_AXES = 0x72656400, /* plus the number of lanes */
	REDUCTION_DEPTHWISE = 0x64770001,
	REDUCTION_CONV = 0x636f6e760000, /* plus the channels of a group; from bit 48 on, the slices of a part */
	REDUCTION_PARTS = 0x73756d0000,  /* plus the number of parts */
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
	REDUCTION_CONTRACT = 0x636f6e7472,
};

struct launch {
	const struct kernel_template *template;
	const char *name;                      /* names of the nodes it was made from, joined by '+' */
	struct operand operands[MAX_OPERANDS]; /* inputs, then epilogue operands, then outputs */
	int operand_count;
	int input_count;            /* the template's own inputs, without epilogue operands */
	struct shape space;         /* iteration space; the template gives its dims a meaning */
	uint32_t varies;            /* a bit for each dim of the space that depends on a range */
	int64_t params[MAX_PARAMS]; /* set when the launch is made; the template gives them a meaning */
	int param_count;
	struct define
		defines[MAX_LAUNCH_DEFINES]; /* set when the launch is made; they specialise the template, apart from tiles */
	int define_count;
	struct buffer *faults;  /* where it reports an index outside its dim; NULL: nowhere */
	const void *user;       /* for the template's `evaluate`: what it needs besides params */
	struct expr expr;       /* epilogue, or the whole computation of a pointwise launch */
	uint64_t reduction_key; /* of enum reduction_key, with its addend; the same for all variants */
	uint64_t flops, bytes;
	const struct region *region; /* of the graph */
	struct launch *previous, *next;
	int index; /* among the launches of all plans of the artifact; set by the memory planner */
};

struct plan;

/* Chooses the tiles for one budget: sets params, defines, shape, tile_count, local_bytes and the predictions. `device`
 * is the part of the device that the budget allows. */
typedef enum ercc_status (*choose_fn)(struct context *ctx, const struct device *device, const struct launch *launch,
                                      struct variant *variant);

/* A kernel template: its choosers for each kind of target, and its properties for passes. */
struct kernel_template {
	const char *stem; /* "conv": conv.cpu.c, conv.cu */
	choose_fn cpu;
	choose_fn gpu;  /* NULL: no GPU runs it; a simulated GPU then uses the CPU's tiles */
	bool epilogue;  /* an element-wise launch after it may be fused into its expr */
	bool pointwise; /* its expr is all that it computes, and every operand has strides */
	/* Sets the strides of an operand with one element per channel, in an element-wise launch over `space` that follows
	 * the launch. All strides are 0 at first. `reshaped`: the following launch reads the output in another shape.
	 * Returns false where no strides describe this. NULL: the strides of LAYOUT_NC16. */
	bool (*channel_strides)(const struct launch *launch, const struct shape *space, bool reshaped, int64_t *strides);
	/* Adds launches that compute the same on GPUs only, where its sums are long. NULL: it is never split. */
	void (*split)(struct plan *plan, struct launch *launch);
	bool strided; /* it uses the strides of all operands, so copies before and after it may be removed */
	double speed; /* share of the device's arithmetic rate that the kernel reaches; 0: a tenth */
	/* Reference for constant folding; NULL: launches are not folded. buffers[i] is the first byte of operand i. */
	void (*evaluate)(const struct launch *launch, void *const *buffers);
};

/* What decides the course of a loop, where no run-time size does; else NULL. */
struct loop_numbers {
	struct buffer *condition, *trips; /* one i64 each, in the weights */
};

/* A dim of inputs whose size is given at each run. The plan is made for the most. */
struct range {
	const char *name;
	int64_t least, most, step;
};
#define MAX_RANGES 8

/* The same entry with other sizes of its ranges: from several of them follows how each number depends on the sizes. */
struct sample {
	int64_t sizes[MAX_RANGES];
	struct plans *plans; /* one plan, whose launches are numbered like those of the plan at the bounds */
};

/* The launches of one entry. */
struct plan {
	struct context *ctx;
	const char *entry; /* its name; NULL: it is the only one */
	struct graph *graph;
	struct plans *all; /* of the artifact, this one among them; NULL: it is only evaluated */
	struct launch *first, *last;
	int launch_count;
	const struct region *region;  /* of launches that are added */
	struct loop_numbers *numbers; /* per region of the graph */
	struct buffer **buffers;
	size_t buffer_count, buffer_capacity;
	struct buffer **defaults; /* per input of the graph: the weights that hold its default; NULL: none */
	int fault_count;          /* number of launches that were given `faults` */
	int64_t arena_bytes;      /* of a target that uses all buffers */
	const struct range *ranges;
	int range_count;
	struct sample *samples; /* none where there are no ranges */
	int sample_count;
};

static inline const char *plan_entry_name(const struct plan *plan)
{
	return plan->entry ? plan->entry : "main";
}

/* The plans of an artifact, one for each set of pinned dims. Equal weights of all of them are stored once. */
struct plans {
	const struct plans *stored; /* of a sample: those whose weights it must use */
	struct plan **items;
	size_t count, capacity;
	struct launch **launches; /* of all plans, by their index */
	size_t launch_count, launch_capacity;
	struct buffer **weights; /* those that are stored, in the order of their offsets */
	size_t weight_count, weight_capacity;
	struct map by_hash; /* of their bytes -> the last of them with that hash */
	int64_t weights_bytes;
	struct map by_source; /* with ranges: the constant and form that weights were packed from -> the weights */
};

struct plans *plans_new(struct context *ctx);
struct plan *plan_new(struct graph *graph);
struct buffer *plan_buffer(struct plan *plan, enum buffer_kind kind, int64_t bytes, const char *name);
/* A constant buffer that refers to `data` without a copy. `data` must live as long as the arena. */
struct buffer *plan_weights(struct plan *plan, const void *data, int64_t bytes, const char *name);
/* Weights that were packed from a constant, so that samples need not pack them again. source: says from which, and how; NULL: the
 * entry has no ranges. plan_find_packed returns NULL where they are to be packed now. */
struct buffer *plan_find_packed(struct plan *plan, const char *source, int64_t bytes, const char *name);
struct buffer *plan_packed(struct plan *plan, const char *source, const void *data, int64_t bytes, const char *name);
/* Counts the uses of all buffers. A pass that changes the operands of a launch afterwards calls launch_drop_uses before and
 * launch_add_uses after the change; plan_remove_launch drops those of its launch. */
void plan_count_uses(struct plan *plan);
void launch_add_uses(struct launch *launch);
void launch_drop_uses(struct launch *launch);
/* The launch that reads, or writes, a part of the root; NULL where there is none, or several operands do. */
struct launch *buffer_reader(const struct buffer *root);
struct launch *buffer_writer(const struct buffer *root);
/* The buffer that holds the bytes of `buffer`, which may be a view of it. *offset: bytes from its start. */
struct buffer *buffer_root(struct buffer *buffer, int64_t *offset);
/* Whether what the launch reads is the same where `later` is: they are in one region, and no launch between them writes a
 * shared buffer that this one reads. */
bool launch_reads_last(const struct launch *launch, const struct launch *later);
/* Whether the launch writes a shared buffer that `reader` reads. */
bool launch_overwrites(const struct launch *launch, const struct launch *reader);
/* Whether the launch may write what the later launch writes: no launch between them, nor this one, uses that buffer if it
 * is shared. */
bool launch_writes_early(const struct launch *launch, const struct launch *later);
struct launch *plan_add_launch(struct plan *plan, struct launch *before, const struct kernel_template *template,
                               const char *name);
void plan_remove_launch(struct plan *plan, struct launch *launch);

/* Gives the launch two words in the table of run-time dims, after the sizes, where it reports an index outside its dim
 * (index_in of kernel_functions.h). The next operand must be its only output. */
void launch_add_faults(struct plan *plan, struct launch *launch);
/* The slot of the first of these words. */
int64_t launch_fault_slot(const struct launch *launch);

/* Params and defines are arrays of fixed size. Only these functions add to them. A parameter that is not set is 0. */
void launch_set(struct launch *launch, int param, int64_t value);
void launch_set_all(struct launch *launch, const int64_t *values, int count); /* from parameter 0 on */
void launch_define(struct launch *launch, const char *name, const char *value);
/* The same as an f32 constant of C, which may be a NaN or an infinity. */
void launch_define_float(struct arena *arena, struct launch *launch, const char *name, float value);
void variant_set(struct variant *variant, int param, int64_t value);
void variant_set_all(struct variant *variant, const int64_t *values, int count);
void variant_define(struct variant *variant, const char *name, const char *value);
/* Adds all defines of the launch. */
void variant_define_all(struct variant *variant, const struct launch *launch);
/* Replaces all defines by those of another variant. */
void variant_take_defines(struct variant *variant, const struct variant *from);
/* The same for values that depend on the tile: they may differ between budgets. */
void variant_set_tile(struct variant *variant, int param, int64_t value);
/* ... for ceil(numerator / divisor). A param that a division gives must be set by this, see struct sample. */
void variant_set_quotient(struct variant *variant, int param, int64_t numerator, int64_t divisor);
void variant_define_tile(struct variant *variant, const char *name, const char *value);

/* Adds an operand and returns it. */
struct operand *launch_operand(struct launch *launch, struct buffer *buffer, enum erc_dtype dtype, bool write);

void plan_print(const struct plan *plan, FILE *out);
enum ercc_status plan_verify(const struct plan *plan, const char *stage);

#endif
