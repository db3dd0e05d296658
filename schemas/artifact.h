/* On-disk structs of the ElasticRoom artifact (.erca), format version 2; FORMAT.md describes the same in prose.
 * Everything is little-endian. Every struct has explicit padding, so that it has the same layout under every ABI.
 * The compiler (writer) and the runtime (loader) share this header, tile.h, cuda.h, dtype.h, seal.h and
 * sha256.h, and nothing else. */
#ifndef ERCA_ARTIFACT_H
#define ERCA_ARTIFACT_H

#include <stdint.h>

#define ERCA_MAGIC \
	"\x8f" \
	"ERCA\r\n\x1a"           /* 8 bytes; the high bit, CR LF and ^Z reveal text-mode damage */
#define ERCA_VERSION_MAJOR 2 /* a reader refuses another major version */
#define ERCA_VERSION_MINOR 3 /* a reader skips unknown optional sections of a newer minor version */

#define ERCA_NONE UINT32_MAX /* "no index", in every index field */
#define ERCA_MAX_RANK 8
#define ERCA_MAX_SECTIONS 256
#define ERCA_MAX_TARGETS 64
#define ERCA_SECTION_ALIGN 64   /* minimum section alignment */
#define ERCA_WEIGHTS_ALIGN 4096 /* WEIGHTS and CODE sections */
#define ERCA_BUFFER_ALIGN 64    /* each weight and each arena buffer */
#define ERCA_MAX_BUDGETS 16     /* of a target */
/* Operands, variants, params and seals that the entries may reach together, counted as FORMAT.md says. Ranges may overlap,
 * so a small hostile file could otherwise cost days of checking. */
#define ERCA_MAX_WORK (UINT64_C(1) << 25)

struct erca_header {
	uint8_t magic[8];
	uint16_t version_major;
	uint16_t version_minor;
	uint32_t header_bytes;  /* sizeof(struct erca_header) */
	uint64_t content_bytes; /* from byte 0 to the end of the last section; a signature block may follow */
	uint64_t toc_offset;    /* table of contents: section_count erca_section records */
	uint32_t section_count;
	uint32_t reserved;       /* 0 */
	uint8_t root_digest[32]; /* SHA-256 of this header with the digest set to zero, then of the table of contents */
};

enum erca_section_type {
	ERCA_SECTION_META = 1,    /* canonical JSON, for people and tools only */
	ERCA_SECTION_PLAN = 2,    /* what the runtime runs */
	ERCA_SECTION_WEIGHTS = 3, /* constant buffers, shared by all targets and variants */
	ERCA_SECTION_CODE = 4,    /* one for each target with code; erca_target.code_section refers to it */
	ERCA_SECTION_GOLDEN = 5,  /* optional: small inputs and outputs for `erc verify` */
	ERCA_SECTION_DEBUG = 6,   /* optional: generated sources, node names */
};

#define ERCA_SECTION_OPTIONAL 1u /* flag: a reader that does not know the type may skip it */

struct erca_section {
	uint32_t type; /* enum erca_section_type */
	uint32_t flags;
	uint64_t offset; /* from byte 0 of the file; a multiple of alignment */
	uint64_t bytes;
	uint32_t alignment; /* power of two */
	uint32_t reserved;  /* 0 */
	uint8_t sha256[32];
};

/* The end of a CODE section: seals in ascending order, then the end record; see seal.h. */
#define ERCA_SEAL_MAGIC "ERCASEAL"
struct erca_seal {
	uint8_t bytes[16]; /* the first bytes of a SHA-256 */
};
struct erca_seal_end {
	uint8_t magic[8];
	uint32_t count;    /* seals before this record */
	uint32_t reserved; /* 0 */
};

/* After content_bytes and outside the table of contents, so that signing does not change the artifact's identity. */
#define ERCA_SIGNATURE_MAGIC "ERCASIG1"
struct erca_signature {
	uint8_t magic[8];
	uint8_t public_key[32]; /* Ed25519 */
	uint8_t signature[64];  /* over the root digest */
};

/* ---- PLAN: tables of fixed-size records; references are indices, never pointers ---- */

struct erca_table {
	uint64_t offset; /* from the first byte of the PLAN section; 8-byte aligned */
	uint32_t count;  /* records (bytes, for strings) */
	uint32_t stride; /* bytes per record as written; at least the size that this version knows */
};

