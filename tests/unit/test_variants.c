/* Which tile shape is chosen under which budget, what the check of variants finds, and artifacts with several
 * budgets: what they share, and that the reader survives any damage to them. */
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schemas/artifact.h"
#include "runtime/include/erc.h"
#include "compiler/include/ercc.h"
#include "tests/unit/model_file.h"
#include "schemas/sha256.h"
#include "compiler/targets/target.h"

static char folder[] = "/tmp/erc-variants-XXXXXX";

/* ---- choosing ---- */

/* A device on which a tile takes as many ns as it has flops, and nothing else counts. */
static const struct device simple = {.name = "simple",
                                     .units = 4,
                                     .local_bytes = 1000,
                                     .flops_per_ns = 1,
                                     .near_per_ns = 1,
                                     .shared_per_ns = 1,
                                     .dram_per_ns = 1,
                                     .dram_total_per_ns = 100,
                                     .doubt = 0.1,
                                     .tile_limit_ns = 1000};

static struct tile tile_of(int64_t shape, int64_t count, double ns, int64_t local_bytes)
{
	return (struct tile){.shape = {shape}, .count = count, .local_bytes = local_bytes, .work.flops = ns};
}

/* The tile shape that is chosen, if `larger` was chosen under the budget before; -1: none. */
static int64_t choose(const struct tile *tiles, size_t count, int64_t larger, struct variant *variant)
{
	struct choice choice;
	struct tile taken;
	struct variant before = {.shape = {larger}};
	const struct launch launch = {.name = "here"};
	*variant = (struct variant){.larger = larger ? &before : NULL};
	choice_begin(&choice, &simple, variant);
	for (size_t i = 0; i < count; i++)
		choice_offer(&choice, &tiles[i]);
	return choice_end(&test.ctx, &choice, &launch, variant, &taken) == ERCC_OK ? taken.shape[0] : -1;
}

START_TEST(the_cheapest_tile_that_fits)
{
	struct variant variant;
	const struct tile tiles[] = {tile_of(1, 8, 100, 0), tile_of(2, 4, 190, 900), tile_of(3, 2, 300, 1001)};
	ck_assert_int_eq(choose(tiles, 3, 0, &variant), 2);
	ck_assert_uint_eq(variant.tile_count, 4);
	ck_assert_int_eq(variant.local_bytes, 900);
	ck_assert_uint_eq(variant.tile_ns, 191);
	ck_assert_int_eq(choose(tiles, 1, 0, &variant), 1);
	ck_assert_int_eq(choose(tiles + 2, 1, 0, &variant), -1); /* what it needs, for the message */
	ck_assert_int_eq(variant.local_bytes, 1001);
}
END_TEST

START_TEST(idle_units_and_long_tiles_cost)
{
	struct variant variant;
	const struct tile tail[] = {tile_of(1, 5, 100, 0), tile_of(2, 8, 64, 0)};
	ck_assert_int_eq(choose(tail, 2, 0, &variant), 2);
	const struct tile slow[] = {tile_of(1, 1, 1001, 0), tile_of(2, 4, 999, 0)};
	ck_assert_int_eq(choose(slow, 2, 0, &variant), 2);
	const struct tile all_slow[] = {tile_of(1, 1, 5000, 0), tile_of(2, 1, 4000, 0)};
	ck_assert_int_eq(choose(all_slow, 2, 0, &variant), 2);
}
END_TEST

START_TEST(a_larger_budgets_shape_is_kept_unless_another_is_better_beyond_doubt)
{
	struct variant variant;
	const struct tile close[] = {tile_of(1, 4, 109, 0), tile_of(2, 4, 100, 0)};
	const struct tile far[] = {tile_of(1, 4, 111, 0), tile_of(2, 4, 100, 0)};
	ck_assert_int_eq(choose(close, 2, 0, &variant), 2);
	ck_assert_int_eq(choose(close, 2, 1, &variant), 1);
	ck_assert_int_eq(choose(far, 2, 1, &variant), 2);
	ck_assert_int_eq(choose(close, 2, 9, &variant), 2); /* no longer offered */
}
END_TEST

