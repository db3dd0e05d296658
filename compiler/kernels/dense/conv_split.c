/* Divides long sums of convolutions and products for GPUs. Otherwise many units, or real-time work, would wait for long
 * tiles.
 * A further launch computes parts of the sums, and an element-wise launch adds the parts in order and does the
 * epilogue. Where the parts of many outputs would take too much memory, a chain of launches computes one part each: the
 * sums so far are in the output, the next launch continues them, and the last one does the epilogue. A chain gives the
 * same bits as the whole launch.
 * Only the launch decides whether and how it is divided, so every GPU and every budget adds in the same order. CPUs run
 * the launch whole; the added launches have no tiles there. */
#include <string.h>

#include "compiler/kernels/dense/conv.h"
#include "compiler/kernels/dense/pointwise.h"

#define FEW_SLICES 64 /* shorter sums are not worth another launch */
#define PART_LEAST 16 /* slices; in a shorter part the first loads take as long as all the rest */
#define PART_MOST 48  /* slices; a longer tile would keep real-time work waiting too long */
#define PARTS_MOST 8
#define SCRATCH_BYTES (16 << 20) /* maximum size of a launch's parts */
#define BLOCKS_FEW 64            /* fewer small blocks leave units without work */
#define BLOCKS_WANTED 256
#define ROWS_FEW 8 /* up to this many, reading the weights takes longer than arithmetic */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The number of small blocks of outputs: the work that a GPU can share out among its units while sums are whole. */
static int64_t blocks_of(const int64_t *p)
{
	int64_t pixels = p[CONV_OD] * p[CONV_OH] * p[CONV_OW], images = p[CONV_IMAGES] * p[CONV_GROUPS];
	if (pixels <= ROWS_FEW)
		return images * ceil_div(p[CONV_OC], 128);
	return images * ceil_div(pixels, 32) * ceil_div(p[CONV_OC], 32);
}

/* The maximum number of parts that fit the memory for them. */
static int64_t parts_held(const struct plan *plan, const int64_t *p)
{
	int64_t scratch = plan->ctx->most_scratch ? plan->ctx->most_scratch : SCRATCH_BYTES;
	int64_t out_bytes = 4 * p[CONV_IMAGES] * p[CONV_OUT_IMAGE];
	return out_bytes ? scratch / out_bytes : PARTS_MOST;
}

/* The number of parts. 1: the sums stay whole, or become a chain. */
static int64_t parts_of(const struct plan *plan, const struct launch *launch)
{
	const int64_t *p = launch->params;
	int64_t slices = conv_slices(p), blocks = blocks_of(p);
	int64_t parts = 1, operands = launch->operand_count - launch->input_count; /* of the adding launch, without parts */
	if (slices < FEW_SLICES || blocks == 0)
		return 1;
	if (blocks < BLOCKS_FEW)
		parts = BLOCKS_WANTED / blocks;
	if (slices > 2 * PART_MOST && parts < ceil_div(slices, PART_MOST))
		parts = ceil_div(slices, PART_MOST);
	parts = least(least(parts, PARTS_MOST), least(slices / PART_LEAST, parts_held(plan, p)));
	while (parts > 1 && (parts + operands > EXPR_MAX_OPERANDS || launch->expr.count + 2 * parts > EXPR_MAX_NODES))
		parts--;
	return parts > 1 ? ceil_div(slices, ceil_div(slices, parts)) : 1;
}

/* The number of launches in a chain; 1: no chain. The first launch overwrites the output before the last one reads the
 * epilogue's operands, so these must be in other buffers. */
static int64_t links_of(const struct plan *plan, const struct launch *launch)
{
	const int64_t *p = launch->params;
	int64_t slices = conv_slices(p), wanted = ceil_div(slices, PART_MOST), offset;
	const struct buffer *out = buffer_root(launch->operands[launch->operand_count - 1].buffer, &offset);
	if (slices < FEW_SLICES || parts_held(plan, p) >= least(PARTS_MOST, wanted) ||
	    launch->operand_count == MAX_OPERANDS)
		return 1;
	for (int i = launch->input_count; i < launch->operand_count - 1; i++)
		if (buffer_root(launch->operands[i].buffer, &offset) == out)
			return 1;
	return ceil_div(slices, ceil_div(slices, wanted));
}

/* Adds a launch for one or all parts. The caller adds operands after the sum's inputs, and the expression. */
static struct launch *add_cut(struct plan *plan, const struct launch *launch, struct launch *before)
{
	struct launch *cut = plan_add_launch(plan, before, &conv_parts_template, launch->name);
	memcpy(cut->operands, launch->operands, sizeof cut->operands);
	cut->operand_count = cut->input_count = launch->input_count;
	cut->space = launch->space;
	launch_set_all(cut, launch->params, launch->param_count);
	cut->reduction_key = launch->reduction_key;
	cut->flops = launch->flops;
	return cut;
}

static struct launch *add_parts(struct plan *plan, const struct launch *launch, struct buffer *scratch)
{
	struct launch *parts = add_cut(plan, launch, launch->next);
	launch_operand(parts, scratch, ERC_F32, true);
	parts->reduction_key |= (uint64_t)launch->params[CONV_PART_SLICES] << 48;
	expr_operand(&parts->expr, 0, ERC_F32);
	return parts;
}

