/* The artifact reader with damaged files: a small artifact is cut at every length, flipped at every byte, and
 * changed in every field, with its digests recomputed. test_artifact_plan.c: single faults of PLAN records. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/sample_artifact.h"
#include "tests/suite.h"

/* ---- what is in it ---- */

START_TEST(inspects)
{
	static const uint32_t counts[ERC_TABLE_COUNT] = {4, 2, 4, 2, 4, 4, 8, 14, 6, 2, 12, 4, 12, 2, 2};
	struct erc_artifact_info info;
	erc_artifact *artifact;
	size_t bytes, section_bytes;
	uint8_t *file = sample(&bytes);
	ck_assert_int_eq((int)erc_artifact_open_memory(file, bytes, &artifact), ERC_OK);
	erc_artifact_info(artifact, &info);
	ck_assert_uint_eq(info.version_major, ERCA_VERSION_MAJOR);
	ck_assert_uint_eq(info.file_bytes, bytes);
	ck_assert_int_eq(info.is_signed, 0);
	for (int i = 0; i < 32; i++) {
		unsigned byte;
		ck_assert_int_eq(sscanf(info.root_digest + 2 * i, "%2x", &byte), 1);
		ck_assert_uint_eq(byte, ((const struct erca_header *)file)->root_digest[i]);
	}
	for (int i = 0; i < ERC_TABLE_COUNT; i++)
		ck_assert_uint_eq(erc_artifact_count(artifact, (enum erc_table)i), counts[i]);
	ck_assert_uint_eq(erc_artifact_count(artifact, ERC_TABLE_COUNT), 0);
	const struct erca_target *target = erc_artifact_record(artifact, ERC_TABLE_TARGETS, 1);
	ck_assert_str_eq(erc_artifact_string(artifact, target->name), "cuda:sm_80");
	ck_assert_ptr_null(erc_artifact_record(artifact, ERC_TABLE_TARGETS, 2));
	ck_assert_str_eq(erc_artifact_string(artifact, UINT32_MAX), "");
	ck_assert_mem_eq(erc_artifact_section(artifact, BUILD_META_SECTION, &section_bytes), BUILD_META,
	                 strlen(BUILD_META));
	ck_assert_uint_eq(section_bytes, strlen(BUILD_META));
	ck_assert_ptr_null(erc_artifact_section(artifact, 4, NULL));
	ck_assert_int_eq((int)erc_artifact_verify_weights(artifact), ERC_OK);
	erc_artifact_close(artifact);
	free(file);
}
END_TEST

START_TEST(opens_files)
{
	char path[] = "/tmp/erc-test-XXXXXX";
	size_t bytes;
	uint8_t *data = sample(&bytes);
	erc_artifact *artifact;
	int file = mkstemp(path);
	ck_assert_int_ge(file, 0);
	ck_assert_int_eq((int)erc_artifact_open(path, &artifact), ERC_CORRUPT);
	ck_assert_ptr_nonnull(strstr(erc_error_detail(), "empty"));
	ck_assert_int_eq(write(file, data, bytes), (ssize_t)bytes);
	close(file);
	ck_assert_int_eq((int)erc_artifact_open(path, &artifact), ERC_OK);
	erc_artifact_close(artifact);
	ck_assert_int_eq(truncate(path, (off_t)bytes - 1), 0);
	ck_assert_int_eq((int)erc_artifact_open(path, &artifact), ERC_CORRUPT);
	ck_assert_ptr_nonnull(strstr(erc_error_detail(), path));
	ck_assert_ptr_nonnull(strstr(erc_error_detail(), "truncated"));
	unlink(path);
	ck_assert_int_eq((int)erc_artifact_open(path, &artifact), ERC_IO);
	ck_assert_int_eq((int)erc_artifact_open("/", &artifact), ERC_IO);
	ck_assert_int_eq((int)erc_artifact_open(NULL, &artifact), ERC_INVALID);
	ck_assert_int_eq((int)erc_artifact_open_memory(data + 8, bytes, &artifact), ERC_INVALID);
	free(data);
}
END_TEST

/* ---- damage that the digests find ---- */

START_TEST(truncated_at_every_length)
{
	size_t bytes;
	uint8_t *file = sample(&bytes);
	for (size_t length = 1; length < bytes; length++) {
		/* A separate block, so that the address sanitizer notices a read beyond its end. */
		void *cut;
		ck_assert_int_eq(posix_memalign(&cut, 4096, length), 0);
		memcpy(cut, file, length);
		enum erc_status status = open_and_close(cut, length);
		ck_assert_msg(status == ERC_CORRUPT, "%zu of %zu bytes: %s", length, bytes, erc_status_text(status));
		free(cut);
	}
	free(file);
}
END_TEST

