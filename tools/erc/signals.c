/* Ctrl-C, QUIT, TERM and HUP, for work that has something to clean up. */
#include <signal.h>

#include "tools/erc/command.h"

static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
volatile int signals_caught;

static void on_signal(int number)
{
	signals_caught = number;
}

void signals_settle(void)
{
	signal(SIGCHLD, SIG_DFL);
	signal(SIGXFSZ, SIG_IGN);
}

void signals_catch(bool catch)
{
	/* without SA_RESTART: calls that wait return when a signal arrives */
	const struct sigaction action = {.sa_handler = catch ? on_signal : SIG_DFL};
	for (size_t i = 0; i < COUNT_OF(signals); i++) {
		struct sigaction now;
		sigaction(signals[i], NULL, &now);
		if (now.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

void signals_end(void)
{
	signals_catch(false);
	if (signals_caught)
		raise(signals_caught);
}
