/* The test kernels as images for a GPU. */
#ifndef GPU_CODE_H
#define GPU_CODE_H

#include <stddef.h>

/* CODE of a CUDA target ("cuda:sm_90") whose kernels are those of test_kernels.h; to free. NULL: *wrong says why. */
void *gpu_code(const char *target, size_t *bytes, const char **wrong);

#endif
