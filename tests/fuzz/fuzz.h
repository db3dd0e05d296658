/* A fuzz target: built with -fsanitize=fuzzer, or with replay.c to run a corpus once. */
#ifndef ERC_FUZZ_H
#define ERC_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#endif
