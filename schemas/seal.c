/* Seals of launches and entries; FORMAT.md says what they cover. */
#include "schemas/seal.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/sha256.h"

/* What a kernel trusts besides params and operands, in the order in which it is hashed. */
struct covered {
	uint32_t entry, tile_count, param_count, operand_count, dims_count, count_slot, count_step;
	uint16_t count_dims, count_scale, threads, reserved;
	uint32_t reserved2;
	uint64_t local_bytes;
};
_Static_assert(sizeof(struct covered) == 48, "layout");
_Static_assert(sizeof(struct erca_seal_end) == sizeof(struct erca_seal), "layout");

void erc_seal_of(const struct erc_sealed *launch, struct erca_seal *out)
{
	const struct erca_variant *variant = launch->variant;
	const struct covered covered = {.entry = launch->kernel->entry,
	                                .tile_count = variant->tile_count,
	                                .param_count = variant->param_count,
	                                .operand_count = launch->operand_count,
	                                .dims_count = launch->dims_count,
	                                .count_slot = variant->count_slot,
	                                .count_step = variant->count_step,
	                                .count_dims = variant->count_dims,
	                                .count_scale = variant->count_scale,
	                                .threads = variant->threads,
	                                .local_bytes = variant->local_bytes};
	struct erc_sha256 hash;
	uint8_t digest[ERC_SHA256_BYTES];
	erc_sha256_init(&hash);
	erc_sha256_update(&hash, &covered, sizeof covered);
	for (uint32_t i = 0; i < variant->param_count; i++)
		erc_sha256_update(&hash, (const char *)launch->params + i * launch->param_stride, sizeof(int64_t));
	for (uint32_t i = 0; i < launch->operand_count; i++)
		erc_sha256_update(&hash, (const char *)launch->operands + i * launch->operand_stride,
		                  sizeof(struct erca_operand));
	erc_sha256_final(&hash, digest);
	memcpy(out->bytes, digest, sizeof out->bytes);
}

static void hash_tensors(struct erc_sha256 *hash, const char *tensors, size_t stride, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct erca_tensor tensor;
		memcpy(&tensor, tensors + (size_t)(first + i) * stride, sizeof tensor);
		tensor.name = 0;
		erc_sha256_update(hash, &tensor, sizeof tensor);
	}
}

void erc_entry_seal_begin(struct erc_sha256 *hash, const struct erca_entry *entry, const void *tensors, size_t stride)
{
	const uint64_t covered[] = {entry->input_count, entry->output_count, entry->dims_count, entry->arena_bytes,
	                            entry->local_bytes, entry->fault_first,  entry->fault_count};
	erc_sha256_init(hash);
	erc_sha256_update(hash, covered, sizeof covered);
	hash_tensors(hash, tensors, stride, entry->input_first, entry->input_count);
	hash_tensors(hash, tensors, stride, entry->output_first, entry->output_count);
}

void erc_entry_seal_record(struct erc_sha256 *hash, const struct erca_record *record)
{
	const uint32_t covered[] = {record->kind,   record->operand_count, record->variant_count,
	                            record->plan_a, record->plan_b,        record->fault_slot};
	erc_sha256_update(hash, covered, sizeof covered);
	if (record->kind == ERCA_RECORD_LOOP)
		erc_sha256_update(hash, &record->most, sizeof record->most);
}

void erc_entry_seal_launch(struct erc_sha256 *hash, const struct erca_seal *seal)
{
	erc_sha256_update(hash, seal->bytes, sizeof seal->bytes);
}

void erc_entry_seal_operand(struct erc_sha256 *hash, const struct erca_operand *operand)
{
	erc_sha256_update(hash, operand, sizeof *operand);
}

static void hash_rows(struct erc_sha256 *hash, const struct erc_sealed_rows *rows, size_t bytes)
{
	for (uint32_t i = 0; i < rows->count; i++)
		erc_sha256_update(hash, (const char *)rows->rows + i * rows->stride, bytes);
}

void erc_entry_seal_resizable(struct erc_sha256 *hash, const struct erc_sealed_rows *ranges,
                              const struct erc_sealed_rows *terms, const struct erc_sealed_rows *patches)
{
	const uint32_t counts[] = {ranges->count, terms->count, patches->count};
	erc_sha256_update(hash, counts, sizeof counts);
	for (uint32_t i = 0; i < ranges->count; i++) {
		struct erca_range range;
		memcpy(&range, (const char *)ranges->rows + i * ranges->stride, sizeof range);
		range.name = 0;
		erc_sha256_update(hash, &range, sizeof range);
	}
	hash_rows(hash, terms, sizeof(struct erca_term));
	hash_rows(hash, patches, sizeof(struct erca_patch));
}

void erc_entry_seal_end(struct erc_sha256 *hash, struct erca_seal *out)
{
	uint8_t digest[ERC_SHA256_BYTES];
	erc_sha256_final(hash, digest);
	memcpy(out->bytes, digest, sizeof out->bytes);
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct erca_seal));
}

void erc_seals_write(void *out, struct erca_seal *seals, uint32_t count)
{
	struct erca_seal_end end = {.count = count};
	memcpy(end.magic, ERCA_SEAL_MAGIC, sizeof end.magic);
	if (count) {
		qsort(seals, count, sizeof *seals, by_bytes);
		memcpy(out, seals, count * sizeof *seals);
	}
	memcpy((char *)out + count * sizeof *seals, &end, sizeof end);
}

const struct erca_seal *erc_seals_find(const void *code, size_t bytes, uint32_t *count)
{
	struct erca_seal_end end;
	if (bytes < sizeof end)
		return NULL;
	memcpy(&end, (const char *)code + bytes - sizeof end, sizeof end);
	if (memcmp(end.magic, ERCA_SEAL_MAGIC, sizeof end.magic) || end.reserved ||
	    end.count > (bytes - sizeof end) / sizeof(struct erca_seal))
		return NULL;
	const struct erca_seal *seals = (const void *)((const char *)code + bytes - sizeof end - end.count * sizeof *seals);
	for (uint32_t i = 1; i < end.count; i++)
		if (by_bytes(&seals[i - 1], &seals[i]) > 0)
			return NULL;
	*count = end.count;
	return seals;
}

int erc_seals_have(const struct erca_seal *seals, uint32_t count, const struct erca_seal *seal)
{
	return count && bsearch(seal, seals, count, sizeof *seals, by_bytes);
}
