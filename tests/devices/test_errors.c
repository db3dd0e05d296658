/* What a GPU itself can refuse or break, without ending the process: memory, shared memory, images, a kernel that
 * faults. On a GPU with `make check-gpu`, otherwise on the stand-in for the driver. */
#include <elf.h>

#include "tests/devices/test_faults.h"
#include "tests/suite.h"

#define SAYS(call, wanted, text) \
	do { \
		FAILS(call, wanted); \
		ck_assert_msg(strstr(erc_error_detail(), text) != NULL, "%s", erc_error_detail()); \
	} while (0)

#define MIB ((uint64_t)1 << 20)

/* A run of WORK is correct, so the device still works. */
static void check_works(const struct bed *bed, enum erc_class class_)
{
	struct erc_session_options options = {.size = sizeof options, .class_ = class_};
	static struct tenant tenant;
	tenant_open(&tenant, bed, &options);
	for (int run = 0; run < 3; run++) {
		tenant_submit(&tenant);
		tenant_wait(&tenant);
	}
	tenant_close(&tenant);
}

/* ---- targets and images ---- */

START_TEST(no_target_for_this_gpu)
{
	static const char *const names[] = {"cpu:x86-64-v3", "cuda:sm_50", "cuda:sm_509", "cuda:compute_990"};
	struct test_model built;
	struct bed bed;
	erc_model *model = NULL;
	size_t bytes;
	bed_open(&bed, "cuda", NULL, 1);
	build_work(&built, names[_i], 0);
	uint8_t *file = test_model_finish(&built, code, code_bytes, &bytes);
	SAYS(erc_model_load_memory(bed.runtime, file, bytes, NULL, &model), ERC_NO_TARGET, names[_i]);
	ck_assert_ptr_null(model);
	ck_assert_ptr_nonnull(strstr(erc_error_detail(), erc_runtime_target(bed.runtime)));
	free(file);
	check_works(&bed, ERC_BEST_EFFORT);
	bed_close(&bed);
}
END_TEST

/* Each damages the image of the chain's kernel, but not what the loader itself checks. */
enum { NO_MAGIC, OTHER_MACHINE, NO_SECTIONS, NOTHING_BEHIND, TEXT, DAMAGES };

static int damage(uint8_t *image, size_t bytes, int how)
{
	Elf64_Ehdr *header = (void *)image;
	int is_cubin = !memcmp(image, ELFMAG, SELFMAG);
	if (how == NO_MAGIC)
		image[0] ^= 0xff;
	else if (how == TEXT)
		memcpy(image, "this is no PTX", 15);
	else if (!is_cubin) /* the stand-in's image has only a magic number */
		return 0;
	else if (how == OTHER_MACHINE)
		header->e_machine = EM_X86_64;
	else if (how == NO_SECTIONS)
		memset(image + header->e_shoff, 0, (size_t)header->e_shnum * header->e_shentsize);
	else
		memset(image + sizeof *header, 0, bytes - sizeof *header);
	return 1;
}

START_TEST(damaged_image)
{
	struct test_model built;
	struct bed bed;
	erc_model *model = NULL;
	size_t bytes;
	bed_open(&bed, "cuda", NULL, 1);
	build_work(&built, bed.runtime->device->target, 0);
	uint8_t *file = test_model_finish(&built, code, code_bytes, &bytes);
	struct erca_section *sections = (void *)(file + ((struct erca_header *)(void *)file)->toc_offset);
	struct erc_cuda_image *images = (void *)(file + sections[BUILD_CODE_SECTION].offset);
	const uint64_t *place = &images->images[TEST_KERNEL_chain].offset;
	if (damage((uint8_t *)images + place[0], place[1], _i)) {
		((uint8_t *)images)[place[0] + place[1] - 1] = 0; /* otherwise it could not be PTX either */
		build_rehash(file, bytes);
		SAYS(erc_model_load_memory(bed.runtime, file, bytes, NULL, &model), ERC_DEVICE, "code image: kernel 1");
		ck_assert_ptr_null(model);
	}
	free(file);
	check_works(&bed, ERC_BEST_EFFORT);
	bed_close(&bed);
}
END_TEST

/* ---- memory ---- */

static uint8_t *build_large(const struct bed *bed, uint64_t arena_bytes, size_t *bytes)
{
	struct test_model model;
	build_work(&model, bed->runtime->device->target, 0);
	model.entry.arena_bytes = arena_bytes;
	return test_model_finish(&model, code, code_bytes, bytes);
}

