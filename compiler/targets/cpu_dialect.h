/* What a kernel template may use of a CPU. A block is one thread. See cuda_dialect.h. */
#ifndef KERNEL
#define KERNEL kernel
#endif
#define TILE_BODY void KERNEL(const struct erc_tile_args *args, uint32_t tile, void *local)
#define CPU_PARAM(name) PARAM_##name,
#define GPU_PARAM(name)
#define THREADS 1
#define THREAD 0
