/* The artifact reader with damaged files: a small artifact is cut at every length, flipped at every byte, and
 * changed in every field, with its digests recomputed. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/devices/build_artifact.h"
#include "runtime/include/erc.h"

/* ---- an artifact with one of everything ---- */

static uint32_t add_launch(struct build *build, uint32_t node, uint32_t kernel, uint32_t operand_first)
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
	                 .plan_a = ERCA_NONE, .plan_b = ERCA_NONE);
}

/* Operands 5n to 5n + 4: arena, weights, output, dims, input. */
static uint32_t add_operands(struct build *build)
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

/* 4 tiles of 1000 ns on up to `max` units, at least 4. */
static void add_profile(struct build *build, uint32_t entry, uint32_t budget, uint32_t max)
{
	uint32_t first = BUILD_ADD(build, POINTS, struct erca_point, .units = 1, .latency_ns = 4000, .unit_ns = 4000);
	BUILD_ADD(build, POINTS, struct erca_point, .units = 3, .latency_ns = 2000, .unit_ns = 4000);
	BUILD_ADD(build, POINTS, struct erca_point, .units = max, .latency_ns = 1000, .unit_ns = 4000);
	BUILD_ADD(build, PROFILES, struct erca_profile, .entry = entry, .budget = budget, .point_first = first,
	          .point_count = 3, .units_within_1 = 4, .units_within_5 = 4, .units_within_10 = 4, .tile_ns = 4000);
}

static void add_target(struct build *build, const char *name, uint32_t level, int has_control_flow)
{
	uint32_t node = build_string(build, "node"),
			 budget = BUILD_ADD(build, BUDGETS, struct erca_budget, .name = build_string(build, "full"));
	BUILD_ADD(build, BUDGETS, struct erca_budget, .name = build_string(build, "half"), .units = 4,
	          .share_permille = 500);
	uint32_t target =
		BUILD_ADD(build, TARGETS, struct erca_target, .name = build_string(build, name), .kind = ERCA_TARGET_CPU,
	              .level = level, .code_section = BUILD_CODE_SECTION, .code_bytes = build->code_bytes,
	              .budget_first = budget, .budget_count = 2, .memory_bytes_per_s = 460000000000, .units = 8);
	uint32_t kernel = BUILD_ADD(build, KERNELS, struct erca_kernel, .name = node, .target = target);
	uint32_t tensor = BUILD_ADD(build, TENSORS, struct erca_tensor, .name = build_string(build, "x"), .dtype = ERC_I64,
	                            .rank = 0, .dim_slots = ERCA_NO_SLOTS, .bytes = 8);
	BUILD_ADD(build, TENSORS, struct erca_tensor, .name = build_string(build, "y"), .dtype = ERC_F32, .rank = 3,
	          .dim_slots = {0, ERCA_NONE, 2, ERCA_NONE, ERCA_NONE, ERCA_NONE, ERCA_NONE, ERCA_NONE}, .bytes = 96,
	          .dims = {2, 3, 4});
	uint32_t operand = add_operands(build);
	uint32_t plan = build_count(build, ERC_TABLE_PLANS, sizeof(struct erca_plan));
	uint32_t record = add_launch(build, node, kernel, operand);
	BUILD_ADD(build, RECORDS, struct erca_record, .kind = ERCA_RECORD_COPY, .name = node, .operand_first = operand + 1,
	          .operand_count = 2, .plan_a = ERCA_NONE, .plan_b = ERCA_NONE);
	if (has_control_flow) {
		BUILD_ADD(build, RECORDS, struct erca_record, .kind = ERCA_RECORD_BRANCH, .name = node,
		          .operand_first = operand, .operand_count = 1, .plan_a = plan + 1, .plan_b = plan + 2);
		BUILD_ADD(build, RECORDS, struct erca_record, .kind = ERCA_RECORD_LOOP, .name = node,
		          .operand_first = operand + 3, .operand_count = 2, .plan_a = plan + 1, .plan_b = ERCA_NONE);
	}
	BUILD_ADD(build, PLANS, struct erca_plan, .record_first = record, .record_count = has_control_flow ? 4 : 2);
	if (has_control_flow) {
		uint32_t call = BUILD_ADD(build, RECORDS, struct erca_record, .kind = ERCA_RECORD_CALL, .name = node,
		                          .operand_first = operand, .plan_a = plan + 2, .plan_b = ERCA_NONE);
		uint32_t inner = add_launch(build, node, kernel, operand);
		BUILD_ADD(build, PLANS, struct erca_plan, .record_first = call, .record_count = 1);
		BUILD_ADD(build, PLANS, struct erca_plan, .record_first = inner, .record_count = 1);
	}
	uint32_t entry = BUILD_ADD(build, ENTRIES, struct erca_entry, .name = build_string(build, "main"), .target = target,
	                           .plan = plan, .input_first = tensor, .input_count = 1, .output_first = tensor + 1,
	                           .output_count = 1, .dims_count = 3, .arena_bytes = 512, .local_bytes = 256);
	add_profile(build, entry, budget, 8);
	add_profile(build, entry, budget + 1, 4);
}