struct erca_plan_header {
	uint32_t header_bytes; /* sizeof(struct erca_plan_header) */
	uint32_t reserved;
	struct erca_table strings;  /* NUL-terminated UTF-8; a string reference is a byte offset in it */
	struct erca_table targets;  /* erca_target */
	struct erca_table budgets;  /* erca_budget */
	struct erca_table entries;  /* erca_entry */
	struct erca_table tensors;  /* erca_tensor */
	struct erca_table plans;    /* erca_plan */
	struct erca_table records;  /* erca_record */
	struct erca_table operands; /* erca_operand */
	struct erca_table variants; /* erca_variant */
	struct erca_table kernels;  /* erca_kernel */
	struct erca_table params;   /* int64_t */
	struct erca_table profiles; /* erca_profile */
	struct erca_table points;   /* erca_point */
	struct erca_table defaults; /* erca_default; since minor version 1 */
	struct erca_table classes;  /* erca_class; since minor version 2 */
	/* since minor version 3 */
	struct erca_table resizables; /* erca_resizable */
	struct erca_table ranges;     /* erca_range */
	struct erca_table terms;      /* erca_term */
	struct erca_table patches;    /* erca_patch */
};

enum erca_target_kind { ERCA_TARGET_CPU = 1, ERCA_TARGET_CUDA = 2, ERCA_TARGET_SIM = 3 };

struct erca_target {
	uint32_t name; /* string: "cpu:x86-64-v4" */
	uint32_t kind; /* enum erca_target_kind */
	/* of several usable targets of a kind, the one with the highest level is used: 3, 4; 800 for sm_80 */
	uint32_t level;
	uint32_t code_section; /* index into the table of contents, or ERCA_NONE */
	uint64_t code_bytes;   /* as in the table of contents; 0 without code */
	uint32_t budget_first; /* this target's budgets; the variants of a launch are in the same order */
	uint32_t budget_count;
	uint32_t min_driver; /* CUDA: minimum driver version (13000 for 13.0); else 0 */
	uint32_t reserved;
	/* Two figures of the device that the target stands for, from the compiler's table of devices. 0: not known. */
	uint64_t memory_bytes_per_s; /* nominal bandwidth of the memory, for all units together */
	uint32_t units;              /* number of units of a budget of all units */
	uint32_t reserved2;          /* 0 */
};

#define ERCA_BUDGET_UNVERIFIED 1u /* flag: the resources that the kernels need are not known (PTX) */

struct erca_budget {
	uint32_t name;           /* string: "full" */
	uint32_t units;          /* maximum number of units of a launch; 0 = all of the device */
	uint32_t share_permille; /* share of the device that it was computed from; 0 if it was given in units */
	uint32_t flags;          /* ERCA_BUDGET_* */
	uint64_t local_bytes;    /* per unit */
};

/* An entry point: one set of pinned dimensions on one target. */
struct erca_entry {
	uint32_t name; /* string: "main", or "batch=4" */
	uint32_t target;
	uint32_t plan;        /* the outermost plan */
	uint32_t input_first; /* index of the first input in tensors */
	uint32_t input_count;
	uint32_t output_first; /* index of the first output in tensors */
	uint32_t output_count;
	uint32_t dims_count;  /* slots in the request's table of run-time dimensions */
	uint64_t arena_bytes; /* activations of one request */
	uint64_t local_bytes; /* maximum over the variants */
	/* The slots in which launches report an index outside its dim, in pairs: the index, then the size of the dim plus 1;
	 * or one of two dims that must be equal, then -1 minus the other one.
	 * All are 0 if no launch has reported one. */
	uint32_t fault_first;
	uint32_t fault_count; /* even */
};

struct erca_tensor {
	uint32_t name;    /* string */
	uint8_t dtype;    /* enum erc_dtype */
	uint8_t rank;     /* 0..ERCA_MAX_RANK */
	uint8_t layout;   /* enum erca_layout */
	uint8_t reserved; /* 0 */
	/* slot that holds the true dim after a run; ERCA_NONE: the dim is fixed, see dims */
	uint32_t dim_slots[ERCA_MAX_RANK];
	uint64_t bytes;              /* with these dims (upper bounds where there is a slot) */
	int64_t dims[ERCA_MAX_RANK]; /* unused ones are 0 */
};
/* For tensors without run-time dims. */
#define ERCA_NO_SLOTS \
	{ \
		ERCA_NONE, ERCA_NONE, ERCA_NONE, ERCA_NONE, ERCA_NONE, ERCA_NONE, ERCA_NONE, ERCA_NONE \
	}

/* How the elements of a tensor lie in memory. */
enum erca_layout {
	ERCA_LAYOUT_PLAIN = 0, /* row-major */
	ERCA_LAYOUT_NC16 =
		1, /* N, ceil(C/16), spatial..., 16: channels in blocks of 16; the rest of the last block is undefined */
};

struct erca_plan {
	uint32_t record_first;
	uint32_t record_count;
};

