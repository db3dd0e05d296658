/* Distinguishes a process from the one that made it by fork(). */
#include "runtime/base/process.h"

#include <pthread.h>

static uint32_t number = 1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void count_child(void)
{
	number++;
}

static void watch(void)
{
	pthread_atfork(NULL, NULL, count_child);
}

uint32_t erc__process_number(void)
{
	pthread_once(&once, watch);
	return number;
}
