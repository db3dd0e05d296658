/* Reports of the assembler of CUDA 12 and CUDA 13, as the CUDA targets read them. */
#include "tests/unit/graph_fixture.h"
#include "compiler/targets/nvrtc.h"

static const char cuda_12[] = "ptxas info    : 160 bytes gmem\n"
							  "ptxas info    : Compiling entry function 'erc_plain' for 'sm_80'\n"
							  "ptxas info    : Function properties for erc_plain\n"
							  "    8192 bytes stack frame, 12 bytes spill stores, 16 bytes spill loads\n"
							  "ptxas info    : Used 40 registers, 1376 bytes cmem[0], 8 bytes cmem[2]\n"
							  "ptxas info    : Compiling entry function 'erc_elastic' for 'sm_80'\n"
							  "ptxas info    : Function properties for erc_elastic\n"
							  "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
							  "ptxas info    : Used 128 registers, used 1 barriers, 4 bytes smem, 1376 bytes cmem[0]\n"
							  "ptxas info    : Function properties for quarter_of_large\n"
							  "    24 bytes stack frame, 4 bytes spill stores, 0 bytes spill loads\n";

static const char cuda_13[] =
	"ptxas info    : 0 bytes gmem\n"
	"ptxas info    : Compiling entry function 'erc_elastic' for 'sm_90'\n"
	"ptxas info    : Function properties for erc_elastic\n"
	"ptxas         .     800 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
	"ptxas info    : Used 39 registers, used 1 barriers, 816 bytes cumulative stack size, 256 bytes smem\n"
	"ptxas info    : Compile time = 13.231 ms\n"
	"ptxas info    : Compiling entry function 'erc_plain' for 'sm_90'\n"
	"ptxas info    : Function properties for erc_plain\n"
	"ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
	"ptxas info    : Used 8 registers, used 0 barriers\n"
	"ptxas info    : Compile time = 1.231 ms";

START_TEST(the_entry_that_takes_most_counts)
{
	struct gpu_resources has;
	ck_assert(gpu_resources_read(cuda_12, 2, &has));
	ck_assert_uint_eq(has.registers, 128);
	ck_assert_uint_eq(has.static_bytes, 4);
	ck_assert_uint_eq(has.stack_bytes, 8192);
	ck_assert_uint_eq(has.spill_bytes, 12 + 16 + 4);
	ck_assert(gpu_resources_read(cuda_13, 2, &has));
	ck_assert_uint_eq(has.registers, 39);
	ck_assert_uint_eq(has.static_bytes, 256);
	ck_assert_uint_eq(has.stack_bytes, 816);
	ck_assert_uint_eq(has.spill_bytes, 0);
}
END_TEST

START_TEST(a_report_that_lacks_something_is_refused)
{
	struct gpu_resources has;
	char text[sizeof cuda_13];
	ck_assert(!gpu_resources_read("", 2, &has));
	ck_assert(!gpu_resources_read(cuda_13, 1, &has));
	ck_assert(!gpu_resources_read(cuda_13, 3, &has));
	for (size_t length = 0; length < sizeof cuda_13 - 1; length++) { /* cut before the last number of registers */
		memcpy(text, cuda_13, length);
		text[length] = 0;
		bool whole = strstr(text, "Used 8 registers") != NULL;
		ck_assert_msg(gpu_resources_read(text, 2, &has) == whole, "%zu bytes", length);
	}
}
END_TEST

/* According to the table of limits per compute capability and the allocation rules in NVIDIA's programming guide. */
static const struct {
	const struct device *device;
	uint32_t threads, registers, static_bytes;
	int64_t local_bytes;
	uint32_t blocks;
} occupancies[] = {
	{&device_h100, 256, 32, 0, 0, 8}, /* 2048 threads */
	{&device_a10, 256, 32, 0, 0, 6},  /* 1536 threads */
	{&device_t4, 256, 32, 0, 0, 4},   /* 1024 threads */
	{&device_h100, 32, 16, 4, 0, 32}, /* blocks */
	{&device_l40, 32, 16, 4, 0, 24},         {&device_t4, 32, 16, 0, 0, 16},
	{&device_h100, 256, 255, 0, 0, 1},       /* 65,536 registers */
	{&device_h100, 512, 129, 0, 0, 0},       /* of 136 */
	{&device_h100, 256, 65, 0, 0, 3},        /* of 72 */
	{&device_h100, 128, 32, 0, 48 << 10, 4}, /* 228 KiB, and each block needs 1 KiB more */
	{&device_h100, 128, 32, 4, 75 << 10, 2}, /* 4 bytes too many */
	{&device_h100, 128, 32, 0, 75 << 10, 3}, {&device_h100, 128, 32, 0, 227 << 10, 1},
	{&device_t4, 128, 32, 0, 32 << 10, 2}, /* 64 KiB, of which nothing is reserved */
};

START_TEST(blocks_of_a_unit)
{
	struct gpu_resources has = {.registers = occupancies[_i].registers, .static_bytes = occupancies[_i].static_bytes};
	ck_assert_uint_eq(gpu_blocks_per_unit(occupancies[_i].device, occupancies[_i].threads, occupancies[_i].local_bytes,
	                                      &has),
	                  occupancies[_i].blocks);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gpu_resources");
	TCase *reports = tcase_create("reports");
	tcase_add_test(reports, the_entry_that_takes_most_counts);
	tcase_add_test(reports, a_report_that_lacks_something_is_refused);
	tcase_add_loop_test(reports, blocks_of_a_unit, 0, (int)(sizeof occupancies / sizeof occupancies[0]));
	suite_add_tcase(suite, reports);
	return run_suite(suite);
}