START_TEST(flipped_at_every_byte)
{
	size_t bytes;
	uint8_t *file = sample(&bytes);
	size_t weights_at = bytes - sizeof weights;
	for (size_t at = 0; at < bytes; at++) {
		for (int bit = 0; bit < 8; bit++) {
			file[at] ^= (uint8_t)(1 << bit);
			enum erc_status status = open_and_close(file, bytes);
			int is_found = status == ERC_CORRUPT || (status == ERC_VERSION && (at == 8 || at == 9));
			ck_assert_msg(at < weights_at ? is_found : status == ERC_OK, "byte %zu, bit %d: %s", at, bit,
			              erc_status_text(status));
			file[at] ^= (uint8_t)(1 << bit);
			if (at > 4096 && at < weights_at) /* the page of code is mostly padding: one bit per byte is enough */
				break;
		}
	}
	free(file);
}
END_TEST

START_TEST(weights_on_request)
{
	size_t bytes;
	uint8_t *file = sample(&bytes);
	erc_artifact *artifact;
	file[bytes - 1] ^= 1;
	ck_assert_int_eq((int)erc_artifact_open_memory(file, bytes, &artifact), ERC_OK);
	ck_assert_int_eq((int)erc_artifact_verify_weights(artifact), ERC_CORRUPT);
	ck_assert_ptr_nonnull(strstr(erc_error_detail(), "WEIGHTS"));
	erc_artifact_close(artifact);
	free(file);
}
END_TEST

/* ---- what the digests protect ---- */

/* Runs an accepted artifact on the device that computes nothing. */
static void run_all(erc_runtime *null, const uint8_t *file, size_t bytes)
{
	static uint8_t memory[4096];
	struct erc_memory_info info;
	erc_model *model;
	if (erc_model_load_memory(null, file, bytes, NULL, &model))
		return;
	for (uint32_t entry = 0; entry < erc_model_entry_count(model); entry++) {
		struct erc_room_profile profile = {.size = sizeof profile};
		ck_assert_int_eq((int)erc_model_room_profile(model, entry, NULL, &profile), ERC_OK);
		ck_assert_uint_gt(profile.point_count, 0);
		struct erc_session_options options = {.size = sizeof options, .entry = erc_model_entry_name(model, entry)};
		struct erc_tensor_info x, y;
		erc_session *session;
		erc_request *request = NULL;
		ck_assert_int_eq((int)erc_session_create(model, &options, &session), ERC_OK);
		ck_assert_int_eq((int)erc_model_memory(model, erc_session_entry(session), &info), ERC_OK);
		if (info.arena_bytes < 1 << 20 && !erc_request_create(session, &request) &&
		    !erc_model_input_info(model, erc_session_entry(session), 0, &x) &&
		    !erc_model_output_info(model, erc_session_entry(session), 0, &y)) {
			erc_request_bind_input(request, 0, memory, x.bytes);
			erc_request_bind_output(request, 0, memory, y.bytes);
			erc_request_run(request);
		}
		ck_assert_int_eq((int)erc_request_destroy(request), ERC_OK);
		ck_assert_int_eq((int)erc_session_destroy(session), ERC_OK);
	}
	ck_assert_int_eq((int)erc_model_unload(model), ERC_OK);
}

struct tally {
	uint32_t accepted;
	uint32_t refused;
};

static void try_changed(erc_runtime *null, const uint8_t *file, size_t bytes, struct tally *tally)
{
	erc_artifact *artifact;
	enum erc_status status = erc_artifact_open_memory(file, bytes, &artifact);
	ck_assert_msg(!status || status == ERC_CORRUPT || status == ERC_VERSION, "%s: %s", erc_status_text(status),
	              erc_error_detail());
	if (status) {
		tally->refused++;
		ck_assert_int_gt((int)strlen(erc_error_detail()), 10);
		return;
	}
	tally->accepted++;
	ck_assert_uint_gt(read_all(artifact), 0);
	erc_artifact_close(artifact);
	run_all(null, file, bytes);
}

