/* The runtime's own threads. */
#ifndef ERC_THREAD_H
#define ERC_THREAD_H

#include <pthread.h>

/* Starts a thread that takes no asynchronous signals: those are for the application's threads. The signals of a fault
 * stay unblocked, because the system kills a process that blocks them without calling its handler. `attributes` may be
 * NULL. Returns 0, or an error number. */
int erc__thread_start(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *argument),
                      void *argument, const char *name);

#endif