START_TEST(memory_is_shared_by_busy_units)
{
	struct device device = device_h100;
	struct tile tile = {.count = 132, .work.dram = 1e6};
	double all = tile_ns(&device, &tile);
	ck_assert(all > 0.99 * 1e6 * 132 / 3352 && all < 1.01 * 1e6 * 132 / 3352);
	device.units = 8;
	ck_assert(tile_ns(&device, &tile) < 1.01 * 1e6 / 60);
}
END_TEST

/* ---- the check ---- */

/* 2048 x 1000 multiply-adds. On a GPU they are computed in eight parts, which are added up. The CPU's arena has no
 * place for these. */
START_TEST(a_cut_sum_is_counted_once)
{
	static const char text[] = "input x:f32[1x2048]\nconst w:f32[2048x1000] = splat{1}\ny = MatMul(x, w)\noutput y\n";
	static const struct {
		const char *target;
		uint32_t launches;
		uint64_t flops, arena_bytes;
	} wanted[] = {{"cpu:x86-64-v3", 1, 4096000, 0}, {"sim:h100", 2, 4096000 + 7 * 1000, 8 * 1008 * 4}};
	const char *path = arena_printf(&test.ctx.arena, "%s/model.onnx", folder);
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		struct ercc_options options = {.size = sizeof options,
		                               .message = keep_message,
		                               .targets = &wanted[i].target,
		                               .target_count = 1};
		struct ercc_check figures;
		write_model(path, text);
		ck_assert_msg(ercc_check(path, &options, &figures) == ERCC_OK, "%s", test.errors);
		ck_assert_uint_eq(figures.launch_count, wanted[i].launches);
		ck_assert_uint_eq(figures.flops, wanted[i].flops);
		ck_assert_uint_eq(figures.arena_bytes, wanted[i].arena_bytes);
	}
	unlink(path);
}
END_TEST

START_TEST(variants_may_differ_in_tiles_only)
{
	struct launch launch = {.name = "here"};
	const struct variant right = {.params = {1, 2, 3},
	                              .param_count = 3,
	                              .tile_params = 2,
	                              .defines = {{"A", "1"}, {"B", "2"}},
	                              .define_count = 2,
	                              .tile_defines = 2,
	                              .tile_count = 4,
	                              .local_bytes = 10,
	                              .units = 2};
	struct variant variants[] = {right, right};
	struct launch *launches[] = {&launch};
	const struct plans plans = {.launches = launches, .launch_count = 1};
	struct target_plan target = {.name = "t",
	                             .budgets = {{.name = "full", .local_bytes = 100},
	                                         {.name = "half", .units = 2, .local_bytes = 10}},
	                             .budget_count = 2,
	                             .variants = variants};
	assert_ok(variants_verify(&test.ctx, &plans, &target));
	variants[1].params[1] = 7;
	variants[1].defines[1].value = "9";
	assert_ok(variants_verify(&test.ctx, &plans, &target));
#define WRONG(change, words) \
	do { \
		variants[1] = right; \
		change; \
		assert_fails(variants_verify(&test.ctx, &plans, &target), ERCC_INTERNAL, words); \
	} while (0)
	WRONG(variants[1].params[0] = 7,
	      "launch 'here' of t: the variants for 'full' and 'half' differ in more than their tiles");
	WRONG(variants[1].params[2] = 7, "differ in more");
	WRONG(variants[1].param_count = 2, "differ in more");
	WRONG(variants[1].tile_params = 3, "differ in more");
	WRONG(variants[1].defines[0].value = "9", "differ in more");
	WRONG(variants[1].define_count = 1, "differ in more");
	WRONG(variants[1].tile_count = 0, "no tiles under one of");
	WRONG(variants[1].local_bytes = 11, "beyond the budget 'half'");
	WRONG(variants[1].units = 3, "beyond the budget 'half'");
}
END_TEST

