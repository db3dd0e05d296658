/* The test kernels as images for a GPU. */
#ifndef GPU_CODE_H
#define GPU_CODE_H

#include <stddef.h>

/* CODE of a CUDA target ("cuda:sm_90") whose kernels are those of test_kernels.h; to free. NULL after a message on stderr. */
void *gpu_code(const char *target, size_t *bytes);

#endif