enum erca_record_kind {
	ERCA_RECORD_LAUNCH = 1, /* run a kernel */
	ERCA_RECORD_COPY = 2,   /* operand_first -> operand_first + 1; as many bytes as the smaller one has */
	ERCA_RECORD_BRANCH = 3, /* plan_a if the int64 operand_first is not 0, else plan_b */
	ERCA_RECORD_CALL = 4,   /* plan_a */
	/* plan_a while the int64 operand_first is not 0 and there were fewer iterations than the int64 operand_first + 1. Their
	 * number is written to the int64 operand_first + 2 before each. */
	ERCA_RECORD_LOOP = 5,
};

struct erca_record {
	uint32_t kind; /* enum erca_record_kind */
	uint32_t name; /* string: the node, or the chain of nodes, that it was made from */
	uint32_t operand_first;
	uint32_t operand_count;
	uint32_t variant_first; /* launch: one variant per budget of the entry's target */
	uint32_t variant_count;
	uint32_t plan_a; /* branch, call, loop; else ERCA_NONE */
	uint32_t plan_b;
	uint64_t reduction_key; /* identifies how an output element is summed; the same for all variants. 0: no reduction */
	uint64_t flops;         /* for reports; loop: number of iterations that predictions count with, 0: `most` */
	uint64_t bytes;         /* read and written, for reports */
	/* launch: the first of its two fault slots, which are among those of the entry; ERCA_NONE: it reports no index */
	uint32_t fault_slot;
	uint32_t most; /* loop: the run fails if there would be more iterations; else 0 */
};

enum erca_buffer {
	ERCA_BUFFER_ARENA = 1,   /* the request's activations */
	ERCA_BUFFER_WEIGHTS = 2, /* the WEIGHTS section */
	ERCA_BUFFER_INPUT = 3,   /* the caller's buffer for input `index` of the entry */
	ERCA_BUFFER_OUTPUT = 4,  /* the caller's buffer for output `index` of the entry */
	ERCA_BUFFER_DIMS = 5,    /* the request's table of run-time dimensions, int64_t each; kernels write dims here */
};

#define ERCA_ACCESS_READ 1u
#define ERCA_ACCESS_WRITE 2u

struct erca_operand {
	uint8_t buffer; /* enum erca_buffer */
	uint8_t access; /* ERCA_ACCESS_* */
	uint16_t reserved;
	uint32_t index;  /* input or output number; 0 otherwise */
	uint64_t offset; /* bytes from the start of the buffer */
	uint64_t bytes;  /* bytes that the launch may touch */
};

struct erca_variant {
	uint32_t kernel;
	uint32_t tile_count;  /* number of tiles; see count_* for run-time dims */
	uint32_t param_first; /* int64_t values that the tile gets as args->params */
	uint32_t param_count;
	uint64_t local_bytes; /* scratch per unit */
	uint32_t units;       /* maximum number of units of this launch under the budget; 0 = no limit */
	uint16_t threads;     /* CUDA: threads per block; else 0 */
	uint16_t registers;   /* CUDA: per thread, read back from the image; else 0 */
	/* CUDA: blocks that fit on a unit at once, by registers, local memory and threads; 0: not known */
	uint32_t blocks_per_unit;
	uint32_t tile_ns;    /* predicted time of one tile, on average */
	uint64_t tile_bytes; /* predicted memory traffic of one tile, below all caches */
	/* ERCA_NONE: tile_count tiles. Else, when the launch starts: the product of `count_dims` slots from this one on,
	 * times count_scale, divided by count_step and rounded up */
	uint32_t count_slot;
	uint16_t count_dims;
	uint16_t count_scale;
	uint32_t count_step;
	uint32_t shape; /* string: the tile's extents, for reports */
};

struct erca_kernel {
	uint32_t name; /* string: stem of the template, and content hash */
	uint32_t target;
	uint32_t entry; /* index into the image's kernel table */
	/* CUDA: local memory per block that the image itself declares, in addition to the variant's */
	uint16_t static_bytes;
	uint16_t spill_bytes; /* CUDA: bytes per thread that are spilled because registers are short */
	uint8_t digest[32];   /* SHA-256 of the kernel's source; identifies the kernel */
};

/* The room profile of an entry under a budget: how its predicted latency falls with the number of units. Launches
 * run one after the other, each on its width: the fewest units that need no more rounds than all units would. */
struct erca_profile {
	uint32_t entry;
	uint32_t budget;
	uint32_t point_first;
	uint32_t point_count;
	uint32_t units_within_1;  /* the fewest units whose latency is within 1 % of the latency at the last point */
	uint32_t units_within_5;  /* the same for 5 % */
	uint32_t units_within_10; /* the same for 10 % */
	uint32_t reserved;        /* 0 */
	uint64_t tile_ns;         /* sum over the launches of tiles x tile_ns: the work, on any number of units */
};