START_TEST(params_and_defines_are_kept_as_set)
{
	struct launch launch = {0};
	struct variant variant = {0};
	launch_set(&launch, 3, 30);
	launch_set(&launch, 1, 10);
	launch_define(&launch, "A", "1");
	launch_define(&launch, "B", "2");
	ck_assert_int_eq(launch.param_count, 4);
	variant_define_tile(&variant, "C", "3");
	variant_set_all(&variant, launch.params, launch.param_count);
	variant_set_tile(&variant, 2, 20);
	variant_define_all(&variant, &launch);
	ck_assert_int_eq(variant.param_count, 4);
	ck_assert_mem_eq(variant.params, ((int64_t[]){0, 10, 20, 30, 0}), 5 * sizeof(int64_t));
	ck_assert_uint_eq(variant.tile_params, 1 << 2);
	ck_assert_int_eq(variant.define_count, 3);
	ck_assert_str_eq(variant.defines[2].name, "B");
	ck_assert_str_eq(variant.defines[2].value, "2");
	ck_assert_uint_eq(variant.tile_defines, 1 << 0);
}
END_TEST

#ifndef NDEBUG
/* One more than there is room for. */
START_TEST(nothing_is_set_beyond_its_room)
{
	struct launch *launch = arena_new(&test.ctx.arena, struct launch);
	struct variant *variant = arena_new(&test.ctx.arena, struct variant);
	for (int i = 0; i < MAX_LAUNCH_DEFINES; i++)
		launch_define(launch, "A", "1");
	for (int i = 0; i < MAX_DEFINES; i++)
		variant_define(variant, "A", "1");
	launch_set(launch, MAX_PARAMS - 1, 1);
	variant_set(variant, MAX_PARAMS - 1, 1);
	switch (_i) {
	case 0: launch_define(launch, "A", "1"); break;
	case 1: variant_define(variant, "A", "1"); break;
	case 2: launch_set(launch, MAX_PARAMS, 1); break;
	case 3: variant_set(variant, MAX_PARAMS, 1); break;
	case 4: variant_set(variant, -1, 1); break;
	case 5:
		variant_set_tile(variant, 64, 1); /* bits of tile_params */
		break;
	}
}
END_TEST
#endif

/* ---- artifacts ---- */

/* Compiles the digits model for the simulated devices under three budgets, into memory aligned to 4096 bytes, which
 * the caller frees. */
static uint8_t *compile_digits(size_t *bytes)
{
	const char *path = arena_printf(&test.ctx.arena, "%s/digits.erca", folder);
	static const char *const targets_of_it[] = {"sim:a100", "sim:h100", "sim:h200", "sim:epyc-64"}, *const dims[] = {
																										"batch=4"};
	struct ercc_options options = {.size = sizeof options,
	                               .message = keep_message,
	                               .cc = "/nonexistent/cc",
	                               .dims = dims,
	                               .dim_count = 1,
	                               .targets = targets_of_it,
	                               .target_count = COUNT_OF(targets_of_it)};
	assert_ok(ercc_compile("samples/digits/digits.onnx", path, &options));
	struct stat status;
	FILE *file = fopen(path, "rb");
	ck_assert(file && !fstat(fileno(file), &status));
	uint8_t *data = aligned_alloc(4096, ((size_t)status.st_size + 4095) & ~(size_t)4095);
	*bytes = fread(data, 1, (size_t)status.st_size, file);
	ck_assert_uint_eq(*bytes, (size_t)status.st_size);
	fclose(file);
	unlink(path);
	return data;
}

#define RECORD(table, type, index) ((const type *)erc_artifact_record(artifact, ERC_TABLE_##table, (index)))

