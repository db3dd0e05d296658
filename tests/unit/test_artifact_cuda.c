/* The artifact reader with CUDA targets whose images or launches are wrong. */
#include <elf.h>
#include <stdlib.h>

#include "schemas/cuda.h"
#include "tests/devices/build_artifact.h"
#include "runtime/include/erc.h"
#include "tests/suite.h"

/* Two images: 64 bytes that begin like an ELF file, and PTX. */
#define TABLE_BYTES (sizeof(struct erc_cuda_image) + 2 * 16)
#define FIRST 64
#define SECOND 128
#define PTX_BYTES 5
#define CODE_BYTES (SECOND + PTX_BYTES)

static _Alignas(8) uint8_t code[CODE_BYTES];

static struct erc_cuda_image *table(void)
{
	return (struct erc_cuda_image *)code;
}

static void fill_code(void)
{
	memset(code, 0, sizeof code);
	table()->abi = ERC_CUDA_ABI;
	table()->kernel_count = 2;
	table()->images[0].offset = FIRST;
	table()->images[0].bytes = 64;
	table()->images[1].offset = SECOND;
	table()->images[1].bytes = PTX_BYTES;
	memcpy(code + FIRST,
	       "\x7f"
	       "ELF",
	       4);
	memcpy(code + SECOND, ".ptx", PTX_BYTES);
}

/* One target, and one launch of the second kernel, which has almost no operands. */
static void begin(struct build *build)
{
	memset(build, 0, sizeof *build);
	fill_code();
	build->code = code;
	build->code_bytes = sizeof code;
	uint32_t name = build_text(build, "cuda:sm_90");
	BUILD_ADD(build, BUDGETS, struct erca_budget, .name = name);
	BUILD_ADD(build, TARGETS, struct erca_target, .name = name, .kind = ERCA_TARGET_CUDA, .level = 900,
	          .min_driver = 13000, .code_section = BUILD_CODE_SECTION, .code_bytes = sizeof code, .budget_count = 1);
	for (uint32_t i = 0; i < 2; i++)
		BUILD_ADD(build, KERNELS, struct erca_kernel, .name = name, .entry = i);
	for (uint32_t i = 0; i < 97; i++)
		BUILD_ADD(build, PARAMS, int64_t, i);
	for (uint32_t i = 0; i < 25; i++)
		BUILD_ADD(build, OPERANDS, struct erca_operand, .buffer = ERCA_BUFFER_ARENA, .access = ERCA_ACCESS_WRITE,
		          .bytes = 64);
	BUILD_ADD(build, VARIANTS, struct erca_variant, .kernel = 1, .tile_count = 4, .param_count = 96, .threads = 1024,
	          .local_bytes = 1024, .count_slot = ERCA_NONE);
	BUILD_ADD(build, RECORDS, struct erca_record, .kind = ERCA_RECORD_LAUNCH, .name = name, .operand_count = 24,
	          .variant_count = 1, .plan_a = ERCA_NONE, .plan_b = ERCA_NONE, .fault_slot = ERCA_NONE);
	BUILD_ADD(build, PLANS, struct erca_plan, .record_count = 1);
	BUILD_ADD(build, ENTRIES, struct erca_entry, .name = name, .arena_bytes = 64, .local_bytes = 1 << 21);
}

/* NULL: the artifact is accepted. */
static void expect(struct build *build, enum erc_status wanted, const char *text)
{
	erc_artifact *artifact;
	size_t bytes;
	uint8_t *file = build_finish(build, &bytes);
	enum erc_status status = erc_artifact_open_memory(file, bytes, &artifact);
	ck_assert_msg(status == wanted, "%s: %s", text ? text : "good", erc_error_detail());
	if (status == ERC_OK)
		erc_artifact_close(artifact);
	else
		ck_assert_msg(strstr(erc_error_detail(), text) != NULL, "'%s' is not in: %s", text, erc_error_detail());
	free(file);
}

START_TEST(a_good_one_is_taken)
{
	struct build build;
	begin(&build);
	expect(&build, ERC_OK, NULL);
}
END_TEST

/* ---- the code section: one place changed ---- */

#define AT(i, field) (offsetof(struct erc_cuda_image, images) + 16 * (i) + (field))
#define OFFSET 0
#define LENGTH 8
#define ELF(field) (FIRST + offsetof(Elf64_Ehdr, field))

