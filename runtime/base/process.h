/* Whether this is still the process that made a runtime: after fork() its threads do not exist in the child. */
#ifndef ERC_PROCESS_H
#define ERC_PROCESS_H

#include <stdint.h>

/* A number for this process. After fork(), the child has another number than its parent. */
uint32_t erc__process_number(void);

#endif
