/* The artifact that tests of the reader damage: it has one of everything. */
#ifndef TEST_SAMPLE_ARTIFACT_H
#define TEST_SAMPLE_ARTIFACT_H

#include <check.h>
#include <stdlib.h>

#include "runtime/include/erc.h"
#include "tests/devices/build_artifact.h"

static inline uint32_t add_launch(struct build *build, uint32_t node, uint32_t kernel, uint32_t operand_first)
{
	static const int64_t params[] = {7, -1};
	uint32_t variant = build_count(build, ERC_TABLE_VARIANTS, sizeof(struct erca_variant));
	for (uint32_t budget = 0; budget < 2; budget++) {
		uint32_t param = pool_add(&build->tables[ERC_TABLE_PARAMS], &params[0], 8);
		pool_add(&build->tables[ERC_TABLE_PARAMS], &params[1], 8);
		BUILD_ADD(build, VARIANTS, struct erca_variant, .kernel = kernel, .tile_count = 4, .tile_ns = 1000,
		          .param_first = param, .param_count = 2, .local_bytes = 256, .count_slot = budget ? 0 : ERCA_NONE,
		          .count_dims = (uint16_t)(budget ? 2 : 0), .count_scale = budget ? 1 : 0,
		          .count_step = budget ? 3 : 0);
	}
	return BUILD_ADD(build, RECORDS, struct erca_record, .kind = ERCA_RECORD_LAUNCH, .name = node,
	                 .operand_first = operand_first, .operand_count = 3, .variant_first = variant, .variant_count = 2,
	                 .plan_a = ERCA_NONE, .plan_b = ERCA_NONE, .fault_slot = ERCA_NONE);
}

/* Operands 5n to 5n + 4: arena, weights, output, dims, input. */
static inline uint32_t add_operands(struct build *build)
{
	uint32_t first = BUILD_ADD(build, OPERANDS, struct erca_operand, .buffer = ERCA_BUFFER_ARENA,
	                           .access = ERCA_ACCESS_READ, .offset = 64, .bytes = 448);
	BUILD_ADD(build, OPERANDS, struct erca_operand, .buffer = ERCA_BUFFER_WEIGHTS, .access = ERCA_ACCESS_READ,
	          .bytes = 100);
	BUILD_ADD(build, OPERANDS, struct erca_operand, .buffer = ERCA_BUFFER_OUTPUT, .access = ERCA_ACCESS_WRITE,
	          .bytes = 96);
	BUILD_ADD(build, OPERANDS, struct erca_operand, .buffer = ERCA_BUFFER_DIMS, .access = 3, .offset = 8, .bytes = 16);
	BUILD_ADD(build, OPERANDS, struct erca_operand, .buffer = ERCA_BUFFER_INPUT, .access = ERCA_ACCESS_READ,
	          .bytes = 8);
	return first;
}

/* Of a branch, then of a loop: numbers in the table of run-time dims and in the weights. */
static inline uint32_t add_numbers(struct build *build)
{
	uint32_t first = BUILD_ADD(build, OPERANDS, struct erca_operand, .buffer = ERCA_BUFFER_DIMS,
	                           .access = ERCA_ACCESS_READ, .offset = 8, .bytes = 8);
	BUILD_ADD(build, OPERANDS, struct erca_operand, .buffer = ERCA_BUFFER_DIMS, .access = ERCA_ACCESS_READ,
	          .offset = 16, .bytes = 8);
	BUILD_ADD(build, OPERANDS, struct erca_operand, .buffer = ERCA_BUFFER_WEIGHTS, .access = ERCA_ACCESS_READ,
	          .offset = 8, .bytes = 8);
	BUILD_ADD(build, OPERANDS, struct erca_operand, .buffer = ERCA_BUFFER_DIMS, .access = ERCA_ACCESS_WRITE,
	          .bytes = 8);
	return first;
}