static const uint8_t weights[100] = {1, 2, 3};

static void begin(struct build *build)
{
	memset(build, 0, sizeof *build);
	build->code = "machine code";
	build->code_bytes = 12;
	build->weights = weights;
	build->weights_bytes = sizeof weights;
	add_target(build, "cpu:x86-64-v3", 3, 0);
	add_target(build, "cuda:sm_80", 800, 1);
}

static uint8_t *sample(size_t *bytes)
{
	struct build build;
	begin(&build);
	return build_finish(&build, bytes);
}

static enum erc_status open_and_close(const uint8_t *file, size_t bytes)
{
	erc_artifact *artifact;
	enum erc_status status = erc_artifact_open_memory(file, bytes, &artifact);
	if (!status)
		erc_artifact_close(artifact);
	return status;
}

static void check_fails(const uint8_t *file, size_t bytes, enum erc_status wanted, const char *text)
{
	erc_artifact *artifact = (erc_artifact *)&artifact;
	ck_assert_int_eq((int)erc_artifact_open_memory(file, bytes, &artifact), (int)wanted);
	ck_assert_ptr_null(artifact);
	ck_assert_msg(strstr(erc_error_detail(), text) != NULL, "'%s' is not in: %s", text, erc_error_detail());
}

/* ---- what is in it ---- */

START_TEST(inspects)
{
	static const uint32_t counts[ERC_TABLE_COUNT] = {4, 2, 4, 2, 4, 4, 8, 10, 6, 2, 12, 4, 12};
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

/* Reads everything, so that the address sanitizer notices a reference out of bounds. */
static uint64_t read_all(const erc_artifact *artifact)
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
			build_seal(file, bytes);
			try_changed(null, file, bytes, tally);
		}
	ck_assert_int_eq((int)erc_runtime_destroy(null), ERC_OK);
	free(file);
	free(original);
}

static const struct erca_section *sections_of(const uint8_t *file)
{
	return (const struct erca_section *)(file + ((const struct erca_header *)file)->toc_offset);
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
	build_seal(file, bytes);
	check_fails(file, bytes, wanted, text);
	free(file);
}

#define HEADER(field) offsetof(struct erca_header, field), sizeof(((struct erca_header *)0)->field)
#define SECTION(i, field) \
	sizeof(struct erca_header) + (i) * sizeof(struct erca_section) + offsetof(struct erca_section, field), \
		sizeof(((struct erca_section *)0)->field)