static void try_values(size_t from, size_t to, size_t width, struct tally *tally)
{
	static const uint64_t values[] = {0,
	                                  1,
	                                  2,
	                                  3,
	                                  7,
	                                  8,
	                                  64,
	                                  100,
	                                  255,
	                                  0x7fff,
	                                  0xffff,
	                                  0x10000,
	                                  0x7fffffff,
	                                  0x80000000,
	                                  0xfffffff8,
	                                  0xfffffffe,
	                                  0xffffffff,
	                                  0x100000000,
	                                  0x7fffffffffffffff,
	                                  0x8000000000000000,
	                                  0xfffffffffffffff8,
	                                  0xffffffffffffffff};
	struct erc_runtime_options options = {.size = sizeof options, .device = "null"};
	erc_runtime *null;
	size_t bytes, max;
	uint8_t *original = sample(&bytes);
	max = (bytes + 4095) / 4096 * 4096;
	uint8_t *file = aligned_alloc(4096, max);
	ck_assert_int_eq((int)erc_runtime_create(&options, &null), ERC_OK);
	for (size_t at = from; at + width <= to; at += width)
		for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
			uint64_t value = values[v];
			memcpy(file, original, bytes);
			memcpy(file + at, &value, width);
			build_rehash(file, bytes);
			try_changed(null, file, bytes, tally);
		}
	ck_assert_int_eq((int)erc_runtime_destroy(null), ERC_OK);
	free(file);
	free(original);
}

/* Every field of PLAN, as bytes, as 32 and as 64 bits. */
START_TEST(every_plan_field)
{
	struct tally tally = {0, 0};
	size_t bytes, width = (size_t)1 << _i;
	uint8_t *file = sample(&bytes);
	struct erca_section plan = sections_of(file)[BUILD_PLAN_SECTION];
	free(file);
	try_values(plan.offset, plan.offset + plan.bytes, width, &tally);
	/* Names, sizes for reports and the like accept any value; references and sizes do not. */
	ck_assert_uint_gt(tally.accepted, 100);
	ck_assert_uint_gt(tally.refused, 1000);
}
END_TEST

START_TEST(every_header_and_toc_field)
{
	struct tally tally = {0, 0};
	size_t bytes, width = (size_t)1 << _i;
	uint8_t *file = sample(&bytes);
	size_t end = ((const struct erca_header *)file)->toc_offset + 4 * sizeof(struct erca_section);
	free(file);
	try_values(0, end, width, &tally);
	ck_assert_uint_gt(tally.refused, 100);
}
END_TEST

/* ---- single faults and their messages ---- */

static void expect_changed(size_t field_offset, size_t width, uint64_t value, enum erc_status wanted, const char *text)
{
	size_t bytes;
	uint8_t *file = sample(&bytes);
	memcpy(file + field_offset, &value, width);
	build_rehash(file, bytes);
	check_fails(file, bytes, wanted, text);
	free(file);
}

#define HEADER(field) offsetof(struct erca_header, field), sizeof(((struct erca_header *)0)->field)
#define SECTION(i, field) \
	sizeof(struct erca_header) + (i) * sizeof(struct erca_section) + offsetof(struct erca_section, field), \
		sizeof(((struct erca_section *)0)->field)

START_TEST(header_faults)
{
	expect_changed(HEADER(version_major), 1, ERC_VERSION,
	               "artifact format 1.3; this runtime (erc 0.1.0) reads format 2.x");
	expect_changed(HEADER(header_bytes), 80, ERC_CORRUPT, "header_bytes is 80, expected 72");
	expect_changed(HEADER(content_bytes), 1 << 20, ERC_CORRUPT, "truncated");
	expect_changed(HEADER(content_bytes), 8, ERC_CORRUPT, "content_bytes is 8");
	expect_changed(HEADER(section_count), 0, ERC_CORRUPT, "section_count is 0");
	expect_changed(HEADER(section_count), 257, ERC_CORRUPT, "section_count is 257");
	expect_changed(HEADER(toc_offset), UINT64_MAX - 7, ERC_CORRUPT, "toc_offset");
	expect_changed(HEADER(reserved), 1, ERC_CORRUPT, "reserved");
	expect_changed(SECTION(0, type), 99, ERC_CORRUPT, "section 0: unknown type 99");
	expect_changed(SECTION(0, type), ERCA_SECTION_PLAN, ERC_CORRUPT, "a second PLAN section");
	expect_changed(SECTION(0, type), ERCA_SECTION_GOLDEN, ERC_CORRUPT, "no META section");
	expect_changed(SECTION(1, type), ERCA_SECTION_GOLDEN, ERC_CORRUPT, "no PLAN section");
	expect_changed(SECTION(1, flags), 2, ERC_CORRUPT, "section 1: unknown flags 0x2");
	expect_changed(SECTION(1, alignment), 96, ERC_CORRUPT, "section 1: alignment is 96");
	expect_changed(SECTION(2, alignment), 64, ERC_CORRUPT,
	               "section 2: alignment is 64, expected a power of two from 4096");
	expect_changed(SECTION(3, alignment), 1u << 31, ERC_CORRUPT, "not a multiple of its alignment");
	expect_changed(SECTION(1, offset), 64, ERC_CORRUPT, "section 1: offset is 64");
	expect_changed(SECTION(3, bytes), UINT64_MAX, ERC_CORRUPT, "end after the content");
	expect_changed(SECTION(3, bytes), 99, ERC_CORRUPT, "the last section ends at");
}
END_TEST