static void check_record(const erc_artifact *artifact, const struct erca_record *record, uint32_t units)
{
	ck_assert_uint_eq(record->variant_count, 3);
	for (uint32_t k = 0; k < 3; k++) {
		const struct erca_variant *variant = RECORD(VARIANTS, struct erca_variant, record->variant_first + k);
		ck_assert_uint_gt(variant->tile_count, 0);
		ck_assert_uint_gt(variant->tile_ns, 0);
		ck_assert_uint_eq(variant->units, k ? (units * (k == 1 ? 2 : 1) + 3) / 4 : 0);
		ck_assert_str_ne(erc_artifact_string(artifact, variant->shape), "");
	}
	ck_assert_uint_gt(record->bytes, 0);
}

START_TEST(simulated_targets_need_no_toolchain_and_load)
{
	static const uint32_t units[] = {108, 132, 132, 64};
	erc_artifact *artifact;
	size_t bytes;
	uint8_t *data = compile_digits(&bytes);
	ck_assert_int_eq((int)erc_artifact_open_memory(data, bytes, &artifact), ERC_OK);
	ck_assert_uint_eq(erc_artifact_count(artifact, ERC_TABLE_TARGETS), COUNT_OF(units));
	ck_assert_uint_eq(erc_artifact_count(artifact, ERC_TABLE_BUDGETS), 3 * COUNT_OF(units));
	for (uint32_t t = 0; t < COUNT_OF(units); t++) {
		const struct erca_entry *entry = RECORD(ENTRIES, struct erca_entry, t);
		const struct erca_target *target = RECORD(TARGETS, struct erca_target, entry->target);
		const struct erca_plan *plan = RECORD(PLANS, struct erca_plan, entry->plan);
		ck_assert_uint_eq(target->kind, ERCA_TARGET_SIM);
		ck_assert_uint_eq(target->code_section, ERCA_NONE);
		ck_assert_uint_gt(plan->record_count, 4);
		for (uint32_t r = 0; r < plan->record_count; r++)
			check_record(artifact, RECORD(RECORDS, struct erca_record, plan->record_first + r), units[t]);
	}
	erc_artifact_close(artifact);
	free(data);
}
END_TEST

/* Equal rows of variants and of params are stored once. */
START_TEST(nothing_equal_is_stored_twice)
{
	erc_artifact *artifact;
	size_t bytes;
	uint8_t *data = compile_digits(&bytes);
	ck_assert_int_eq((int)erc_artifact_open_memory(data, bytes, &artifact), ERC_OK);
	uint32_t rows = erc_artifact_count(artifact, ERC_TABLE_VARIANTS) / 3, shared = 0;
	for (uint32_t a = 0; a < rows; a++)
		for (uint32_t b = 0; b < a; b++)
			ck_assert(memcmp(RECORD(VARIANTS, struct erca_variant, 3 * a), RECORD(VARIANTS, struct erca_variant, 3 * b),
			                 3 * sizeof(struct erca_variant)));
	for (uint32_t k = 0; k < erc_artifact_count(artifact, ERC_TABLE_KERNELS); k++)
		for (uint32_t i = 0; i < k; i++)
			shared += !memcmp(RECORD(KERNELS, struct erca_kernel, k)->digest,
			                  RECORD(KERNELS, struct erca_kernel, i)->digest, 32);
	ck_assert_uint_eq(shared, 0);
	erc_artifact_close(artifact);
	free(data);
}
END_TEST

static struct erca_section *sections_of(uint8_t *data)
{
	return (struct erca_section *)(data + ((struct erca_header *)data)->toc_offset);
}

/* Recomputes the digests after a change of PLAN. */
static void seal(uint8_t *data)
{
	struct erca_header *header = (struct erca_header *)data;
	struct erca_section *plan = &sections_of(data)[1];
	struct erc_sha256 hash;
	erc_sha256_of(data + plan->offset, plan->bytes, plan->sha256);
	memset(header->root_digest, 0, sizeof header->root_digest);
	erc_sha256_init(&hash);
	erc_sha256_update(&hash, header, sizeof *header);
	erc_sha256_update(&hash, sections_of(data), header->section_count * sizeof(struct erca_section));
	erc_sha256_final(&hash, header->root_digest);
}

