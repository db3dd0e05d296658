/* Budgets and variants: what limits a launch, which tile shapes fit it, what a tile costs, which one is taken. */
#ifndef ERCC_VARIANTS_H
#define ERCC_VARIANTS_H

#include "compiler/variants/budget_device.h"
#include "compiler/core/plan.h"

struct target_plan; /* targets/target.h */

/* ---- budgets ---- */

#define MAX_BUDGETS 16

struct budget {
	const char *name;
	uint32_t units;          /* most units of a launch; 0: all of the device */
	uint32_t share_permille; /* what units and local memory are resolved from; 0: given in units */
	int64_t local_bytes;     /* per unit; -1 until resolved: by the share, else all of it */
};
struct budget_list {
	struct budget items[MAX_BUDGETS];
	uint32_t count;
};

/* Reads --budget texts: "full,half", "name=edge,units=8,local=48KiB", "file.json". None: full, half, quarter. */
enum ercc_status budgets_parse(struct context *ctx, const char *const *texts, uint32_t count, struct budget_list *out);
/* The budgets in units and bytes of one device; ERCC_BUDGET where it has less. target: for messages. */
enum ercc_status budgets_resolve(struct context *ctx, const struct budget_list *list, const struct device *device,
                                 const char *target, struct budget *out);
/* The device that is left under a budget. */
struct device device_under(const struct device *device, const struct budget *budget);

/* ---- what a tile costs ---- */

/* One tile's work, on average over the launch. */
struct work {
	double flops;  /* at the unit's full rate: idle lanes and waiting count */
	double near;   /* bytes from local memory to registers */
	double shared; /* bytes from and to the cache that units share */
	double dram;   /* bytes from memory: first use of weights */
	double ns;     /* all that is neither */
};

/* One way to cut a launch into tiles. */
struct tile {
	int64_t shape[TILE_SHAPE]; /* the template's own numbers; equal shapes are equal tiles */
	int64_t count;
	int64_t local_bytes;         /* scratch, or shared memory */
	uint32_t threads, registers; /* GPU: of a block, of a thread */
	struct work work;
};

/* Predicted time of one tile when the device's units are at work on the launch. */
double tile_ns(const struct device *device, const struct tile *tile);
/* Bytes of memory that a tile reads and writes, on average: weights, once in a run, and what else is more than the device's
 * part of the shared cache. The rest of its traffic ends in the cache. */
double tile_memory_bytes(const struct device *device, const struct launch *launch, const struct tile *tile);
/* Predicted unit-time of a launch, for comparing tile shapes. */
double launch_cost(const struct device *device, const struct tile *tile);
/* Bytes that the launch reads and writes. */
uint64_t launch_traffic(const struct launch *launch);

/* ---- choosing ---- */

/* A chooser offers tiles and takes the best: choice_begin, choice_offer..., choice_end. */
struct choice {
	const struct device *device;
	const struct variant
		*larger; /* of the next larger budget: its shape is kept unless another is better beyond doubt */
	struct tile best, kept;
	double best_cost, kept_cost; /* infinite: none yet */
	int64_t least_local;         /* of those that do not fit; 0: all fit */
};
void choice_begin(struct choice *choice, const struct device *device, const struct variant *variant);
void choice_offer(struct choice *choice, const struct tile *tile);
/* The tile taken, its figures in the variant. ERCC_BUDGET when none fits. */
enum ercc_status choice_end(struct context *ctx, const struct choice *choice, const struct launch *launch,
                            struct variant *variant, struct tile *out);

/* The chooser of a target that does not run the launch: what it would do, others do there. */
enum ercc_status no_tiles(struct context *ctx, const struct device *device, const struct launch *launch,
                          struct variant *variant);

/* The launch's outermost dim has a run-time size: where `rows` rows, `per_tile` of them in a tile, follow it, there are
 * as many tiles as it needs. */
void choice_run_time_count(const struct launch *launch, int64_t rows, int64_t per_tile, struct variant *variant);

/* Chooses variants of all launches for all budgets of out, the larger ones first; `column` names a template's chooser. */
enum ercc_status variants_choose(struct context *ctx, const struct device *device, struct plan *plan,
                                 choose_fn (*column)(const struct kernel_template *template), struct target_plan *out);
/* A launch's variants differ in tiles only: same operands and order of sums, no tile beyond its budget. */
enum ercc_status variants_verify(struct context *ctx, const struct plan *plan, const struct target_plan *target);
/* Sets bytes and, where lowering did not, flops of each launch. */
void plan_measure(struct plan *plan);

#endif
