/* tile_bytes: what tiles move to and from memory, for every template and for CPUs and GPUs. */
#include <stdlib.h>
#include <unistd.h>

#include "schemas/artifact.h"
#include "runtime/include/erc.h"
#include "compiler/include/ercc.h"
#include "tests/unit/model_file.h"
#include "tests/unit/template_cases.h"

#define RECORD(table, type, index) ((const type *)erc_artifact_record(artifact, ERC_TABLE_##table, (index)))

static const char *const devices[] = {"sim:h100", "sim:a100", "sim:epyc-64"};

static erc_artifact *compile_text(const char *text)
{
	char model[] = "/tmp/erc-test-XXXXXX", path[] = "/tmp/erc-test-XXXXXX";
	struct ercc_options options = {.size = sizeof options,
	                               .message = keep_message,
	                               .targets = devices,
	                               .target_count = COUNT_OF(devices)};
	erc_artifact *artifact;
	close(mkstemp(model));
	close(mkstemp(path));
	write_model(model, text);
	ck_assert_msg(ercc_compile(model, path, &options) == ERCC_OK, "%s", test.errors);
	ck_assert_msg(!erc_artifact_open(path, &artifact), "%s", erc_error_detail());
	unlink(model);
	unlink(path);
	return artifact;
}

static const struct erca_variant *variant_of(const erc_artifact *artifact, const struct erca_record *record,
                                             uint32_t budget)
{
	return RECORD(VARIANTS, struct erca_variant, record->variant_first + budget);
}

static uint64_t weights_of(const erc_artifact *artifact, const struct erca_record *record)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < record->operand_count; i++) {
		const struct erca_operand *operand = RECORD(OPERANDS, struct erca_operand, record->operand_first + i);
		bytes += operand->buffer == ERCA_BUFFER_WEIGHTS ? operand->bytes : 0;
	}
	return bytes;
}

/* All sizes are small: except for weights nothing comes from memory, and no weight is read more than once. */
START_TEST(weights_come_from_memory_once)
{
	const char *text = template_cases[_i].text;
	erc_artifact *artifact = compile_text(text);
	for (uint32_t r = 0; r < erc_artifact_count(artifact, ERC_TABLE_RECORDS); r++) {
		const struct erca_record *record = RECORD(RECORDS, struct erca_record, r);
		uint64_t weights = weights_of(artifact, record);
		for (uint32_t k = 0; k < record->variant_count; k++) {
			const struct erca_variant *variant = variant_of(artifact, record, k);
			uint64_t all = variant->tile_bytes * variant->tile_count;
			if (weights)
				ck_assert_msg(all && all <= weights + variant->tile_count, "%s: %llu bytes, weights %llu", text,
				              (unsigned long long)all, (unsigned long long)weights);
			else
				ck_assert_msg(!all, "%s: %llu bytes", text, (unsigned long long)all);
		}
	}
	erc_artifact_close(artifact);
}
END_TEST

/* Asserts what a launch of each target moves under the full budget. */
static void expect_bytes(const char *text, double bytes)
{
	erc_artifact *artifact = compile_text(text);
	for (uint32_t e = 0; e < COUNT_OF(devices); e++) {
		const struct erca_plan *plan = RECORD(PLANS, struct erca_plan, RECORD(ENTRIES, struct erca_entry, e)->plan);
		double all = 0;
		for (uint32_t r = 0; r < plan->record_count; r++) {
			const struct erca_variant *variant =
				variant_of(artifact, RECORD(RECORDS, struct erca_record, plan->record_first + r), 0);
			all += (double)variant->tile_bytes * variant->tile_count;
		}
		ck_assert_msg(all >= bytes && all <= 1.01 * bytes + 64, "%s on %s: %.0f bytes, expected %.0f", text, devices[e],
		              all, bytes);
	}
	erc_artifact_close(artifact);
}

/* The weights of a product have 16 MB. An activation of 512 MiB exceeds every cache, and so does its result; 1 MiB
 * does not. */
START_TEST(what_no_cache_holds_goes_to_memory)
{
	expect_bytes("input x:f32[4x2048]\nconst w:f32[2048x2048] = splat{1}\ny = MatMul(x, w)\noutput y\n",
	             2048.0 * 2048 * 4);
	expect_bytes("input x:f32[8192x16384]\ny = Relu(x)\noutput y\n", 2.0 * 8192 * 16384 * 4);
	expect_bytes("input x:f32[512x512]\ny = Relu(x)\noutput y\n", 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory traffic");
	TCase *tcase = tcase_create("tile_bytes");
	tcase_add_checked_fixture(tcase, fixture_start, fixture_stop);
	tcase_add_loop_test(tcase, weights_come_from_memory_once, 0, COUNT_OF(template_cases));
	tcase_add_test(tcase, what_no_cache_holds_goes_to_memory);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
