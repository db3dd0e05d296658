/* Operators that read an image at computed positions: GridSample, AffineGrid, RoiAlign. */
#include "compiler/lower/lower_rows.h"
#include "compiler/ops/sizes.h"

/* The index of a word in a list that ends with NULL; -1 if it is not there. */
static int word_index(const char *word, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(word, words[i]))
			return i;
	return -1;
}

static struct launch *add_sampling(struct lowering *lowering, struct node *node, const struct kernel_template *template,
                                   int64_t rows)
{
	struct launch *launch = plan_add_launch(lowering->plan, NULL, template, node->name);
	for (int i = 0; i < node->input_count; i++)
		launch_operand(launch, lower_buffer(lowering, node->inputs[i]), node->inputs[i]->dtype, false);
	launch_operand(launch, lower_buffer(lowering, node->outputs[0]), node->outputs[0]->dtype, true);
	launch->input_count = node->input_count;
	launch->space = node->outputs[0]->shape;
	launch_set(launch, ROWS_TOTAL, rows);
	launch->bytes = (uint64_t)(value_bytes(node->inputs[0]) + value_bytes(node->outputs[0]));
	return launch;
}

/* ---- GridSample ---- */

struct sampling {
	int taps, padding;
};

static enum ercc_status read_sampling(const struct node *node, struct sampling *s)
{
	static const char *const modes[] = {"nearest", "linear", "cubic", "bilinear", "bicubic", NULL};
	static const char *const paddings[] = {"zeros", "border", "reflection", NULL};
	static const int taps[] = {1, 2, 4, 2, 4};
	const char *mode = node_attr_text(node, "mode", "linear"), *padding = node_attr_text(node, "padding_mode", "zeros");
	int index = word_index(mode, modes);
	s->padding = word_index(padding, paddings);
	if (index < 0 || s->padding < 0)
		return node_fail(node, ERCC_MODEL, "mode '%s', padding_mode '%s': one of them is unknown", mode, padding);
	s->taps = taps[index];
	return ERCC_OK;
}

static enum ercc_status infer_grid_sample(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *grid = &node->inputs[1]->shape;
	struct sampling s;
	struct shape out = *in;
	TRY(read_sampling(node, &s));
	TRY(check_same_dtype(node, 1));
	if ((in->rank != 4 && in->rank != 5) || grid->rank != in->rank || grid->dims[0] != in->dims[0] ||
	    grid->dims[grid->rank - 1] != in->rank - 2 || shape_elements(in) == 0)
		return node_fail(node, ERCC_MODEL, "input %s and grid %s do not fit each other", shape_words(node, in),
		                 shape_words(node, grid));
	for (int i = 2; i < out.rank; i++)
		out.dims[i] = grid->dims[i - 1];
	return set_output(node, 0, node->inputs[0]->dtype, &out);
}

static enum ercc_status lower_grid_sample(struct lowering *lowering, struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *out = &node->outputs[0]->shape;
	struct arena *arena = &lowering->ctx->arena;
	struct sampling s;
	int64_t positions = 1;
	TRY(read_sampling(node, &s));
	for (int i = 3; i < out->rank; i++)
		positions *= out->dims[i];
	struct launch *launch =
		add_sampling(lowering, node, &grid_sample_template, out->dims[0] * out->dims[1] * out->dims[2]);
	launch_set(launch, GRID_SAMPLE_CHANNELS, in->dims[1]);
	launch_set(launch, GRID_SAMPLE_SLICES, out->dims[2]);
	launch_set(launch, GRID_SAMPLE_POSITIONS, positions);
	for (int i = 0; i < 3; i++)
		launch_set(launch, GRID_SAMPLE_SIZES + i, in->rank == 5 ? in->dims[2 + i] : i ? in->dims[1 + i] : 1);
	launch->flops = (uint64_t)shape_elements(out) * (uint64_t)(s.taps * s.taps) * 100;
	launch->reduction_key = REDUCTION_GRID;
	const struct define defines[] = {
		{"DIMS", in->rank == 5 ? "3" : "2"},
		{"TAPS", arena_printf(arena, "%d", s.taps)},
		{"PADDING", arena_printf(arena, "%d", s.padding)},
		{"CORNERS", node_attr_int(node, "align_corners", 0) ? "1" : "0"},
	};
	for (size_t i = 0; i < COUNT_OF(defines); i++)
		launch_define(launch, defines[i].name, defines[i].value);
	return ERCC_OK;
}

/* ---- AffineGrid: every position of the output, in homogeneous coordinates, times the matrices. With align_corners a
 * dim of 1 has its position in the middle, as in PyTorch; the standard would divide by zero. ---- */

static enum ercc_status expand_affine_grid(struct node *node)
{
	const struct shape *theta = &node->inputs[0]->shape;
	int64_t size[6], dims[MAX_RANK], places = 1;
	int count;
	TRY(int_list(node, "size", 1, size, 6, &count));
	int rank = count - 2;
	if ((rank != 2 && rank != 3) || theta->rank != 3 || theta->dims[0] != size[0] || theta->dims[1] != rank ||
	    theta->dims[2] != rank + 1)
		return node_fail(node, ERCC_MODEL, "matrices %s do not fit a size of %d dims", shape_words(node, theta), count);
	for (int i = 0; i < rank; i++) {
		dims[1 + i] = size[2 + i];
		if (size[2 + i] < 1 || !mul_fits(places, size[2 + i], &places) || places > 1 << 28)
			return node_fail(node, ERCC_MODEL, "a dim of %lld is not positive, or too large", (long long)size[2 + i]);
	}
	struct shape flat = shape_of(2, (int64_t[]){places, rank + 1});
	float *at = arena_array(&node->graph->ctx->arena, (size_t)(places * (rank + 1)), sizeof *at);
	bool corners = node_attr_int(node, "align_corners", 0) != 0;
	for (int64_t p = 0; p < places; p++) {
		int64_t left = p;
		for (int d = rank - 1; d >= 0; left /= size[2 + d], d--) { /* x is the first coordinate */
			double n = (double)size[2 + d], i = (double)(left % size[2 + d]);
			at[p * (rank + 1) + rank - 1 - d] =
				(float)(corners ? n > 1 ? 2 * i / (n - 1) - 1 : 0 : (2 * i + 1) / n - 1);
		}
		at[p * (rank + 1) + rank] = 1;
	}
	dims[0] = size[0];
	dims[rank + 1] = rank;
	expand_to(node, 0,
	          EMIT(node, "Reshape(MatMul(a, Transpose[perm=0:2:1](b)), c)", constant_floats(node, at, &flat),
	               node->inputs[0], constant_ints(node, dims, rank + 2)));
	return ERCC_OK;
}