struct erca_point {
	uint32_t units;
	uint32_t reserved;   /* 0 */
	uint64_t latency_ns; /* sum over the launches of rounds x tile_ns */
	uint64_t unit_ns;    /* sum over the launches of width x rounds x tile_ns: the unit time that is held */
};

/* The value that an input has in the model if nobody gives one. */
struct erca_default {
	uint32_t tensor;   /* of an input */
	uint32_t reserved; /* 0 */
	uint64_t offset;   /* in WEIGHTS, a multiple of ERCA_BUFFER_ALIGN; erca_tensor.bytes bytes */
};

/* What the sessions of an entry are, unless a deployment says otherwise. */
struct erca_class {
	uint32_t entry;
	uint32_t class_;      /* 0: best-effort, 1: real-time */
	uint32_t level;       /* real-time: 0 is the highest */
	uint32_t reserved;    /* 0 */
	uint64_t deadline_us; /* after arrival; 0: none */
};

/* An entry whose inputs have dims that are ranges. Its records, variants and tensors are those for the upper bounds. For other
 * sizes, each patch replaces a number by the value of a term. */
struct erca_resizable {
	uint32_t entry;
	uint32_t range_first, range_count;
	uint32_t term_first, term_count;
	uint32_t patch_first, patch_count;
	uint32_t reserved; /* 0 */
};

struct erca_range {
	uint32_t name; /* string: of the dim */
	uint32_t step; /* its sizes are `least` plus multiples of this, up to `most` */
	int64_t least, most;
};

enum erca_term_op {
	ERCA_TERM_NUMBER = 1,   /* number */
	ERCA_TERM_SIZE = 2,     /* the size of range a */
	ERCA_TERM_SUM = 3,      /* a + b */
	ERCA_TERM_PRODUCT = 4,  /* a * b */
	ERCA_TERM_QUOTIENT = 5, /* a / number, rounded up; neither is negative */
};

/* Terms and ranges are numbered within the entry. A term uses terms before it. */
struct erca_term {
	uint32_t op; /* enum erca_term_op */
	uint32_t a, b;
	uint32_t reserved; /* 0 */
	int64_t number;
};

enum erca_patch_kind {
	ERCA_PATCH_DIM = 1,    /* dim `at` of tensor `index` of the entry: inputs, then outputs */
	ERCA_PATCH_TILES = 2,  /* tile_count of step `index` of the entry; `at` is 0 */
	ERCA_PATCH_PARAM = 3,  /* param `at` of that step's variant */
	ERCA_PATCH_OFFSET = 4, /* offset of its operand `at` */
	ERCA_PATCH_TRIPS = 5,  /* number of iterations of the loop that begins with step `index`; `at` is 0 */
	ERCA_PATCH_WORK = 6,   /* flops of that step's record, or its bytes if these are 0; for predictions. `at` is 0 */
};

#define ERCA_ALL_BUDGETS UINT16_MAX

struct erca_patch {
	uint16_t kind;   /* enum erca_patch_kind */
	uint16_t budget; /* of the target; ERCA_ALL_BUDGETS: under each */
	uint32_t index, at, term;
};

/* A writer puts points at 1, 2, 3, 4, 6, 8, 12, 16 ... units, and at the maximum, `max`. Returns the number of
 * units of the point after `units`. */
static inline uint32_t erca_point_behind(uint32_t units, uint32_t max)
{
	uint64_t step = units & (units - 1) ? units / 3 : units > 1 ? units / 2 : 1;
	return units + step < max ? (uint32_t)(units + step) : max;
}

_Static_assert(sizeof(struct erca_header) == 72, "layout");
_Static_assert(sizeof(struct erca_section) == 64, "layout");
_Static_assert(sizeof(struct erca_target) == 56, "layout");
_Static_assert(sizeof(struct erca_budget) == 24, "layout");
_Static_assert(sizeof(struct erca_entry) == 56, "layout");
_Static_assert(sizeof(struct erca_tensor) == 112, "layout");
_Static_assert(sizeof(struct erca_record) == 64, "layout");
_Static_assert(sizeof(struct erca_operand) == 24, "layout");
_Static_assert(sizeof(struct erca_variant) == 64, "layout");
_Static_assert(sizeof(struct erca_kernel) == 48, "layout");
_Static_assert(sizeof(struct erca_profile) == 40, "layout");
_Static_assert(sizeof(struct erca_point) == 24, "layout");
_Static_assert(sizeof(struct erca_default) == 16, "layout");
_Static_assert(sizeof(struct erca_class) == 24, "layout");
_Static_assert(sizeof(struct erca_resizable) == 32, "layout");
_Static_assert(sizeof(struct erca_range) == 24, "layout");
_Static_assert(sizeof(struct erca_term) == 24, "layout");
_Static_assert(sizeof(struct erca_patch) == 16, "layout");

#endif
