/* Starting threads. */
#include "runtime/base/thread.h"

#include <signal.h>

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};

int erc__thread_start(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *argument),
                      void *argument, const char *name)
{
	sigset_t asynchronous, old;
	sigfillset(&asynchronous);
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		sigdelset(&asynchronous, faults[i]);
	pthread_sigmask(SIG_SETMASK, &asynchronous, &old);
	int error = pthread_create(thread, attributes, body, argument);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!error)
		pthread_setname_np(*thread, name);
	return error;
}
