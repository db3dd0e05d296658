/* Whether this is still the process that made a runtime: after fork() its threads do not exist in the child. */
#ifndef ERC_PROCESS_H
#define ERC_PROCESS_H

#include <stdint.h>

/* A number of this process, which differs from that of the process that made it by fork(). */
uint32_t erc__process_number(void);

#endif