START_TEST(text_mode_damage)
{
	static const struct {
		int from, to;
		uint8_t bytes[8];
	} damages[] = {
		{0, 1, {0x0f}},          /* the high bit lost */
		{5, 8, {'\n', 0x1a, 0}}, /* CR LF became LF */
		{5, 8, {'\r', '\r', '\n'}},
	};
	size_t bytes;
	uint8_t *file = sample(&bytes);
	for (int i = 0; i < 3; i++) {
		memcpy(file, ERCA_MAGIC, 8);
		memcpy(file + damages[i].from, damages[i].bytes, (size_t)(damages[i].to - damages[i].from));
		check_fails(file, bytes, ERC_CORRUPT, "text-mode damage");
	}
	memcpy(file,
	       "\x7f"
	       "ELF....",
	       8);
	check_fails(file, bytes, ERC_CORRUPT, "not an artifact");
	free(file);
}
END_TEST

START_TEST(padding_must_be_zero)
{
	size_t bytes;
	uint8_t *file = sample(&bytes);
	size_t code_end = sections_of(file)[2].offset + sections_of(file)[2].bytes;
	file[code_end] = 1;
	check_fails(file, bytes, ERC_CORRUPT, "padding before section 3 is 0x1");
	free(file);
}
END_TEST

START_TEST(only_a_signature_may_follow)
{
	struct erc_artifact_info info;
	erc_artifact *artifact;
	size_t bytes;
	uint8_t *file = sample(&bytes);
	uint8_t *longer = aligned_alloc(4096, (bytes + 8191) / 4096 * 4096);
	memcpy(longer, file, bytes);
	memset(longer + bytes, 0, sizeof(struct erca_signature) + 1);
	check_fails(longer, bytes + 1, ERC_CORRUPT, "1 bytes after the content");
	check_fails(longer, bytes + sizeof(struct erca_signature), ERC_CORRUPT, "not a signature block");
	memcpy(longer + bytes, ERCA_SIGNATURE_MAGIC, 8);
	check_fails(longer, bytes + sizeof(struct erca_signature) + 1, ERC_CORRUPT, "not a signature block");
	ck_assert_int_eq((int)erc_artifact_open_memory(longer, bytes + sizeof(struct erca_signature), &artifact), ERC_OK);
	erc_artifact_info(artifact, &info);
	ck_assert_int_eq(info.is_signed, 1);
	erc_artifact_close(artifact);
	free(longer);
	free(file);
}
END_TEST

/* Unknown section types: refused, unless optional and from a newer minor version. */
START_TEST(unknown_sections)
{
	for (int newer = 0; newer < 2; newer++)
		for (uint32_t flags = 0; flags < 2; flags++) {
			struct build build;
			size_t bytes;
			begin(&build);
			build.newer = newer;
			build.extra_type = 77;
			build.extra_flags = flags;
			uint8_t *file = build_finish(&build, &bytes);
			enum erc_status status = open_and_close(file, bytes);
			ck_assert_int_eq((int)status, newer && flags ? ERC_OK : ERC_CORRUPT);
			free(file);
		}
}
END_TEST
int main(void)
{
	Suite *suite = suite_create("artifact");
	TCase *tcase = tcase_create("reader");
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, inspects);
	tcase_add_test(tcase, opens_files);
	tcase_add_test(tcase, truncated_at_every_length);
	tcase_add_test(tcase, flipped_at_every_byte);
	tcase_add_test(tcase, weights_on_request);
	tcase_add_loop_test(tcase, every_plan_field, 0, 4);
	tcase_add_loop_test(tcase, every_header_and_toc_field, 0, 4);
	tcase_add_test(tcase, header_faults);
	tcase_add_test(tcase, text_mode_damage);
	tcase_add_test(tcase, padding_must_be_zero);
	tcase_add_test(tcase, only_a_signature_may_follow);
	tcase_add_test(tcase, unknown_sections);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