static const struct code_fault {
	size_t at, width;
	uint64_t value;
	enum erc_status status;
	const char *text;
} code_faults[] = {
	{0, 4, ERC_CUDA_ABI + 1, ERC_VERSION, "compile the model again"},
	{4, 4, 9, ERC_CORRUPT, "a table of 9 images does not fit 133 bytes"},
	{4, 4, UINT32_MAX, ERC_CORRUPT, "a table of 4294967295 images"},
	{4, 4, 1, ERC_CORRUPT, "PLAN kernels[1]: entry is 1, but targets[0] has 1 images"},
	{4, 4, 4, ERC_CORRUPT, "image 0: offset is 64, expected a multiple of 64 from 72"},
	{AT(0, OFFSET), 8, 65, ERC_CORRUPT, "image 0: offset is 65"},
	{AT(0, OFFSET), 8, 0, ERC_CORRUPT, "image 0: offset is 0"},
	{AT(1, OFFSET), 8, 192, ERC_CORRUPT, "image 1: offset 192 + 5 bytes end after the section (133 bytes)"},
	{AT(1, OFFSET), 8, UINT64_MAX - 63, ERC_CORRUPT, "end after the section"},
	{AT(1, LENGTH), 8, PTX_BYTES + 1, ERC_CORRUPT, "image 1: offset 128 + 6 bytes end after"},
	{AT(1, LENGTH), 8, UINT64_MAX, ERC_CORRUPT, "end after the section"},
	{AT(1, LENGTH), 8, 0, ERC_CORRUPT, "image 1: offset 128 + 0 bytes"},
	{AT(1, LENGTH), 8, PTX_BYTES - 1, ERC_CORRUPT, "image 1 is neither an ELF file nor text that ends with a NUL"},
	{FIRST, 1, 0x7e, ERC_OK, NULL}, /* text, which ends with NUL */
	{ELF(e_shoff), 8, 65, ERC_CORRUPT, "image 0: the tables of the ELF file end after it (64 bytes)"},
	{ELF(e_phoff), 8, UINT64_MAX, ERC_CORRUPT, "image 0: the tables of the ELF file end after it"},
	{ELF(e_shoff), 8, 64, ERC_OK, NULL},
	{ELF(e_shentsize), 4, 0x10041, ERC_CORRUPT, "end after it"}, /* one section of 65 bytes */
	{CODE_BYTES - 1, 1, 'x', ERC_CORRUPT, "image 1 is neither an ELF file"},
};

START_TEST(code_faults_are_found)
{
	const struct code_fault *fault = &code_faults[_i];
	struct build build;
	begin(&build);
	memcpy(code + fault->at, &fault->value, fault->width);
	expect(&build, fault->status, fault->text);
}
END_TEST

START_TEST(short_code_is_found)
{
	for (size_t bytes = 0; bytes < CODE_BYTES; bytes++) {
		struct build build;
		begin(&build);
		build.code_bytes = bytes;
		((struct erca_target *)(void *)build.tables[ERC_TABLE_TARGETS].data)->code_bytes = bytes;
		expect(&build, ERC_CORRUPT, "CUDA code: ");
	}
}
END_TEST

/* ---- the plan: one field changed ---- */

#define FAULT(table, type, i, field, value, text) \
	{ \
		ERC_TABLE_##table, (i) * sizeof(struct type) + offsetof(struct type, field), \
			sizeof(((struct type *)0)->field), value, text \
	}

static const struct plan_fault {
	enum erc_table table;
	size_t offset, width;
	uint64_t value;
	const char *text;
} plan_faults[] = {
	FAULT(KERNELS, erca_kernel, 1, entry, 2, "PLAN kernels[1]: entry is 2, but targets[0] has 2 images"),
	FAULT(RECORDS, erca_record, 0, operand_count, 25,
          "PLAN records[0]: operand_count is 25, expected at most 24 on CUDA"),
	FAULT(VARIANTS, erca_variant, 0, param_count, 97,
          "PLAN variants[0]: param_count is 97, expected at most 96 on CUDA"),
	FAULT(VARIANTS, erca_variant, 0, threads, 0,
          "PLAN variants[0]: threads is 0, expected a multiple of 32 up to 1024"),
	FAULT(VARIANTS, erca_variant, 0, threads, 48, "threads is 48"),
	FAULT(VARIANTS, erca_variant, 0, threads, 1056, "threads is 1056"),
	FAULT(VARIANTS, erca_variant, 0, local_bytes, (1 << 20) + 1,
          "local_bytes is 1048577, expected at most 1048576 on CUDA"),
};

START_TEST(plan_faults_are_found)
{
	const struct plan_fault *fault = &plan_faults[_i];
	struct build build;
	begin(&build);
	memcpy(build.tables[fault->table].data + fault->offset, &fault->value, fault->width);
	expect(&build, ERC_CORRUPT, fault->text);
}
END_TEST

START_TEST(a_target_without_code_is_refused)
{
	struct build build;
	begin(&build);
	struct erca_target *target = (struct erca_target *)(void *)build.tables[ERC_TABLE_TARGETS].data;
	target->code_section = ERCA_NONE;
	target->code_bytes = 0;
	expect(&build, ERC_CORRUPT, "PLAN targets[0]: kind 2 has no code section");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("artifact_cuda");
	TCase *faults = tcase_create("faults");
	tcase_add_test(faults, a_good_one_is_taken);
	tcase_add_loop_test(faults, code_faults_are_found, 0, sizeof code_faults / sizeof code_faults[0]);
	tcase_add_test(faults, short_code_is_found);
	tcase_add_loop_test(faults, plan_faults_are_found, 0, sizeof plan_faults / sizeof plan_faults[0]);
	tcase_add_test(faults, a_target_without_code_is_refused);
	suite_add_tcase(suite, faults);
	return run_suite(suite);
}
