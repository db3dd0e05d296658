/* The artifact reader with single faults of PLAN records: each is named. */
#include <stdio.h>

#include "tests/unit/sample_artifact.h"
#include "tests/suite.h"

/* Changes one record of one table; text is what the message must say. */
#define FAULT(table, type, i, field, value, text) \
	{ \
		ERC_TABLE_##table, (i) * sizeof(struct type) + offsetof(struct type, field), \
			sizeof(((struct type *)0)->field), value, text \
	}

static const struct fault {
	enum erc_table table;
	size_t offset;
	size_t width;
	uint64_t value;
	const char *text;
} faults[] = {
	FAULT(TARGETS, erca_target, 0, name, 9999, "PLAN targets[0]: name is string 9999"),
	FAULT(TARGETS, erca_target, 1, kind, 0, "PLAN targets[1]: kind is 0"),
	FAULT(TARGETS, erca_target, 1, code_section, 0, "PLAN targets[1]: code_section 0 is not a CODE section"),
	FAULT(TARGETS, erca_target, 1, code_section, ERCA_NONE, "without a code section"),
	FAULT(TARGETS, erca_target, 1, code_bytes, 13, "code_bytes is 13"),
	FAULT(TARGETS, erca_target, 1, kind, ERCA_TARGET_SIM, "kind 3 has no code"),
	FAULT(TARGETS, erca_target, 1, budget_count, 0, "has 0 budgets"),
	FAULT(TARGETS, erca_target, 1, budget_count, 3, "refers to budgets[2] and 3 in all, but there are 4"),
	FAULT(TARGETS, erca_target, 1, budget_first, UINT32_MAX, "refers to budgets"),
	FAULT(BUDGETS, erca_budget, 3, share_permille, 1001, "PLAN budgets[3]: share_permille is 1001"),
	FAULT(TENSORS, erca_tensor, 1, dtype, ERC_STRING, "PLAN tensors[1]: dtype is 8"),
	FAULT(TENSORS, erca_tensor, 1, dtype, 27, "PLAN tensors[1]: dtype is 27, which has no fixed element size"),
	FAULT(TENSORS, erca_tensor, 1, dtype, ERC_U4, "bytes is 96, but dims and dtype give 24 elements of 4 bits"),
	FAULT(TENSORS, erca_tensor, 1, dtype, ERC_I2, "bytes is 96, but dims and dtype give 24 elements of 2 bits"),
	FAULT(TENSORS, erca_tensor, 1, rank, 9, "rank is 9"),
	FAULT(TENSORS, erca_tensor, 1, rank, 2, "dim_slots[2] is 2 at rank 2"),
	FAULT(TENSORS, erca_tensor, 0, dims[0], 4, "dims[0] is 4 at rank 0"),
	FAULT(TENSORS, erca_tensor, 1, layout, 7, "layout is 7"),
	FAULT(TENSORS, erca_tensor, 1, bytes, 95, "bytes is 95, but dims and dtype give 24 elements of 32 bits"),
	FAULT(TENSORS, erca_tensor, 1, dims[0], INT64_MAX, "bytes is 96"),
	FAULT(TENSORS, erca_tensor, 1, dims[0], UINT64_MAX, "dims[0] is -1"),
	FAULT(TENSORS, erca_tensor, 1, reserved, 2, "reserved is 2"),
	FAULT(TENSORS, erca_tensor, 1, dim_slots[1], 3, "dim_slots[1] is 3, but entries[0] has 3 slots for it"),
	FAULT(TENSORS, erca_tensor, 0, dim_slots[0], 0, "dim_slots[0] is 0 at rank 0"),
	FAULT(TENSORS, erca_tensor, 1, dim_slots[2], UINT32_MAX - 1, "dim_slots[2] is 4294967294"),
	FAULT(TENSORS, erca_tensor, 1, dim_slots[3], 0, "dim_slots[3] is 0 at rank 3"),
	FAULT(KERNELS, erca_kernel, 1, target, 2, "PLAN kernels[1]: refers to targets[2]"),
	FAULT(KERNELS, erca_kernel, 1, target, 0, "its kernel is for target 0, entries[1] for target 1"),
	FAULT(VARIANTS, erca_variant, 1, kernel, 2, "PLAN variants[1]: refers to kernels[2]"),
	FAULT(VARIANTS, erca_variant, 1, param_first, 11, "refers to params[11] and 2 in all, but there are 12"),
	FAULT(VARIANTS, erca_variant, 1, shape, UINT32_MAX, "shape is string 4294967295, but the strings have"),
	FAULT(VARIANTS, erca_variant, 1, count_scale, 0, "do not go together"),
	FAULT(VARIANTS, erca_variant, 0, count_scale, 1, "do not go together"),
	FAULT(VARIANTS, erca_variant, 1, local_bytes, 257, "local_bytes is 257, entries[0] allows 256"),
	FAULT(VARIANTS, erca_variant, 1, count_slot, 2, "count_slot 2 + 2 slots end after the 3"),
	FAULT(VARIANTS, erca_variant, 1, count_step, 0, "do not go together"),
	FAULT(VARIANTS, erca_variant, 0, count_dims, 1, "do not go together"),
	FAULT(VARIANTS, erca_variant, 0, tile_count, UINT32_MAX, "tile_count is 4294967295"),
	FAULT(OPERANDS, erca_operand, 0, buffer, 0, "PLAN operands[0]: buffer is 0"),
	FAULT(OPERANDS, erca_operand, 0, buffer, 6, "PLAN operands[0]: buffer is 6"),
	FAULT(OPERANDS, erca_operand, 0, access, 0, "access is 0"),
	FAULT(OPERANDS, erca_operand, 1, access, ERCA_ACCESS_WRITE, "writes to weights"),
	FAULT(OPERANDS, erca_operand, 0, index, 1, "index is 1"),
	FAULT(OPERANDS, erca_operand, 0, bytes, 449, "offset 64 + 449 bytes end after its buffer (kind 1), which has 512"),
	FAULT(OPERANDS, erca_operand, 0, offset, UINT64_MAX, "end after its buffer"),
	FAULT(OPERANDS, erca_operand, 1, bytes, 101, "end after its buffer (kind 2), which has 100"),
	FAULT(OPERANDS, erca_operand, 2, index, 1, "names input or output 1"),
	FAULT(OPERANDS, erca_operand, 2, bytes, 97, "end after its buffer (kind 4), which has 96"),
	FAULT(RECORDS, erca_record, 0, kind, 6, "PLAN records[0]: unknown kind 6"),
	FAULT(RECORDS, erca_record, 0, operand_first, 12, "refers to operands[12] and 3 in all, but there are 14"),
	FAULT(RECORDS, erca_record, 0, variant_count, 1, "variant_count is 1, but the target of entries[0] has 2 budgets"),
	FAULT(RECORDS, erca_record, 0, plan_a, 0, "launch: plan_a is 0"),
	FAULT(RECORDS, erca_record, 1, operand_count, 1, "copy: operand_count is 1"),
	FAULT(RECORDS, erca_record, 1, variant_count, 1, "copy: variant_count is 1"),
	FAULT(RECORDS, erca_record, 1, operand_first, 0, "copy: operand 1 has access 1"),
	FAULT(RECORDS, erca_record, 0, most, 1, "launch: fault_slot is 4294967295, most 1"),
	FAULT(RECORDS, erca_record, 4, most, 1, "branch: fault_slot is 4294967295, most 1"),
	FAULT(RECORDS, erca_record, 4, operand_first, 5, "branch: operand 0 is in buffer kind 1 at 64 with 448 bytes"),
	FAULT(RECORDS, erca_record, 5, operand_count, 2, "loop: operand_count is 2"),
	FAULT(RECORDS, erca_record, 5, operand_first, 10, "loop: operand 2 has access 1, expected 2"),
	FAULT(OPERANDS, erca_operand, 10, offset, 12, "branch: operand 0 is in buffer kind 5 at 12 with 8 bytes"),
	FAULT(OPERANDS, erca_operand, 12, bytes, 16, "loop: operand 1 is in buffer kind 2 at 8 with 16 bytes"),
	FAULT(OPERANDS, erca_operand, 13, bytes, 4, "loop: operand 2 is in buffer kind 5 at 0 with 4 bytes"),
	FAULT(OPERANDS, erca_operand, 10, offset, 24, "PLAN operands[10]: offset 24 + 8 bytes end after its buffer"),
	FAULT(OPERANDS, erca_operand, 12, offset, 96, "PLAN operands[12]: offset 96 + 8 bytes end after its buffer"),
	FAULT(RECORDS, erca_record, 4, plan_b, 4, "branch: plan_b is 4 of 4 plans"),
	FAULT(RECORDS, erca_record, 5, plan_a, 4, "loop: plan_a is 4 of 4 plans"),
	FAULT(RECORDS, erca_record, 5, plan_a, 1, "PLAN plans[1]: contains itself"),
	FAULT(RECORDS, erca_record, 6, plan_a, 1, "PLAN plans[1]: contains itself"),
	FAULT(PLANS, erca_plan, 3, record_count, 2, "PLAN plans[3]: refers to records[7] and 2 in all, but there are 8"),
	FAULT(PROFILES, erca_profile, 1, entry, 1, "PLAN profiles[1]: is of entry 1 and budget 1, expected 0 and 1"),
	FAULT(PROFILES, erca_profile, 2, budget, 1, "PLAN profiles[2]: is of entry 1 and budget 1, expected 1 and 2"),
	FAULT(PROFILES, erca_profile, 3, point_count, 4,
          "PLAN profiles[3]: refers to points[9] and 4 in all, but there are 12"),
	FAULT(PROFILES, erca_profile, 3, point_first, UINT32_MAX, "PLAN profiles[3]: refers to points[4294967295]"),
	FAULT(PROFILES, erca_profile, 1, point_first, 2, "PLAN profiles[1]: has 3 points from 2, expected some from 3"),
	FAULT(PROFILES, erca_profile, 0, point_count, 0, "PLAN profiles[0]: has 0 points from 0, expected some from 0"),
	FAULT(PROFILES, erca_profile, 1, point_count, 4, "PLAN points[6]: units is 1 after 4"),
	FAULT(PROFILES, erca_profile, 3, point_count, 2,
          "PLAN profiles[3]: its last point is at 3 units, but the budget has 4"),
	FAULT(PROFILES, erca_profile, 0, units_within_1, 0, "PLAN profiles[0]: units_within_1 is 0, expected 1 to 8"),
	FAULT(PROFILES, erca_profile, 0, units_within_1, 9, "PLAN profiles[0]: units_within_1 is 9, expected 1 to 8"),
	FAULT(PROFILES, erca_profile, 0, units_within_1, 3, "units_within_1 is 3, but points[1] has 2000 ns on 3 units"),
	FAULT(PROFILES, erca_profile, 0, units_within_5, 5, "units_within_5 is 5, expected 1 to 4"),
	FAULT(PROFILES, erca_profile, 0, units_within_10, 1, "units_within_10 is 1, but points[0] has 4000 ns on 1 units"),
	FAULT(PROFILES, erca_profile, 0, tile_ns, 4001, "PLAN points[0]: unit_ns is 4000, expected 4001 to 1 x 4000"),
	FAULT(POINTS, erca_point, 0, units, 0, "PLAN points[0]: units is 0 after 0"),
	FAULT(POINTS, erca_point, 1, units, 1, "PLAN points[1]: units is 1 after 1"),
	FAULT(POINTS, erca_point, 2, units, 3, "PLAN points[2]: units is 3 after 3"),
	FAULT(POINTS, erca_point, 2, units, 9, "its last point is at 9 units, but the budget has 8"),
	FAULT(POINTS, erca_point, 2, latency_ns, 2001, "PLAN points[2]: latency_ns is 2001, more than with fewer units"),
	FAULT(POINTS, erca_point, 1, latency_ns, 1333, "PLAN points[1]: unit_ns is 4000, expected 4000 to 3 x 1333"),
	FAULT(POINTS, erca_point, 1, unit_ns, 6001, "PLAN points[1]: unit_ns is 6001"),
	FAULT(POINTS, erca_point, 1, unit_ns, UINT64_MAX, "PLAN points[1]: unit_ns is 18446744073709551615"),
	FAULT(DEFAULTS, erca_default, 1, tensor, 4, "PLAN defaults[1]: refers to tensors[4] and 1 in all, but there are 4"),
	FAULT(DEFAULTS, erca_default, 1, tensor, 0, "PLAN defaults[1]: is of tensor 0 after tensor 0"),
	FAULT(DEFAULTS, erca_default, 0, tensor, 1, "PLAN defaults[0]: offset 64 and 96 bytes"),
	FAULT(DEFAULTS, erca_default, 0, reserved, 1, "PLAN defaults[0]: reserved is 1, expected 0"),
	FAULT(DEFAULTS, erca_default, 0, offset, 32, "PLAN defaults[0]: offset 32 and 8 bytes"),
	FAULT(DEFAULTS, erca_default, 0, offset, 128, "offset 128 and 8 bytes, but there are 100 bytes of weights"),
	FAULT(DEFAULTS, erca_default, 0, offset, (uint64_t)-64, "PLAN defaults[0]: offset 18446744073709551552"),
	FAULT(CLASSES, erca_class, 1, entry, 2, "PLAN classes[1]: refers to entries[2] and 1 in all, but there are 2"),
	FAULT(CLASSES, erca_class, 1, entry, 0, "PLAN classes[1]: is of entry 0 after entry 0"),
	FAULT(CLASSES, erca_class, 0, class_, 2, "PLAN classes[0]: class_ is 2, expected 0 or 1"),
	FAULT(CLASSES, erca_class, 0, reserved, 1, "PLAN classes[0]: reserved is 1, expected 0"),
	FAULT(TARGETS, erca_target, 0, units, 9, "its last point is at 8 units, but the budget has 9"),
	FAULT(ENTRIES, erca_entry, 1, target, 2, "PLAN entries[1]: refers to targets[2]"),
	FAULT(ENTRIES, erca_entry, 1, plan, 4, "PLAN entries[1]: refers to plans[4]"),
	FAULT(ENTRIES, erca_entry, 1, input_count, 3,
          "PLAN entries[1]: refers to tensors[2] and 3 in all, but there are 4"),
	FAULT(ENTRIES, erca_entry, 1, dims_count, UINT32_MAX, "dims_count is 4294967295"),
};

