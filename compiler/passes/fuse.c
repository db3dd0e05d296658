/* Fuses element-wise launches into the launch that produces their input. Chains become one kernel; bias, activation and
 * residual additions become epilogues. */
#include "compiler/passes/pass.h"

static bool same_strides(const struct shape *space, const int64_t *a, const int64_t *b)
{
	for (int d = 0; d < space->rank; d++)
		if (space->dims[d] != 1 && a[d] != b[d])
			return false;
	return true;
}

static struct operand *output_of(struct launch *launch)
{
	return &launch->operands[launch->operand_count - 1];
}

/* Adds a copy of the operand to the launch, unless the launch already reads the same one. Returns the operand's number
 * in the launch. */
static int share_operand(struct launch *launch, const struct operand *operand, int from)
{
	for (int i = from; i < launch->operand_count; i++)
		if (launch->operands[i].buffer == operand->buffer && launch->operands[i].offset == operand->offset &&
		    launch->operands[i].role == operand->role && launch->operands[i].dtype == operand->dtype &&
		    same_strides(&launch->space, launch->operands[i].strides, operand->strides))
			return i;
	launch->operands[launch->operand_count] = *operand;
	return launch->operand_count++;
}

static const char *join_names(struct plan *plan, const char *a, const char *b)
{
	return strcmp(a, b) ? arena_printf(&plan->ctx->arena, "%s+%s", a, b) : a;
}

/* A copy moves bits, so it works with any dtype of the same size. It takes the dtype of the launch it is fused with. */
static bool agree_on_dtype(struct launch *producer, struct launch *consumer, int slot)
{
	enum erc_dtype written = output_of(producer)->dtype, read = consumer->operands[slot].dtype;
	if (written == read)
		return true;
	bool retype_producer = expr_is_copy(&producer->expr);
	struct launch *copy = retype_producer ? producer : consumer;
	if (!expr_is_copy(&copy->expr) || dtype_bytes(written) != dtype_bytes(read))
		return false;
	copy->operands[0].dtype = copy->operands[1].dtype = retype_producer ? read : written;
	copy->expr.nodes[0].dtype = copy->operands[0].dtype;
	return true;
}

/* The fused launch takes the consumer's place. */
static void replace(struct plan *plan, struct launch *producer, struct launch *consumer, const struct launch *fused)
{
	plan_remove_launch(plan, producer);
	launch_drop_uses(consumer);
	struct launch *previous = consumer->previous, *next = consumer->next;
	*consumer = *fused;
	consumer->previous = previous;
	consumer->next = next;
	launch_add_uses(consumer);
}

/* Whether the two may become one launch where the consumer is. If that one reads what it writes, a tile must read the
 * elements that it writes itself. */
static bool may_be_one(struct launch *producer, struct launch *consumer)
{
	const struct operand *out = output_of(consumer);
	int64_t offset, out_offset;
	if (!launch_reads_last(producer, consumer))
		return false;
	if (!launch_overwrites(consumer, producer))
		return true;
	const struct buffer *root = buffer_root(out->buffer, &out_offset);
	for (int i = 0; i < producer->operand_count - 1; i++) {
		const struct operand *in = &producer->operands[i];
		if (buffer_root(in->buffer, &offset) == root &&
		    (offset + in->offset != out_offset + out->offset || dtype_bytes(in->dtype) != dtype_bytes(out->dtype) ||
		     !same_strides(&consumer->space, in->strides, out->strides)))
			return false;
	}
	return producer->template->pointwise && shape_equal(&producer->space, &consumer->space);
}

/* Fuses two pointwise launches: the consumer then also computes what the producer computed. */
static bool fuse_chain(struct plan *plan, struct launch *producer, struct launch *consumer, int slot)
{
	struct operand *link = &consumer->operands[slot];
	if (!shape_equal(&producer->space, &consumer->space) ||
	    !same_strides(&consumer->space, link->strides, output_of(producer)->strides) ||
	    producer->operand_count + consumer->operand_count > EXPR_MAX_OPERANDS ||
	    producer->expr.count + consumer->expr.count > EXPR_MAX_NODES || !agree_on_dtype(producer, consumer, slot))
		return false;
	struct launch *fused = arena_new(&plan->ctx->arena, struct launch);
	*fused = *consumer;
	fused->operand_count = 0;
	memset(&fused->expr, 0, sizeof fused->expr);
	int map[EXPR_MAX_OPERANDS], result = -1;
	for (int pass = 0; pass < 2; pass++) {
		const struct launch *part = pass ? consumer : producer;
		for (int i = 0; i < part->operand_count - 1; i++) {
			if (pass && i == slot) {
				map[i] = result;
				continue;
			}
			int number = share_operand(fused, &part->operands[i], 0);
			map[i] = expr_operand(&fused->expr, number, part->operands[i].dtype);
		}
		result = expr_inline(&fused->expr, &part->expr, map);
	}
	if (result != fused->expr.count - 1)
		return false; /* the result is an earlier node of the expression: rare, not worth a reordering */
	fused->operands[fused->operand_count++] = *output_of(consumer);
	if (!pointwise_fits(fused))
		return false;
	fused->name = join_names(plan, producer->name, consumer->name);
	fused->bytes = producer->bytes + consumer->bytes;
	replace(plan, producer, consumer, fused);
	return true;
}

