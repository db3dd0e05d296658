/* Small models for the device tests: launches of the test kernels in an artifact. */
#ifndef TEST_MODEL_H
#define TEST_MODEL_H

#include "tests/devices/build_artifact.h"
#include "tests/devices/stub_image.h"
#include "tests/devices/test_kernels.h"

#define TEST_BUDGETS 2 /* "full", and "half" of the device's units */

struct test_model {
	struct build build;
	struct erca_entry entry;
	uint32_t node; /* string */
	int is_cuda;   /* according to the target's name */
};

static inline void test_model_begin(struct test_model *model, const char *target)
{
	memset(model, 0, sizeof *model);
	struct build *build = &model->build;
	model->node = build_text(build, "node");
	model->is_cuda = !strncmp(target, "cuda:", 5);
	BUILD_ADD(build, BUDGETS, struct erca_budget, .name = build_text(build, "full"));
	BUILD_ADD(build, BUDGETS, struct erca_budget, .name = build_text(build, "half"), .share_permille = 500);
	BUILD_ADD(build, TARGETS, struct erca_target, .name = build_text(build, target), .level = 3,
	          .kind = model->is_cuda ? ERCA_TARGET_CUDA : ERCA_TARGET_CPU, .code_section = BUILD_CODE_SECTION,
	          .budget_count = TEST_BUDGETS);
#define X(kernel) \
	BUILD_ADD(build, KERNELS, struct erca_kernel, .name = build_text(build, #kernel), .entry = TEST_KERNEL_##kernel);
	TEST_KERNELS(X)
#undef X
	model->entry = (struct erca_entry){.name = build_text(build, "main")};
}

/* Inputs must be added before outputs; this is their order in the tensor table. */
static inline void test_model_tensor(struct test_model *model, int is_output, enum erc_dtype dtype, int64_t count)
{
	BUILD_ADD(&model->build, TENSORS, struct erca_tensor, .name = model->node, .dtype = (uint8_t)dtype, .rank = 1,
	          .dim_slots = ERCA_NO_SLOTS, .bytes = (uint64_t)count * erc_dtype_bytes(dtype), .dims = {count});
	if (is_output)
		model->entry.output_count++;
	else
		model->entry.output_first = ++model->entry.input_count;
}

/* Operands belong to the launch or copy that is added next. */
static inline void test_model_operand(struct test_model *model, enum erca_buffer buffer, uint8_t access, uint32_t index,
                                      uint64_t offset, uint64_t bytes)
{
	BUILD_ADD(&model->build, OPERANDS, struct erca_operand, .buffer = (uint8_t)buffer, .access = access, .index = index,
	          .offset = offset, .bytes = bytes);
}

static inline struct erca_record test_model_record(const struct test_model *model, enum erca_record_kind kind)
{
	const struct erca_record *records = (const void *)model->build.tables[ERC_TABLE_RECORDS].data;
	uint32_t count = build_count(&model->build, ERC_TABLE_RECORDS, sizeof *records);
	uint32_t first = count ? records[count - 1].operand_first + records[count - 1].operand_count : 0;
	return (struct erca_record){
		.kind = kind,
		.name = model->node,
		.operand_first = first,
		.operand_count = build_count(&model->build, ERC_TABLE_OPERANDS, sizeof(struct erca_operand)) - first,
		.plan_a = ERCA_NONE,
		.plan_b = ERCA_NONE,
		.fault_slot = ERCA_NONE,
	};
}

static inline void test_model_launch_variant(struct test_model *model, struct erca_variant variant, int64_t param)
{
	struct erca_record record = test_model_record(model, ERCA_RECORD_LAUNCH);
	record.variant_first = build_count(&model->build, ERC_TABLE_VARIANTS, sizeof variant);
	record.variant_count = TEST_BUDGETS;
	variant.param_first = pool_add(&model->build.tables[ERC_TABLE_PARAMS], &param, sizeof param);
	variant.param_count = 1;
	variant.threads = model->is_cuda ? 32 : 0;
	for (int i = 0; i < TEST_BUDGETS; i++)
		pool_add(&model->build.tables[ERC_TABLE_VARIANTS], &variant, sizeof variant);
	pool_add(&model->build.tables[ERC_TABLE_RECORDS], &record, sizeof record);
}

static inline void test_model_launch(struct test_model *model, enum test_kernel kernel, uint32_t tiles, int64_t param)
{
	test_model_launch_variant(model,
	                          (struct erca_variant){.kernel = kernel, .tile_count = tiles, .count_slot = ERCA_NONE},
	                          param);
}

static inline void test_model_copy(struct test_model *model)
{
	struct erca_record record = test_model_record(model, ERCA_RECORD_COPY);
	pool_add(&model->build.tables[ERC_TABLE_RECORDS], &record, sizeof record);
}

/* Returns the artifact, which the caller frees. code: a CPU code image, which is converted for the stand-in if the
 * target is CUDA; or CODE for a GPU. */
static inline uint8_t *test_model_finish(struct test_model *model, const void *code, size_t code_bytes, size_t *bytes)
{
	struct erca_target *target = (void *)model->build.tables[ERC_TABLE_TARGETS].data;
	BUILD_ADD(&model->build, PLANS, struct erca_plan,
	          .record_count = build_count(&model->build, ERC_TABLE_RECORDS, sizeof(struct erca_record)));
	pool_add(&model->build.tables[ERC_TABLE_ENTRIES], &model->entry, sizeof model->entry);
	int is_elf = code_bytes > 4 && !memcmp(code,
	                                       "\x7f"
	                                       "ELF",
	                                       4);
	void *wrapped = model->is_cuda && is_elf ? stub_code(code, code_bytes, TEST_KERNEL_COUNT, 0, &code_bytes) : NULL;
	model->build.code = wrapped ? wrapped : code;
	model->build.code_bytes = target->code_bytes = code_bytes;
	uint8_t *file = build_finish(&model->build, bytes);
	free(wrapped);
	return file;
}

#endif