static void add_link(struct plan *plan, const struct launch *launch, struct launch *before, int64_t number)
{
	struct launch *link = add_cut(plan, launch, before);
	const struct operand *out = &launch->operands[launch->operand_count - 1];
	bool is_last = number == launch->params[CONV_PARTS];
	launch_set(link, CONV_LINK, number);
	link->flops = launch->flops / (uint64_t)launch->params[CONV_PARTS];
	if (number > 1) {
		struct operand *sums = &link->operands[link->operand_count++];
		*sums = *out;
		sums->write = false;
		sums->role = ROLE_FULL;
		link->input_count++;
	}
	for (int i = launch->input_count; is_last && i < launch->operand_count - 1; i++)
		link->operands[link->operand_count++] = launch->operands[i];
	link->operands[link->operand_count++] = *out;
	if (is_last)
		link->expr = launch->expr;
	else
		expr_operand(&link->expr, 0, ERC_F32);
}

/* The output's dims as the kernel stores them: images, blocks of channels, pixels, channels of a block. */
static void set_space(const struct launch *launch, struct launch *sum)
{
	const int64_t *p = launch->params;
	int64_t pixels = p[CONV_OD] * p[CONV_OH] * p[CONV_OW];
	int64_t lanes = p[CONV_SCATTER] ? 1 : p[CONV_MATMUL] ? p[CONV_OC] : 16;
	int64_t channels = p[CONV_OUT_IMAGE] / pixels; /* channels as stored */
	sum->space = shape_of(4, (int64_t[]){p[CONV_IMAGES], channels / lanes, pixels, lanes});
}

/* Sets the strides with which the element-wise launch walks the output, a part, or an operand of the epilogue. */
static void set_strides(const struct launch *launch, enum operand_role role, struct operand *operand)
{
	const int64_t *p = launch->params;
	int64_t block = p[CONV_SCATTER] ? p[CONV_OUT_LANE] : p[CONV_OUT_BLOCK];
	int64_t full[] = {p[CONV_OUT_IMAGE], block, p[CONV_OUT_PIXEL], 1}, channel[] = {0, p[CONV_SCATTER] ? 1 : 16, 0, 1};
	memset(operand->strides, 0, sizeof operand->strides);
	if (role != ROLE_SCALAR)
		memcpy(operand->strides, role == ROLE_CHANNEL ? channel : full, sizeof full);
	operand->role = ROLE_NONE;
}

static void add_sum(struct plan *plan, const struct launch *launch, struct launch *parts, struct buffer *scratch)
{
	struct launch *sum = plan_add_launch(plan, parts->next, &gpu_pointwise_template, launch->name);
	int64_t count = launch->params[CONV_PARTS];
	int map[EXPR_MAX_OPERANDS], total = -1;
	set_space(launch, sum);
	for (int64_t i = 0; i < count; i++) {
		struct operand *part = launch_operand(sum, scratch, ERC_F32, false);
		part->offset = i * launch->params[CONV_OUT_PART] * 4;
		set_strides(launch, ROLE_FULL, part);
		int value = expr_operand(&sum->expr, (int)i, ERC_F32);
		total = i ? expr_apply(&sum->expr, PRIM_add, total, value, -1) : value;
	}
	map[0] = total;
	for (int i = launch->input_count; i < launch->operand_count; i++) {
		struct operand *operand = &sum->operands[sum->operand_count++];
		*operand = launch->operands[i];
		set_strides(launch, operand->write ? ROLE_FULL : operand->role, operand);
		if (!operand->write)
			map[i - launch->input_count + 1] = expr_operand(&sum->expr, sum->operand_count - 1, ERC_F32);
	}
	/* the epilogue's operands may come before its own nodes: operands are numbered in the order of their first use */
	expr_inline(&sum->expr, &launch->expr, map);
	sum->reduction_key = REDUCTION_PARTS + (uint64_t)count;
}

static void cut_sums(struct launch *launch, int64_t parts)
{
	launch_set(launch, CONV_PARTS, parts);
	launch_set(launch, CONV_PART_SLICES, ceil_div(conv_slices(launch->params), parts));
}

static void chain(struct plan *plan, struct launch *launch, int64_t links)
{
	struct launch *behind = launch->next;
	cut_sums(launch, links);
	for (int64_t number = 1; number <= links; number++)
		add_link(plan, launch, behind, number);
}

static void split(struct plan *plan, struct launch *launch, int64_t parts)
{
	const int64_t *p = launch->params;
	cut_sums(launch, parts);
	launch_set(launch, CONV_OUT_PART, round_up(p[CONV_IMAGES] * p[CONV_OUT_IMAGE], 16));
	struct buffer *scratch = plan_buffer(plan, BUFFER_ARENA, parts * p[CONV_OUT_PART] * 4, launch->name);
	scratch->is_optional = true;
	add_sum(plan, launch, add_parts(plan, launch, scratch), scratch);
}

void conv_split(struct plan *plan, struct launch *launch)
{
	int64_t links = links_of(plan, launch), parts = parts_of(plan, launch);
	if (links > 1)
		chain(plan, launch, links);
	else if (parts > 1)
		split(plan, launch, parts);
}

/* Sets the strides of an operand with one element per channel. In a product the channels are the last dim, unless B is
 * a vector. In other outputs they are only known if the shape is unchanged. Returns false where they are not known. */
bool conv_channel_strides(const struct launch *launch, const struct shape *space, bool reshaped, int64_t *strides)
{
	if (launch->params[CONV_MATMUL]) {
		if (space->dims[space->rank - 1] != launch->params[CONV_OC])
			return false;
		strides[space->rank - 1] = 1;
		return true;
	}
	if (launch->params[CONV_SCATTER]) {
		if (reshaped || space->rank != launch->space.rank)
			return false;
		strides[1] = 1;
		return true;
	}
	if (reshaped || space->rank != 4)
		return false;
	strides[1] = 16;
	strides[3] = 1;
	return true;
}