START_TEST(plan_faults)
{
	const struct fault *fault = &faults[_i];
	struct build build;
	size_t bytes;
	begin(&build);
	memcpy(build.tables[fault->table].data + fault->offset, &fault->value, fault->width);
	uint8_t *file = build_finish(&build, &bytes);
	check_fails(file, bytes, ERC_CORRUPT, fault->text);
	free(file);
}
END_TEST

/* There are no profiles, or one for each entry and budget, and no further points. */
START_TEST(profiles_are_all_there)
{
	static const struct {
		size_t profiles, points; /* bytes added or removed */
		const char *text;
	} cases[] = {
		{-sizeof(struct erca_profile), -3 * sizeof(struct erca_point),
	     "PLAN profiles[3]: is missing: entries[1] has 2 budgets"},
		{sizeof(struct erca_profile), 0, "PLAN profiles[4]: belongs to no entry"},
		{0, sizeof(struct erca_point), "PLAN points[12]: belongs to no profile"},
		{-4 * sizeof(struct erca_profile), 0, "PLAN points[0]: belongs to no profile"},
		{-4 * sizeof(struct erca_profile), -12 * sizeof(struct erca_point), NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pool *pools[2];
		struct build build;
		size_t bytes;
		begin(&build);
		pools[0] = &build.tables[ERC_TABLE_PROFILES];
		pools[1] = &build.tables[ERC_TABLE_POINTS];
		pool_add(pools[0], &(struct erca_profile){0}, sizeof(struct erca_profile));
		pool_add(pools[1], &(struct erca_point){0}, sizeof(struct erca_point));
		pools[0]->bytes += cases[i].profiles - sizeof(struct erca_profile);
		pools[1]->bytes += cases[i].points - sizeof(struct erca_point);
		uint8_t *file = build_finish(&build, &bytes);
		if (cases[i].text)
			check_fails(file, bytes, ERC_CORRUPT, cases[i].text);
		else
			ck_assert_msg(!open_and_close(file, bytes), "%s", erc_error_detail());
		free(file);
	}
}
END_TEST

/* Bytes of the header of PLAN in each minor version before the present one. */
static const uint32_t header_bytes[ERCA_VERSION_MINOR] = {offsetof(struct erca_plan_header, defaults),
                                                          offsetof(struct erca_plan_header, classes),
                                                          offsetof(struct erca_plan_header, resizables)};

/* Gives the file another minor version, with its shorter header of PLAN. */
static void set_minor(uint8_t *file, uint16_t minor)
{
	struct erca_plan_header *plan = (struct erca_plan_header *)(file + sections_of(file)[BUILD_PLAN_SECTION].offset);
	((struct erca_header *)file)->version_minor = minor;
	plan->header_bytes = minor < ERCA_VERSION_MINOR ? header_bytes[minor] : sizeof *plan;
}

/* What stands where later versions have more tables is not looked at. */
START_TEST(a_file_of_an_older_minor_version)
{
	char text[64];
	size_t bytes;
	uint8_t *file = sample(&bytes);
	erc_artifact *artifact;
	struct erca_plan_header *plan = (struct erca_plan_header *)(file + sections_of(file)[BUILD_PLAN_SECTION].offset);
	set_minor(file, (uint16_t)_i);
	memset((uint8_t *)plan + header_bytes[_i], 0xff, sizeof *plan - header_bytes[_i]);
	build_rehash(file, bytes);
	ck_assert_msg(!erc_artifact_open_memory(file, bytes, &artifact), "%s", erc_error_detail());
	ck_assert_uint_eq(erc_artifact_count(artifact, ERC_TABLE_DEFAULTS), _i ? 2 : 0);
	ck_assert_uint_eq(erc_artifact_count(artifact, ERC_TABLE_CLASSES), _i > 1 ? 2 : 0);
	ck_assert_uint_eq(erc_artifact_count(artifact, ERC_TABLE_RESIZABLES), 0);
	ck_assert_uint_eq(erc_artifact_count(artifact, ERC_TABLE_POINTS), 12);
	ck_assert_uint_gt(read_all(artifact), 0);
	erc_artifact_close(artifact);
	plan->header_bytes = sizeof *plan;
	build_rehash(file, bytes);
	snprintf(text, sizeof text, "header_bytes is %zu, expected %u", sizeof *plan, header_bytes[_i]);
	check_fails(file, bytes, ERC_CORRUPT, text);
	free(file);
}
END_TEST

/* A file of another minor version with short records: no version has them. */
START_TEST(records_have_their_size)
{
	size_t bytes;
	uint8_t *file = sample(&bytes);
	struct erca_plan_header *plan = (struct erca_plan_header *)(file + sections_of(file)[BUILD_PLAN_SECTION].offset);
	plan->targets.stride = 40;
	build_rehash(file, bytes);
	check_fails(file, bytes, ERC_CORRUPT, "table targets: stride is 40, expected a multiple of 8 from 56");
	plan->targets.stride = 56;
	plan->header_bytes -= 32;
	build_rehash(file, bytes);
	check_fails(file, bytes, ERC_CORRUPT, "header_bytes is 280, expected 312");
	free(file);
}
END_TEST

/* ---- seals ---- */

/* Adds to a field of a finished file, whose seals stay as they are. */
#define SEALED(field, type, i, member) \
	{ \
		offsetof(struct erca_plan_header, field), (i), offsetof(struct type, member), \
			sizeof(((struct type *)0)->member) \
	}

static const struct sealed_field {
	size_t table;
	uint32_t record;
	size_t offset, width;
} sealed_fields[] = {
	SEALED(kernels, erca_kernel, 0, entry),
	SEALED(variants, erca_variant, 0, tile_count),
	SEALED(variants, erca_variant, 0, threads),
	SEALED(variants, erca_variant, 1, param_count),
	SEALED(variants, erca_variant, 1, count_slot),
	SEALED(variants, erca_variant, 0, local_bytes),
	SEALED(variants, erca_variant, 1, count_dims),
	SEALED(variants, erca_variant, 1, count_scale),
	SEALED(variants, erca_variant, 1, count_step),
	SEALED(operands, erca_operand, 0, access),
	SEALED(operands, erca_operand, 0, offset),
	SEALED(operands, erca_operand, 0, bytes),
	SEALED(operands, erca_operand, 1, bytes),
	SEALED(records, erca_record, 0, operand_count),
	SEALED(records, erca_record, 5, most),
	SEALED(operands, erca_operand, 10, offset),
	SEALED(entries, erca_entry, 0, dims_count),
	SEALED(entries, erca_entry, 0, arena_bytes),
	SEALED(entries, erca_entry, 0, local_bytes),
	SEALED(tensors, erca_tensor, 0, dtype),
	{offsetof(struct erca_plan_header, params), 0, 0, 8},
};

/* What no other check refuses, the seal does. */
START_TEST(what_code_trusts_is_sealed)
{
	const struct sealed_field *field = &sealed_fields[_i];
	uint32_t by_seal = 0;
	for (int delta = -64; delta <= 64; delta++) {
		size_t bytes;
		uint8_t *file = sample(&bytes);
		uint8_t *plan = file + sections_of(file)[BUILD_PLAN_SECTION].offset;
		const struct erca_table *table = (const void *)(plan + field->table);
		uint8_t *at = plan + table->offset + field->record * table->stride + field->offset;
		uint64_t value = 0;
		memcpy(&value, at, field->width);
		value += (uint64_t)delta;
		memcpy(at, &value, field->width);
		build_rehash(file, bytes);
		enum erc_status status = open_and_close(file, bytes);
		ck_assert_msg(delta ? status == ERC_CORRUPT : !status, "field %d changed by %d: %s", _i, delta,
		              erc_status_text(status));
		by_seal += delta && strstr(erc_error_detail(), "its seal is missing") != NULL;
		free(file);
	}
	ck_assert_msg(by_seal > 0, "no change of field %d reaches the seal", _i);
}
END_TEST

/* A file whose code has no seals, fewer, or more than there are, whatever version it claims. */
START_TEST(code_ends_with_seals)
{
	for (int i = 0; i < 4; i++) {
		size_t bytes;
		uint8_t *file = sample(&bytes);
		const struct erca_section *code = &sections_of(file)[BUILD_CODE_SECTION];
		struct erca_seal_end *end = (void *)(file + code->offset + code->bytes - sizeof *end);
		ck_assert_uint_gt(end->count, 1);
		switch (i) {
		case 0: end->magic[0] ^= 1; break;
		case 1: end->count = UINT32_MAX; break;
		case 2: end->reserved = 1; break;
		case 3: memset(file + code->offset + code->bytes - 32, 0, 16); break; /* the last seal: not in order */
		}
		for (uint16_t minor = 0; minor <= ERCA_VERSION_MINOR; minor++) {
			set_minor(file, minor);
			build_rehash(file, bytes);
			check_fails(file, bytes, ERC_CORRUPT, "does not end with seals of launches");
		}
		free(file);
	}
}
END_TEST

START_TEST(strings_must_end)
{
	struct build build;
	size_t bytes;
	begin(&build);
	pool_add(&build.strings, "x", 1);
	uint8_t *file = build_finish(&build, &bytes);
	check_fails(file, bytes, ERC_CORRUPT, "table strings: its last byte is not NUL");
	free(file);
}
END_TEST

/* A chain of calls: 16 nested plans are accepted, 17 are not. */
START_TEST(nesting_has_a_limit)
{
	for (uint32_t depth = 15; depth <= 17; depth++) {
		struct build build;
		size_t bytes;
		begin(&build);
		uint32_t plans = build_count(&build, ERC_TABLE_PLANS, sizeof(struct erca_plan));
		uint32_t records = build_count(&build, ERC_TABLE_RECORDS, sizeof(struct erca_record));
		for (uint32_t i = 0; i < depth; i++) {
			BUILD_ADD(&build, PLANS, struct erca_plan, .record_first = records + i, .record_count = i + 1 < depth);
			BUILD_ADD(&build, RECORDS, struct erca_record, .kind = ERCA_RECORD_CALL, .plan_a = plans + (i + 1) % depth,
			          .plan_b = ERCA_NONE, .fault_slot = ERCA_NONE);
		}
		((struct erca_entry *)(void *)build.tables[ERC_TABLE_ENTRIES].data)[1].plan = plans;
		uint8_t *file = build_finish(&build, &bytes);
		if (depth <= 16)
			ck_assert_msg(!open_and_close(file, bytes), "%s", erc_error_detail());
		else
			check_fails(file, bytes, ERC_CORRUPT, "nested deeper than 16 plans");
		free(file);
	}
}
END_TEST

/* 2^30 paths through 16 plans, each of which calls the next ten million times, are not followed one by one. */
START_TEST(hostile_references_end_soon)
{
	struct build build;
	size_t bytes;
	begin(&build);
	uint32_t plans = build_count(&build, ERC_TABLE_PLANS, sizeof(struct erca_plan));
	uint32_t records = build_count(&build, ERC_TABLE_RECORDS, sizeof(struct erca_record));
	for (uint32_t i = 0; i < 15; i++) {
		BUILD_ADD(&build, PLANS, struct erca_plan, .record_first = records + 100 * i, .record_count = 100);
		for (int k = 0; k < 100; k++)
			BUILD_ADD(&build, RECORDS, struct erca_record, .kind = ERCA_RECORD_CALL, .plan_a = plans + i + 1,
			          .plan_b = ERCA_NONE, .fault_slot = ERCA_NONE);
	}
	BUILD_ADD(&build, PLANS, struct erca_plan, .record_first = 0);
	((struct erca_entry *)(void *)build.tables[ERC_TABLE_ENTRIES].data)[1].plan = plans;
	uint8_t *file = build_finish(&build, &bytes);
	ck_assert_msg(!open_and_close(file, bytes), "%s", erc_error_detail());
	free(file);

	/* Thousands of entries that all reach the same thousands of records, of a target without code and so without seals. */
	begin(&build);
	struct erca_target *target = (void *)build.tables[ERC_TABLE_TARGETS].data;
	target->kind = ERCA_TARGET_SIM;
	target->code_section = ERCA_NONE;
	target->code_bytes = 0;
	for (int i = 0; i < 5000; i++)
		BUILD_ADD(&build, RECORDS, struct erca_record, .kind = ERCA_RECORD_LAUNCH, .operand_count = 10,
		          .variant_count = 2, .plan_a = ERCA_NONE, .plan_b = ERCA_NONE, .fault_slot = ERCA_NONE);
	uint32_t plan = BUILD_ADD(&build, PLANS, struct erca_plan, .record_first = records, .record_count = 5000);
	for (int i = 0; i < 5000; i++) {
		struct erca_entry entry = *(struct erca_entry *)(void *)build.tables[ERC_TABLE_ENTRIES].data;
		entry.plan = plan;
		entry.arena_bytes = 1 << 20;
		pool_add(&build.tables[ERC_TABLE_ENTRIES], &entry, sizeof entry);
	}
	file = build_finish(&build, &bytes);
	check_fails(file, bytes, ERC_CORRUPT, "reach more than 33554432 operands, variants, params and seals");
	free(file);
}
END_TEST

/* Records that are longer than this version knows, as a newer minor version may write them, are read with their
 * stride. */
START_TEST(longer_records)
{
	erc_artifact *artifacts[2];
	uint8_t *files[2];
	size_t bytes;
	for (int i = 0; i < 2; i++) {
		struct build build;
		begin(&build);
		build.record_padding = i ? 16 : 0;
		build.newer = i;
		files[i] = build_finish(&build, &bytes);
		ck_assert_msg(!erc_artifact_open_memory(files[i], bytes, &artifacts[i]), "%s", erc_error_detail());
	}
	ck_assert_uint_gt(read_all(artifacts[0]), 0);
#define X(id, type) \
	for (uint32_t i = 0; ERC_TABLE_##id != ERC_TABLE_SECTIONS && i < erc_artifact_count(artifacts[0], ERC_TABLE_##id); \
	     i++) \
		ck_assert_mem_eq(erc_artifact_record(artifacts[0], ERC_TABLE_##id, i), \
		                 erc_artifact_record(artifacts[1], ERC_TABLE_##id, i), sizeof(type));
	ERC_TABLES(X)
#undef X
	for (int i = 0; i < 2; i++) {
		erc_artifact_close(artifacts[i]);
		free(files[i]);
	}
}
END_TEST

START_TEST(bad_strides)
{
	static const uint32_t strides[] = {0, 7, 12, UINT32_MAX, UINT32_MAX - 7};
	for (int i = 0; i < 5; i++) {
		size_t bytes;
		uint8_t *file = sample(&bytes);
		struct erca_plan_header *plan =
			(struct erca_plan_header *)(file + sections_of(file)[BUILD_PLAN_SECTION].offset);
		plan->plans.stride = strides[i];
		build_rehash(file, bytes);
		check_fails(file, bytes, ERC_CORRUPT, "PLAN header: table plans");
		free(file);
	}
}
END_TEST
int main(void)
{
	Suite *suite = suite_create("artifact_plan");
	TCase *tcase = tcase_create("reader");
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, plan_faults, 0, (int)(sizeof faults / sizeof faults[0]));
	tcase_add_loop_test(tcase, what_code_trusts_is_sealed, 0, (int)(sizeof sealed_fields / sizeof sealed_fields[0]));
	tcase_add_test(tcase, code_ends_with_seals);
	tcase_add_test(tcase, strings_must_end);
	tcase_add_test(tcase, profiles_are_all_there);
	tcase_add_loop_test(tcase, a_file_of_an_older_minor_version, 0, ERCA_VERSION_MINOR);
	tcase_add_test(tcase, records_have_their_size);
	tcase_add_test(tcase, nesting_has_a_limit);
	tcase_add_test(tcase, hostile_references_end_soon);
	tcase_add_test(tcase, longer_records);
	tcase_add_test(tcase, bad_strides);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