START_TEST(header_faults)
{
	expect_changed(HEADER(version_major), 2, ERC_VERSION,
	               "artifact format 2.1; this runtime (erc 0.1.0) reads format 1.x");
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

/* ---- faults of PLAN records ---- */

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
	FAULT(TARGETS, erca_target, 1, budget_count, 0, "has no budget"),
	FAULT(TARGETS, erca_target, 1, budget_count, 3, "refers to budgets[2] and 3 in all, but there are 4"),
	FAULT(TARGETS, erca_target, 1, budget_first, UINT32_MAX, "refers to budgets"),
	FAULT(BUDGETS, erca_budget, 3, share_permille, 1001, "PLAN budgets[3]: share_permille is 1001"),
	FAULT(TENSORS, erca_tensor, 1, dtype, ERC_STRING, "PLAN tensors[1]: dtype is 8"),
	FAULT(TENSORS, erca_tensor, 1, rank, 9, "rank is 9"),
	FAULT(TENSORS, erca_tensor, 1, rank, 2, "dim_slots[2] is 2 at rank 2"),
	FAULT(TENSORS, erca_tensor, 0, dims[0], 4, "dims[0] is 4 at rank 0"),
	FAULT(TENSORS, erca_tensor, 1, layout, 7, "layout is 7"),
	FAULT(TENSORS, erca_tensor, 1, bytes, 95, "bytes is 95, but dims and dtype give 24 elements of 4 bytes"),
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
	FAULT(OPERANDS, erca_operand, 8, bytes, 17, "end after its buffer (kind 5), which has 24"),
	FAULT(RECORDS, erca_record, 0, kind, 6, "PLAN records[0]: unknown kind 6"),
	FAULT(RECORDS, erca_record, 0, operand_first, 8, "refers to operands[8] and 3 in all, but there are 10"),
	FAULT(RECORDS, erca_record, 0, variant_count, 1, "variant_count is 1, but the target of entries[0] has 2 budgets"),
	FAULT(RECORDS, erca_record, 0, plan_a, 0, "launch: plan_a is 0"),
	FAULT(RECORDS, erca_record, 1, operand_count, 1, "copy: operand_count is 1"),
	FAULT(RECORDS, erca_record, 1, variant_count, 1, "copy: variant_count is 1"),
	FAULT(RECORDS, erca_record, 1, operand_first, 0, "copy: operand 1 has access 1"),
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

/* Files of minor version 0: shorter targets and header, no profiles. */
START_TEST(the_first_minor_version)
{
	for (int padding = 0; padding <= 16; padding += 16) {
		struct build build;
		erc_artifact *artifact;
		struct erc_artifact_info info;
		size_t bytes;
		begin(&build);
		build.newer = -1;
		build.record_padding = (uint32_t)padding;
		uint8_t *file = build_finish(&build, &bytes);
		ck_assert_msg(!erc_artifact_open_memory(file, bytes, &artifact), "%s", erc_error_detail());
		erc_artifact_info(artifact, &info);
		ck_assert_uint_eq(info.version_minor, 0);
		ck_assert_uint_eq(erc_artifact_count(artifact, ERC_TABLE_PROFILES), 0);
		ck_assert_uint_eq(erc_artifact_count(artifact, ERC_TABLE_POINTS), 0);
		for (uint32_t i = 0; i < 2; i++) {
			const struct erca_target *target = erc_artifact_record(artifact, ERC_TABLE_TARGETS, i);
			ck_assert_str_eq(erc_artifact_string(artifact, target->name), i ? "cuda:sm_80" : "cpu:x86-64-v3");
			ck_assert_uint_eq(target->budget_first, 2 * i);
			ck_assert_uint_eq(target->units, 0);
			ck_assert_uint_eq(target->memory_bytes_per_s, 0);
		}
		ck_assert_uint_gt(read_all(artifact), 0);
		erc_artifact_close(artifact);
		free(file);
	}
}
END_TEST

/* A file of the present minor version has the full targets and header. */
START_TEST(short_records_are_of_the_first_minor_version)
{
	struct build build;
	size_t bytes;
	begin(&build);
	build.newer = -1;
	uint8_t *file = build_finish(&build, &bytes);
	((struct erca_header *)file)->version_minor = 1;
	build_seal(file, bytes);
	check_fails(file, bytes, ERC_CORRUPT, "header_bytes is 184, expected 216");
	free(file);
	file = sample(&bytes);
	struct erca_plan_header *plan = (struct erca_plan_header *)(file + sections_of(file)[BUILD_PLAN_SECTION].offset);
	plan->targets.stride = 40;
	build_seal(file, bytes);
	check_fails(file, bytes, ERC_CORRUPT, "table targets: stride is 40, expected a multiple of 8 from 56");
	((struct erca_header *)file)->version_minor = 0;
	build_seal(file, bytes);
	check_fails(file, bytes, ERC_CORRUPT, "header_bytes is 216, expected 184");
	free(file);
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
			          .plan_b = ERCA_NONE);
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
			          .plan_b = ERCA_NONE);
	}
	BUILD_ADD(&build, PLANS, struct erca_plan, .record_first = 0);
	((struct erca_entry *)(void *)build.tables[ERC_TABLE_ENTRIES].data)[1].plan = plans;
	uint8_t *file = build_finish(&build, &bytes);
	ck_assert_msg(!open_and_close(file, bytes), "%s", erc_error_detail());
	free(file);

	/* Thousands of entries that all reach the same thousands of records. */
	begin(&build);
	for (int i = 0; i < 5000; i++)
		BUILD_ADD(&build, RECORDS, struct erca_record, .kind = ERCA_RECORD_LAUNCH, .operand_count = 10,
		          .variant_count = 2, .plan_a = ERCA_NONE, .plan_b = ERCA_NONE);
	uint32_t plan = BUILD_ADD(&build, PLANS, struct erca_plan, .record_first = records, .record_count = 5000);
	for (int i = 0; i < 5000; i++) {
		struct erca_entry entry = *(struct erca_entry *)(void *)build.tables[ERC_TABLE_ENTRIES].data;
		entry.plan = plan;
		entry.output_first--;
		entry.output_count += 3;
		entry.arena_bytes = 1 << 20;
		pool_add(&build.tables[ERC_TABLE_ENTRIES], &entry, sizeof entry);
	}
	file = build_finish(&build, &bytes);
	ck_assert_int_eq((int)open_and_close(file, bytes), ERC_CORRUPT);
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
		build_seal(file, bytes);
		check_fails(file, bytes, ERC_CORRUPT, "PLAN header: table plans");
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
	tcase_add_loop_test(tcase, plan_faults, 0, (int)(sizeof faults / sizeof faults[0]));
	tcase_add_test(tcase, strings_must_end);
	tcase_add_test(tcase, profiles_are_all_there);
	tcase_add_test(tcase, the_first_minor_version);
	tcase_add_test(tcase, short_records_are_of_the_first_minor_version);
	tcase_add_test(tcase, nesting_has_a_limit);
	tcase_add_test(tcase, hostile_references_end_soon);
	tcase_add_test(tcase, longer_records);
	tcase_add_test(tcase, bad_strides);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
