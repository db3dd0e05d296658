/* The two halves of the CPU device: cpu.c (units and their work), cpu_image.c (targets and code). */
#ifndef ERC_CPU_H
#define ERC_CPU_H

#include "device.h"

/* "cpu:x86-64-v4": the best target of this machine. */
const char *erc__cpu_best_target(void);
int erc__cpu_can_run(const struct erc__device *device, const struct erca_target *target, const char *name);
enum erc_status erc__cpu_image_load(struct erc__device *device, const void *code, size_t bytes, struct erc__image **out);
void erc__cpu_image_unload(struct erc__device *device, struct erc__image *image);
enum erc_status erc__cpu_kernel_find(const struct erc__image *image, const struct erca_kernel *kernel,
                                     const char *symbol, struct erc__kernel *out);

#endif