/* 4 tiles of 1000 ns on up to `max` units, at least 4. */
static inline void add_profile(struct build *build, uint32_t entry, uint32_t budget, uint32_t max)
{
	uint32_t first = BUILD_ADD(build, POINTS, struct erca_point, .units = 1, .latency_ns = 4000, .unit_ns = 4000);
	BUILD_ADD(build, POINTS, struct erca_point, .units = 3, .latency_ns = 2000, .unit_ns = 4000);
	BUILD_ADD(build, POINTS, struct erca_point, .units = max, .latency_ns = 1000, .unit_ns = 4000);
	BUILD_ADD(build, PROFILES, struct erca_profile, .entry = entry, .budget = budget, .point_first = first,
	          .point_count = 3, .units_within_1 = 4, .units_within_5 = 4, .units_within_10 = 4, .tile_ns = 4000);
}

static inline void add_target(struct build *build, const char *name, uint32_t level, int has_control_flow)
{
	uint32_t node = build_text(build, "node"),
			 budget = BUILD_ADD(build, BUDGETS, struct erca_budget, .name = build_text(build, "full"));
	BUILD_ADD(build, BUDGETS, struct erca_budget, .name = build_text(build, "half"), .units = 4, .share_permille = 500);
	uint32_t target =
		BUILD_ADD(build, TARGETS, struct erca_target, .name = build_text(build, name), .kind = ERCA_TARGET_CPU,
	              .level = level, .code_section = BUILD_CODE_SECTION, .code_bytes = build->code_bytes,
	              .budget_first = budget, .budget_count = 2, .memory_bytes_per_s = 460000000000, .units = 8);
	uint32_t kernel = BUILD_ADD(build, KERNELS, struct erca_kernel, .name = node, .target = target);
	uint32_t tensor = BUILD_ADD(build, TENSORS, struct erca_tensor, .name = build_text(build, "x"), .dtype = ERC_I64,
	                            .rank = 0, .dim_slots = ERCA_NO_SLOTS, .bytes = 8);
	BUILD_ADD(build, TENSORS, struct erca_tensor, .name = build_text(build, "y"), .dtype = ERC_F32, .rank = 3,
	          .dim_slots = {0, ERCA_NONE, 2, ERCA_NONE, ERCA_NONE, ERCA_NONE, ERCA_NONE, ERCA_NONE}, .bytes = 96,
	          .dims = {2, 3, 4});
	uint32_t operand = add_operands(build);
	uint32_t plan = build_count(build, ERC_TABLE_PLANS, sizeof(struct erca_plan));
	uint32_t record = add_launch(build, node, kernel, operand);
	BUILD_ADD(build, RECORDS, struct erca_record, .kind = ERCA_RECORD_COPY, .name = node, .operand_first = operand + 1,
	          .operand_count = 2, .plan_a = ERCA_NONE, .plan_b = ERCA_NONE, .fault_slot = ERCA_NONE);
	if (has_control_flow) {
		uint32_t numbers = add_numbers(build);
		BUILD_ADD(build, RECORDS, struct erca_record, .kind = ERCA_RECORD_BRANCH, .name = node,
		          .operand_first = numbers, .operand_count = 1, .plan_a = plan + 1, .plan_b = plan + 2,
		          .fault_slot = ERCA_NONE);
		BUILD_ADD(build, RECORDS, struct erca_record, .kind = ERCA_RECORD_LOOP, .name = node,
		          .operand_first = numbers + 1, .operand_count = 3, .plan_a = plan + 1, .plan_b = ERCA_NONE,
		          .fault_slot = ERCA_NONE, .most = 10);
	}
	BUILD_ADD(build, PLANS, struct erca_plan, .record_first = record, .record_count = has_control_flow ? 4 : 2);
	if (has_control_flow) {
		uint32_t call =
			BUILD_ADD(build, RECORDS, struct erca_record, .kind = ERCA_RECORD_CALL, .name = node,
		              .operand_first = operand, .plan_a = plan + 2, .plan_b = ERCA_NONE, .fault_slot = ERCA_NONE);
		uint32_t inner = add_launch(build, node, kernel, operand);
		BUILD_ADD(build, PLANS, struct erca_plan, .record_first = call, .record_count = 1);
		BUILD_ADD(build, PLANS, struct erca_plan, .record_first = inner, .record_count = 1);
	}
	uint32_t entry = BUILD_ADD(build, ENTRIES, struct erca_entry, .name = build_text(build, "main"), .target = target,
	                           .plan = plan, .input_first = tensor, .input_count = 1, .output_first = tensor + 1,
	                           .output_count = 1, .dims_count = 3, .arena_bytes = 512, .local_bytes = 256);
	BUILD_ADD(build, DEFAULTS, struct erca_default, .tensor = tensor, .offset = 64);
	BUILD_ADD(build, CLASSES, struct erca_class, .entry = entry, .class_ = ERC_REAL_TIME, .level = 2,
	          .deadline_us = 5000);
	add_profile(build, entry, budget, 8);
	add_profile(build, entry, budget + 1, 4);
}