START_TEST(more_memory_than_there_is)
{
	struct bed bed;
	erc_model *model;
	erc_session *session;
	erc_request *request = NULL;
	size_t bytes;
	stub_set("ERC_STUB_MIB", 64);
	bed_open(&bed, "cuda", NULL, all_units(2));
	uint8_t *file = build_large(&bed, (uint64_t)1 << 44, &bytes);
	OK(erc_model_load_memory(bed.runtime, file, bytes, NULL, &model));
	OK(erc_session_create(model, NULL, &session));
	SAYS(erc_request_create(session, &request), ERC_NOMEM, "the GPU has no");
	ck_assert_ptr_null(request);
	OK(erc_session_destroy(session));
	OK(erc_model_unload(model));
	free(file);
	check_works(&bed, ERC_BEST_EFFORT);
	bed_close(&bed);
}
END_TEST

/* Requests are created until the GPU is full. Those that exist run, and memory that is freed can be used again. */
START_TEST(full)
{
	enum { MAX = 64 };
	erc_request *requests[MAX + 1] = {0};
	uint32_t in[WIDTH] = {1}, out[WIDTH], expected[WIDTH], counters[COUNTERS] = {0};
	int count = 0;
	struct bed bed;
	erc_model *model;
	erc_session *session;
	size_t bytes;
	stub_set("ERC_STUB_MIB", 64);
	bed_open(&bed, "cuda", NULL, all_units(2));
	uint8_t *file = build_large(&bed, (gpu_is_real() ? 8192 : 16) * MIB, &bytes);
	OK(erc_model_load_memory(bed.runtime, file, bytes, NULL, &model));
	OK(erc_session_create(model, NULL, &session));
	for (int again = 0; again < 2; again++) {
		enum erc_status status = ERC_OK;
		while (count < MAX && !(status = erc_request_create(session, &requests[count])))
			count++;
		ck_assert_int_gt(count, 1);
		SAYS(status, ERC_NOMEM, "the GPU has no");
		expect_work(in, expected);
		for (int i = 0; i < count; i++) {
			OK(erc_request_bind_input(requests[i], 0, in, sizeof in));
			OK(erc_request_bind_output(requests[i], 0, out, sizeof out));
			OK(erc_request_bind_output(requests[i], 1, counters, sizeof counters));
			OK(erc_request_run(requests[i]));
			ck_assert_mem_eq(out, expected, sizeof expected);
		}
		OK(erc_request_destroy(requests[--count]));
	}
	while (count--)
		OK(erc_request_destroy(requests[count]));
	OK(erc_session_destroy(session));
	OK(erc_model_unload(model));
	free(file);
	bed_close(&bed);
}
END_TEST

/* A block can use all of its shared memory, and not a byte more. */
START_TEST(all_shared_memory)
{
	uint32_t out[4] = {0};
	struct bed bed;
	erc_model *model;
	erc_session *session;
	erc_request *request = NULL;
	size_t bytes;
	bed_open(&bed, "cuda", NULL, all_units(2));
	const struct cuda_device *device = (const struct cuda_device *)bed.runtime->device;
	uint64_t max = device->max_local_bytes - bed.models[WORK]->image->kernels[TEST_KERNEL_local].static_local_bytes;
	for (uint64_t more = 0; more < 2; more++) {
		struct test_model built;
		test_model_begin(&built, device->target);
		built.entry.local_bytes = max + more;
		test_model_tensor(&built, 1, ERC_U32, 4);
		test_model_operand(&built, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_WRITE, 0, 0, sizeof out);
		test_model_launch_variant(&built,
		                          (struct erca_variant){.kernel = TEST_KERNEL_local,
		                                                .tile_count = 4,
		                                                .local_bytes = max + more,
		                                                .count_slot = ERCA_NONE},
		                          (int64_t)max);
		uint8_t *file = test_model_finish(&built, code, code_bytes, &bytes);
		OK(erc_model_load_memory(bed.runtime, file, bytes, NULL, &model));
		OK(erc_session_create(model, NULL, &session));
		if (more) {
			SAYS(erc_request_create(session, &request), ERC_NO_TARGET, "bytes of shared memory");
		} else {
			OK(erc_request_create(session, &request));
			OK(erc_request_bind_output(request, 0, out, sizeof out));
			OK(erc_request_run(request));
			for (int i = 0; i < 4; i++)
				ck_assert_uint_eq(out[i], 1);
		}
		OK(erc_request_destroy(more ? NULL : request));
		OK(erc_session_destroy(session));
		OK(erc_model_unload(model));
		free(file);
	}
	bed_close(&bed);
}
END_TEST