START_TEST(damage_is_found)
{
	erc_artifact *artifact;
	size_t bytes;
	uint8_t *data = compile_digits(&bytes);
	const struct erca_section plan = sections_of(data)[1];
	ck_assert_uint_eq(plan.type, ERCA_SECTION_PLAN);
	for (size_t at = 0; at < plan.offset + plan.bytes; at += at < 256 ? 1 : 13) {
		data[at] ^= 0x40;
		ck_assert_msg(erc_artifact_open_memory(data, bytes, &artifact) != ERC_OK, "byte %zu changed, and nobody saw it",
		              at);
		data[at] ^= 0x40;
	}
	for (size_t length = 0; length < bytes; length += length < 256 ? 1 : 1009)
		ck_assert_int_ne((int)erc_artifact_open_memory(data, length, &artifact), ERC_OK);
	free(data);
}
END_TEST

/* With correct digests, a changed plan is rejected or harmless: every index that the reader accepts can be followed. */
START_TEST(hostile_plans_are_refused_or_harmless)
{
	static const uint8_t changes[] = {0x01, 0x80, 0xff};
	erc_artifact *artifact;
	size_t bytes, refused = 0, taken = 0;
	uint8_t *data = compile_digits(&bytes);
	const struct erca_section plan = sections_of(data)[1];
	for (size_t at = plan.offset; at < plan.offset + plan.bytes; at += 7) {
		uint8_t change = changes[at % 3];
		data[at] ^= change;
		seal(data);
		if (erc_artifact_open_memory(data, bytes, &artifact) == ERC_OK) {
			for (uint32_t i = 0; i < erc_artifact_count(artifact, ERC_TABLE_VARIANTS); i++) {
				const struct erca_variant *variant = RECORD(VARIANTS, struct erca_variant, i);
				ck_assert_ptr_nonnull(erc_artifact_record(artifact, ERC_TABLE_KERNELS, variant->kernel));
				ck_assert_ptr_nonnull(erc_artifact_string(artifact, variant->shape));
			}
			erc_artifact_close(artifact);
			taken++;
		} else {
			refused++;
		}
		data[at] ^= change;
	}
	ck_assert_uint_gt(refused, 100);
	ck_assert_uint_gt(taken, 100); /* names, predictions, values of params */
	free(data);
}
END_TEST

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	Suite *suite = suite_create("variants");
	TCase *tests = tcase_create("variants");
	tcase_add_checked_fixture(tests, fixture_start, fixture_stop);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, the_cheapest_tile_that_fits);
	tcase_add_test(tests, idle_units_and_long_tiles_cost);
	tcase_add_test(tests, a_larger_budgets_shape_is_kept_unless_another_is_better_beyond_doubt);
	tcase_add_test(tests, memory_is_shared_by_busy_units);
	tcase_add_test(tests, a_cut_sum_is_counted_once);
	tcase_add_test(tests, variants_may_differ_in_tiles_only);
	tcase_add_test(tests, params_and_defines_are_kept_as_set);
#ifndef NDEBUG
	tcase_add_loop_test_raise_signal(tests, nothing_is_set_beyond_its_room, SIGABRT, 0, 6);
#endif
	tcase_add_test(tests, simulated_targets_need_no_toolchain_and_load);
	tcase_add_test(tests, nothing_equal_is_stored_twice);
	tcase_add_test(tests, damage_is_found);
	tcase_add_test(tests, hostile_plans_are_refused_or_harmless);
	suite_add_tcase(suite, tests);
	int failed = run_suite(suite);
	rmdir(folder);
	return failed;
}