static const uint8_t weights[100] = {1, 2, 3};

static inline void begin(struct build *build)
{
	memset(build, 0, sizeof *build);
	build->code = "machine code";
	build->code_bytes = 12;
	build->weights = weights;
	build->weights_bytes = sizeof weights;
	add_target(build, "cpu:x86-64-v3", 3, 0);
	add_target(build, "cuda:sm_80", 800, 1);
}

static inline uint8_t *sample(size_t *bytes)
{
	struct build build;
	begin(&build);
	return build_finish(&build, bytes);
}

static inline enum erc_status open_and_close(const uint8_t *file, size_t bytes)
{
	erc_artifact *artifact;
	enum erc_status status = erc_artifact_open_memory(file, bytes, &artifact);
	if (!status)
		erc_artifact_close(artifact);
	return status;
}

static inline void check_fails(const uint8_t *file, size_t bytes, enum erc_status wanted, const char *text)
{
	erc_artifact *artifact = (erc_artifact *)&artifact;
	ck_assert_int_eq((int)erc_artifact_open_memory(file, bytes, &artifact), (int)wanted);
	ck_assert_ptr_null(artifact);
	ck_assert_msg(strstr(erc_error_detail(), text) != NULL, "'%s' is not in: %s", text, erc_error_detail());
}

/* Reads everything, so that the address sanitizer notices a reference out of bounds. */
static inline uint64_t read_all(const erc_artifact *artifact)
{
	static const size_t record_bytes[ERC_TABLE_COUNT] = {
#define X(id, type) [ERC_TABLE_##id] = sizeof(type),
		ERC_TABLES(X)
#undef X
	};
	uint64_t sum = 0;
	for (int table = 0; table < ERC_TABLE_COUNT; table++)
		for (uint32_t i = 0; i < erc_artifact_count(artifact, (enum erc_table)table); i++) {
			const uint8_t *record = erc_artifact_record(artifact, (enum erc_table)table, i);
			for (size_t k = 0; k < record_bytes[table]; k++)
				sum += record[k];
		}
	for (uint32_t i = 0; i < erc_artifact_count(artifact, ERC_TABLE_RECORDS); i++) {
		const struct erca_record *record = erc_artifact_record(artifact, ERC_TABLE_RECORDS, i);
		sum += strlen(erc_artifact_string(artifact, record->name));
		for (uint32_t k = 0; k < record->operand_count; k++)
			sum += ((const struct erca_operand *)erc_artifact_record(artifact, ERC_TABLE_OPERANDS,
			                                                         record->operand_first + k))
			           ->bytes;
		for (uint32_t k = 0; k < record->variant_count; k++) {
			const struct erca_variant *variant =
				erc_artifact_record(artifact, ERC_TABLE_VARIANTS, record->variant_first + k);
			for (uint32_t p = 0; p < variant->param_count; p++)
				sum += *(const uint8_t *)erc_artifact_record(artifact, ERC_TABLE_PARAMS, variant->param_first + p);
		}
	}
	for (uint32_t i = 0; i < erc_artifact_count(artifact, ERC_TABLE_PROFILES); i++) {
		const struct erca_profile *profile = erc_artifact_record(artifact, ERC_TABLE_PROFILES, i);
		for (uint32_t k = 0; k < profile->point_count; k++)
			sum +=
				((const struct erca_point *)erc_artifact_record(artifact, ERC_TABLE_POINTS, profile->point_first + k))
					->units;
	}
	return sum;
}

static inline const struct erca_section *sections_of(const uint8_t *file)
{
	return (const struct erca_section *)(file + ((const struct erca_header *)file)->toc_offset);
}

#endif
