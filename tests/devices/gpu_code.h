/* The test kernels as images for a GPU. */
#ifndef GPU_CODE_H
#define GPU_CODE_H

#include <stddef.h>

/* CODE of a CUDA target ("cuda:sm_90") with the kernels of test_kernels.h; the caller frees it. NULL: *wrong says
 * why. */
void *gpu_code(const char *target, size_t *bytes, const char **wrong);

#endif