/* Sets the strides of an operand that has one element per channel, as an element-wise launch after a kernel with
 * blocked output sees it. Returns false where the launch's space does not show which dim holds the channels. */
static bool blocked_strides(const struct shape *space, bool reshaped, int64_t *strides)
{
	if (reshaped || space->rank != 4)
		return false;
	strides[1] = 16;
	strides[3] = 1;
	return true;
}

/* The role that an operand of the consumer would have in the producer's epilogue. ROLE_NONE: the epilogue cannot read
 * it. */
static enum operand_role role_of(const struct launch *producer, const struct launch *consumer,
                                 const struct operand *operand, bool reshaped)
{
	const struct shape *space = &consumer->space;
	const struct operand *out = &consumer->operands[consumer->operand_count - 1];
	int64_t zeros[MAX_RANK] = {0}, channel[MAX_RANK] = {0};
	if (same_strides(space, operand->strides, out->strides))
		return ROLE_FULL;
	if (same_strides(space, operand->strides, zeros))
		return ROLE_SCALAR;
	bool told = producer->template->channel_strides
	                ? producer->template->channel_strides(producer, space, reshaped, channel)
	                : blocked_strides(space, reshaped, channel);
	return told && same_strides(space, operand->strides, channel) ? ROLE_CHANNEL : ROLE_NONE;
}

static bool fuse_epilogue(struct plan *plan, struct launch *producer, struct launch *consumer, int slot)
{
	struct operand *link = &consumer->operands[slot], *out = output_of(consumer);
	bool reshaped = link->buffer->parent != NULL;
	if (!expr_is_f32_vector(&consumer->expr) || out->dtype != ERC_F32 || link->dtype != ERC_F32 ||
	    !same_strides(&consumer->space, link->strides, out->strides) ||
	    shape_elements(&consumer->space) * 4 != output_of(producer)->buffer->bytes ||
	    producer->operand_count + consumer->operand_count > EXPR_MAX_OPERANDS ||
	    producer->expr.count + consumer->expr.count > EXPR_MAX_NODES)
		return false;
	for (int i = 0; i < consumer->operand_count - 1; i++)
		if (i != slot && (consumer->operands[i].dtype != ERC_F32 ||
		                  role_of(producer, consumer, &consumer->operands[i], reshaped) == ROLE_NONE))
			return false;
	struct launch fused = *producer;
	int map[EXPR_MAX_OPERANDS], produced = fused.expr.count - 1;
	fused.operand_count--; /* without the output */
	for (int i = 0; i < consumer->operand_count - 1; i++) {
		if (i == slot) {
			map[i] = produced;
			continue;
		}
		struct operand operand = consumer->operands[i];
		operand.role = role_of(producer, consumer, &operand, reshaped);
		memset(operand.strides, 0, sizeof operand.strides);
		int number = share_operand(&fused, &operand, fused.input_count);
		map[i] = expr_operand(&fused.expr, number - fused.input_count + 1, ERC_F32);
	}
	if (expr_inline(&fused.expr, &consumer->expr, map) != fused.expr.count - 1)
		return false;
	fused.operands[fused.operand_count] = *out;
	fused.operands[fused.operand_count].role = ROLE_NONE;
	fused.operand_count++;
	fused.name = join_names(plan, producer->name, consumer->name);
	fused.bytes += consumer->bytes;
	replace(plan, producer, consumer, &fused);
	return true;
}

static bool try_fuse(struct plan *plan, struct launch *consumer)
{
	for (int i = 0; i < consumer->operand_count - 1; i++) {
		int64_t offset;
		struct buffer *buffer = buffer_root(consumer->operands[i].buffer, &offset);
		if (buffer->kind != BUFFER_ARENA || offset + consumer->operands[i].offset ||
		    consumer->operands[i].buffer->bytes != buffer->bytes)
			continue;
		struct launch *producer = buffer_writer(buffer);
		if (!producer || buffer->reads != 1 || !producer->template->epilogue || !may_be_one(producer, consumer) ||
		    output_of(producer)->offset || output_of(producer)->buffer != buffer)
			continue;
		if (producer->template->pointwise ? fuse_chain(plan, producer, consumer, i)
		                                  : fuse_epilogue(plan, producer, consumer, i))
			return true;
	}
	return false;
}

enum ercc_status pass_fuse(struct plan *plan)
{
	plan_count_uses(plan);
	for (struct launch *launch = plan->first; launch; launch = launch->next)
		while (launch->template->pointwise && try_fuse(plan, launch))
			;
	return ERCC_OK;
}