/* ---- RoiAlign ---- */

static enum ercc_status infer_roi_align(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *rois = &node->inputs[1]->shape, *batch = &node->inputs[2]->shape;
	int64_t height = node_attr_int(node, "output_height", 1), width = node_attr_int(node, "output_width", 1);
	const char *mode = node_attr_text(node, "mode", "avg"),
			   *coordinates = node_attr_text(node, "coordinate_transformation_mode", "half_pixel");
	TRY(check_same_dtype(node, 1));
	if (in->rank != 4 || shape_elements(in) == 0 || rois->rank != 2 || rois->dims[1] != 4 || batch->rank != 1 ||
	    batch->dims[0] != rois->dims[0] || node->inputs[2]->dtype != ERC_I64)
		return node_fail(node, ERCC_MODEL, "input %s, regions %s, batch indices %s%s; wanted rank 4, [n, 4] and i64[n]",
		                 shape_words(node, in), shape_words(node, rois), dtype_name(node->inputs[2]->dtype),
		                 shape_words(node, batch));
	if (height < 1 || width < 1 || node_attr_int(node, "sampling_ratio", 0) < 0 ||
	    node_attr_int(node, "sampling_ratio", 0) > 1024 || (strcmp(mode, "avg") && strcmp(mode, "max")) ||
	    (strcmp(coordinates, "half_pixel") && strcmp(coordinates, "output_half_pixel")))
		return node_fail(node, ERCC_MODEL,
		                 "output %lldx%lld, mode '%s', coordinates '%s': one of these or sampling_ratio is not "
		                 "possible",
		                 (long long)height, (long long)width, mode, coordinates);
	struct shape out = shape_of(4, (int64_t[]){rois->dims[0], in->dims[1], height, width});
	return set_output(node, 0, node->inputs[0]->dtype, &out);
}

static enum ercc_status lower_roi_align(struct lowering *lowering, struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *out = &node->outputs[0]->shape;
	struct arena *arena = &lowering->ctx->arena;
	const char *otherwise = node->op->since >= 16 ? "half_pixel" : "output_half_pixel";
	bool half = !strcmp(node_attr_text(node, "coordinate_transformation_mode", otherwise), "half_pixel");
	int64_t sampling = node_attr_int(node, "sampling_ratio", 0);
	struct launch *launch = add_sampling(lowering, node, &roi_align_template, out->dims[0] * out->dims[1]);
	launch_set(launch, ROI_ALIGN_CHANNELS, in->dims[1]);
	launch_set(launch, ROI_ALIGN_HEIGHT, in->dims[2]);
	launch_set(launch, ROI_ALIGN_WIDTH, in->dims[3]);
	launch_set(launch, ROI_ALIGN_OUT_HEIGHT, out->dims[2]);
	launch_set(launch, ROI_ALIGN_OUT_WIDTH, out->dims[3]);
	launch_set(launch, ROI_ALIGN_IMAGES, in->dims[0]);
	launch->flops = (uint64_t)shape_elements(out) * 400;
	launch->reduction_key = REDUCTION_REGIONS;
	launch_define_float(&lowering->ctx->arena, launch, "SCALE", node_attr_float(node, "spatial_scale", 1));
	const struct define defines[] = {
		{"SHIFT", half ? "0.5" : "0.0"},
		{"LARGEST", strcmp(node_attr_text(node, "mode", "avg"), "max") ? "0" : "1"},
		{"SAMPLING", arena_printf(arena, "%lld", (long long)sampling)},
	};
	for (size_t i = 0; i < COUNT_OF(defines); i++)
		launch_define(launch, defines[i].name, defines[i].value);
	return ERCC_OK;
}

const struct op ops_sample[] = {
	{"GridSample", 16, 2, 2, 1, TYPE(F32), infer_grid_sample, lower_grid_sample, .layout = NULL,
     .attrs = "align_corners=int mode=text padding_mode=text"},
	{"AffineGrid", 20, 2, 2, 1, TYPE(F32), .expand = expand_affine_grid, .attrs = "align_corners=int"},
	{"RoiAlign", 10, 3, 3, 1, TYPE(F32), infer_roi_align, lower_roi_align, .expand = expand_sized_regions,
     .expands = has_sizes, .sizes = true,
     .attrs = "mode=text output_height=int output_width=int sampling_ratio=int spatial_scale=float"},
	{"RoiAlign", 16, 3, 3, 1, TYPE(F32), infer_roi_align, lower_roi_align, .expand = expand_sized_regions,
     .expands = has_sizes, .sizes = true,
     .attrs = "coordinate_transformation_mode=text mode=text output_height=int output_width=int sampling_ratio=int "
              "spatial_scale=float"},
	{0},
};
