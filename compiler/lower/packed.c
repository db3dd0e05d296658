/* Elements of 4 and 2 bits are packed in inputs, outputs and constants (see dtype_packing). Element-wise launches over
 * bytes unpack them before their first use, and pack outputs at the end. */
#include "compiler/lower/op.h"

/* The dtype as which the bits of all dtypes with that packing are moved. */
static enum erc_dtype bits_dtype(int packing)
{
	return packing == 2 ? ERC_U4 : ERC_U2;
}

static struct launch *add_launch(struct lowering *lowering, struct launch *before, const char *name, int parts,
                                 int64_t bytes)
{
	struct launch *launch = plan_add_launch(lowering->plan, before, &pointwise_template, name);
	launch->space = shape_of(2, (int64_t[]){parts, bytes});
	return launch;
}

/* Unpacks the first `parts` elements of each of these bytes: byte i to elements packing * i and behind. */
static void unpack_bytes(struct lowering *lowering, struct launch *before, struct buffer *packed, struct buffer *out,
                         int packing, int parts, int64_t first, int64_t bytes)
{
	static const uint8_t shifts[][4] = {[2] = {0, 4}, [4] = {0, 2, 4, 6}};
	struct launch *launch = add_launch(lowering, before, out->name, parts, bytes);
	struct operand *from = launch_operand(launch, packed, ERC_U8, false);
	from->offset = first;
	from->strides[1] = 1;
	launch_operand(launch, plan_weights(lowering->plan, shifts[packing], packing, out->name), ERC_U8, false)
		->strides[0] = 1;
	struct operand *to = launch_operand(launch, out, bits_dtype(packing), true);
	to->offset = first * packing;
	to->strides[0] = 1;
	to->strides[1] = packing;
	int byte = expr_operand(&launch->expr, 0, ERC_U8), shift = expr_operand(&launch->expr, 1, ERC_U8);
	expr_cast(&launch->expr, expr_apply(&launch->expr, PRIM_shr, byte, shift, -1), bits_dtype(packing));
	launch->bytes = (uint64_t)((1 + parts) * bytes);
}

/* The opposite. The other elements of each byte become 0. */
static void pack_bytes(struct lowering *lowering, struct buffer *in, struct buffer *packed, int packing, int parts,
                       int64_t first, int64_t bytes)
{
	struct launch *launch = add_launch(lowering, NULL, packed->name, 1, bytes);
	int sum = -1;
	for (int k = 0; k < parts; k++) {
		struct operand *from = launch_operand(launch, in, bits_dtype(packing), false);
		from->offset = first * packing + k;
		from->strides[1] = packing;
		int part = expr_cast(&launch->expr, expr_operand(&launch->expr, k, bits_dtype(packing)), ERC_U8);
		if (k)
			part = expr_apply(&launch->expr, PRIM_shl, part, expr_const(&launch->expr, ERC_U8, 0, k * 8 / packing), -1);
		sum = k ? expr_apply(&launch->expr, PRIM_or, sum, part, -1) : part;
	}
	struct operand *to = launch_operand(launch, packed, ERC_U8, true);
	to->offset = first;
	to->strides[1] = 1;
	launch->bytes = (uint64_t)((1 + parts) * bytes);
}

struct buffer *unpack_elements(struct lowering *lowering, const struct value *value, struct buffer *packed,
                               struct launch *before)
{
	int packing = dtype_packing(value->dtype);
	int64_t elements = shape_elements(&value->shape), whole = elements / packing;
	struct buffer *out = plan_buffer(lowering->plan, BUFFER_ARENA, elements, value->name);
	if (whole)
		unpack_bytes(lowering, before, packed, out, packing, packing, 0, whole);
	if (elements % packing)
		unpack_bytes(lowering, before, packed, out, packing, (int)(elements % packing), whole, 1);
	return out;
}

void pack_elements(struct lowering *lowering, const struct value *value, struct buffer *in, struct buffer *packed)
{
	int packing = dtype_packing(value->dtype);
	int64_t elements = shape_elements(&value->shape), whole = elements / packing;
	if (whole)
		pack_bytes(lowering, in, packed, packing, packing, 0, whole);
	if (elements % packing)
		pack_bytes(lowering, in, packed, packing, (int)(elements % packing), whole, 1);
}

struct buffer *packed_weights(struct plan *plan, const struct tensor *tensor, const char *name)
{
	const struct tensor *all = tensor_expand(&plan->ctx->arena, tensor);
	if (dtype_packing(all->dtype) == 1)
		return plan_weights(plan, all->data, (int64_t)tensor_bytes(all), name);
	int64_t elements = shape_elements(&all->shape), bytes = packed_bytes(all->dtype, elements);
	void *data = arena_alloc(&plan->ctx->arena, (size_t)bytes);
	elements_pack(all->dtype, all->data, elements, data);
	return plan_weights(plan, data, bytes, name);
}

struct buffer *unpack_constant(struct lowering *lowering, const struct value *value)
{
	struct launch *before = lowering->behind ? lowering->behind->next : lowering->plan->first;
	return unpack_elements(lowering, value, packed_weights(lowering->plan, value->constant, value->name), before);
}
