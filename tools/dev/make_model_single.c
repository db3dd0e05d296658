/* Models of one operator, in any size, for benchmarks of a single kernel. */
#include "tools/dev/make_model_nodes.h"

/* A product of two N x N matrices with almost nothing to copy in and out: the left matrix is made from N numbers,
 * and of the result only the means of its rows are returned. */
void make_gemm(struct maker *maker)
{
	int64_t n = maker->image_size ? maker->image_size : 1024;
	const int64_t square[] = {n, n};
	build_input(maker->arena, maker->model->graph, build_info(maker->arena, "x", ERC_F32, 2, (int64_t[]){n, 1}, NULL));
	const char *row = random_weight(maker, "row", 2, (int64_t[]){1, n}, 0, 1);
	const char *left = emit(maker, "left", "MatMul", "x", row, NULL);
	const char *right = random_weight(maker, "right", 2, square, 0, weight_deviation(GAIN_LINEAR, (int)n));
	const char *product = emit(maker, "product", "MatMul", left, right, NULL);
	onnx_node *mean = emit_node(maker, "mean", "ReduceMean", product, NULL);
	build_ints(maker->arena, mean, "axes", (int64_t[]){-1}, 1);
	output_value(maker, mean->output[0], "means", 2, (int64_t[]){n, 1});
}

/* Running sums of N rows with one number each. */
void make_cumsum(struct maker *maker)
{
	int64_t n = maker->image_size ? maker->image_size : 1024;
	const int64_t dims[] = {n, 1};
	build_input(maker->arena, maker->model->graph, build_info(maker->arena, "x", ERC_F32, 2, dims, NULL));
	output_value(maker, emit(maker, "", "CumSum", "x", emit_index(maker, "", 1), NULL), "sums", 2, dims);
}
