/* Budgets and variants: what limits a launch, which tile shapes fit it, what a tile costs, and which tile shape is
 * taken. */
#ifndef ERCC_VARIANTS_H
#define ERCC_VARIANTS_H

#include "compiler/variants/budget_device.h"
#include "compiler/core/plan.h"

struct target_plan; /* target_plan.h */

/* ---- budgets ---- */

#define MAX_BUDGETS 16

struct budget {
	const char *name;
	uint32_t units;          /* maximum number of units of a launch; 0: all of the device */
	uint32_t share_permille; /* share of the device that gives units and local memory; 0: they are set directly */
	int64_t local_bytes;     /* per unit; -1 until resolved: then by the share, else all of the unit's */
	bool is_local_shared;    /* local_bytes is by the share: a launch may exceed it if no tile fits (choose.c) */
};
struct budget_list {
	struct budget items[MAX_BUDGETS];
	uint32_t count;
};

/* Reads --budget texts: "full,half", "name=edge,units=8,local=48KiB", "file.json". No text: full, half, quarter. */
enum ercc_status budgets_parse(struct context *ctx, const char *const *texts, uint32_t count, struct budget_list *out);
/* Converts the budgets to units and bytes of one device. Returns ERCC_BUDGET if the device has less. target: for
 * messages. */
enum ercc_status budgets_resolve(struct context *ctx, const struct budget_list *list, const struct device *device,
                                 const char *target, struct budget *out);
/* The part of the device that a budget allows. */
struct device device_under(const struct device *device, const struct budget *budget);
/* Maximum local memory of a tile that no smaller one can replace. */
static inline int64_t budget_most_local(const struct budget *budget, const struct device *device)
{
	return budget->is_local_shared ? device->local_bytes : budget->local_bytes;
}

/* ---- the cost of a tile ---- */

/* The work of one tile, on average over the launch. */
struct work {
	double flops;  /* at the unit's full rate; idle lanes and waiting count too */
	double near;   /* bytes from local memory to registers */
	double shared; /* bytes between the unit and the cache that units share */
	double dram;   /* bytes from memory: the first use of weights */
	double ns;     /* nanoseconds of all other work, such as the start of the tile */
};

/* One way to cut a launch into tiles. */
struct tile {
	int64_t shape[TILE_SHAPE];          /* numbers of the template; tiles with equal shapes are equal */
	struct quotient parts[COUNT_PARTS]; /* the number of tiles is their product */
	int64_t count;                      /* that product; choice_offer's callers set it with tile_count */
	int64_t local_bytes;                /* scratch, or shared memory */
	uint32_t threads, registers;        /* GPU: threads of a block, registers of a thread */
	struct work work;
};

/* Predicted time of one tile while the launch occupies the device's units. */
double tile_ns(const struct device *device, const struct tile *tile);
/* Bytes of memory that a tile reads and writes, on average. Weights are read once in a run. Other operands count if
 * they exceed the device's part of the shared cache. All other traffic ends in the cache. */
double tile_memory_bytes(const struct device *device, const struct launch *launch, const struct tile *tile);
/* Predicted unit time of a launch, to compare tile shapes. */
double launch_cost(const struct device *device, const struct tile *tile);
/* Bytes that the launch reads and writes. */
uint64_t launch_traffic(const struct launch *launch);

/* ---- choosing ---- */

/* A chooser offers tiles, and the best one is taken: choice_begin, choice_offer..., choice_end. */
struct choice {
	const struct device *device;
	const struct variant
		*larger; /* of the next larger budget; its shape is kept unless another is better by the device's doubt */
	struct tile best, kept;
	double best_cost, kept_cost; /* infinite while there is no such tile */
	const int64_t *like;         /* the only shape that may be taken, whatever it costs; NULL: any */
	int64_t least_local;         /* minimum local memory of the tiles that do not fit; 0: all fit */
};
void choice_begin(struct choice *choice, const struct device *device, const struct variant *variant);
void choice_offer(struct choice *choice, const struct tile *tile);
/* Makes the number of tiles n times ceil(numerator / divisor) as large. */
void tile_multiply(struct tile *tile, int64_t numerator, int64_t divisor);
/* *out is the tile taken, and the variant gets its figures. ERCC_BUDGET when none fits. */
enum ercc_status choice_end(struct context *ctx, const struct choice *choice, const struct launch *launch,
                            struct variant *variant, struct tile *out);

/* The chooser for a target on which other launches do this launch's work: it gives the launch no tiles. */
enum ercc_status no_tiles(struct context *ctx, const struct device *device, const struct launch *launch,
                          struct variant *variant);

/* Computes the tile count at run time, if the launch's outermost dim has a run-time size. `rows` rows follow that dim,
 * `per_tile` of them in a tile. */
void choice_run_time_count(const struct launch *launch, int64_t rows, int64_t per_tile, struct variant *variant);

/* Chooses variants of all launches for all budgets of `out`, from the largest budget to the smallest. `column` returns
 * a template's chooser. */
enum ercc_status variants_choose(struct context *ctx, const struct device *device, const struct plans *plans,
                                 choose_fn (*column)(const struct kernel_template *template), struct target_plan *out);
/* Gives all samples of plans variants with the same tile shapes, in out->samples. Where a size that is a multiple of something
 * allows a better kernel, the launch gets the kernel that suits all sizes. */
enum ercc_status variants_sample(struct context *ctx, const struct device *device, const struct plans *plans,
                                 choose_fn (*column)(const struct kernel_template *template), struct target_plan *out);
/* Checks that a launch's variants differ only in their tiles: the same operands and order of sums, and no tile that
 * exceeds its budget. */
enum ercc_status variants_verify(struct context *ctx, const struct plans *plans, const struct target_plan *target);
/* Sets each launch's bytes, and its flops where lowering did not. */
void plans_measure(const struct plans *plans);

#endif