/* ---- a kernel that faults ---- */

static uint8_t *build_fault(const struct bed *bed, size_t *bytes)
{
	struct test_model model;
	build_work(&model, bed->runtime->device->target, 0);
	test_model_launch(&model, TEST_KERNEL_fault, 3, 0);
	return test_model_finish(&model, code, code_bytes, bytes);
}

/* The run and all later runs end with the device's error. Everything can be destroyed, and a new runtime works. */
START_TEST(fault)
{
	struct erc_session_options options = {.size = sizeof options, .class_ = _i ? ERC_REAL_TIME : ERC_BEST_EFFORT};
	uint32_t in[WIDTH] = {1}, out[WIDTH], counters[COUNTERS] = {0};
	struct erc_session_stats stats = {.size = sizeof stats};
	static struct tenant other;
	struct bed bed;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	size_t bytes;
	stub_set("ERC_STUB_LOST", WORK_LAUNCHES); /* the launch after these */
	bed_open(&bed, "cuda", NULL, all_units(2));
	uint8_t *file = build_fault(&bed, &bytes);
	OK(erc_model_load_memory(bed.runtime, file, bytes, NULL, &model));
	OK(erc_session_create(model, &options, &session));
	OK(erc_request_create(session, &request));
	tenant_open(&other, &bed, NULL);
	OK(erc_request_bind_input(request, 0, in, sizeof in));
	OK(erc_request_bind_output(request, 0, out, sizeof out));
	OK(erc_request_bind_output(request, 1, counters, sizeof counters));
	SAYS(erc_request_run(request), ERC_DEVICE, "the device is lost");
	ck_assert_ptr_nonnull(strstr(erc_error_detail(), "ILLEGAL_ADDRESS"));
	ck_assert_msg(strstr(erc_error_detail(), "destroy the runtime and create it again") != NULL, "%s",
	              erc_error_detail());
	SAYS(erc_request_run(other.request), ERC_DEVICE, "the device is lost");
	OK(erc_session_stats(session, &stats));
	ck_assert_uint_eq(stats.failed, 1);
	OK(erc_request_destroy(other.request));
	OK(erc_session_destroy(other.session));
	OK(erc_request_destroy(request));
	OK(erc_session_destroy(session));
	OK(erc_model_unload(model));
	bed_close(&bed);
	free(file);
	stub_set("ERC_STUB_LOST", -1);
	bed_open(&bed, "cuda", NULL, all_units(2));
	check_works(&bed, options.class_);
	bed_close(&bed);
}
END_TEST

/* ---- cancelled runs ---- */

/* A run that is under way is cancelled, again and again; its units and memory are free for the next run. */
START_TEST(cancelled)
{
	static struct tenant tenant;
	struct erc_session_options options = {.size = sizeof options, .class_ = _i ? ERC_REAL_TIME : ERC_BEST_EFFORT};
	struct bed bed;
	bed_open(&bed, "cuda", NULL, all_units(4));
	tenant_open(&tenant, &bed, &options);
	for (int run = 0; run < 200; run++) {
		tenant_submit(&tenant);
		usleep((unsigned)run);
		OK(erc_request_cancel(tenant.request));
		tenant_wait(&tenant);
	}
	ck_assert_uint_gt(tenant.cancelled, 0);
	tenant_close(&tenant);
	check_works(&bed, options.class_);
	bed_close(&bed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("errors");
	TCase *tcase = tcase_create("errors");
	code = gpu_start(&code_bytes);
	if (!code) {
		printf("skipped: errors, 1 program: no C compiler\n");
		return EXIT_SUCCESS;
	}
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, no_target_for_this_gpu, 0, 4);
	tcase_add_loop_test(tcase, damaged_image, 0, DAMAGES);
	tcase_add_test(tcase, more_memory_than_there_is);
	tcase_add_test(tcase, full);
	tcase_add_test(tcase, all_shared_memory);
	tcase_add_loop_test(tcase, fault, 0, 2);
	tcase_add_loop_test(tcase, cancelled, 0, 2);
	suite_add_tcase(suite, tcase);
	int failed = run_suite(suite);
	free(code);
	return failed;
}
