/* Reports a fault in a kernel, with its launch and tile, before the process ends. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tools/erc/command.h"

static const struct {
	int number;
	const char *name;
} faults[] = {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGFPE, "SIGFPE"}, {SIGILL, "SIGILL"}};

static void put(const char *text)
{
	if (write(2, text, strlen(text)) < 0)
		return;
}

/* The action is the system's again (SA_RESETHAND), so that the signal ends the process when this returns. */
static void on_fault(int number)
{
	char where[256];
	erc_fault_text(where, sizeof where);
	put("error: ");
	for (size_t i = 0; i < COUNT_OF(faults); i++)
		if (faults[i].number == number)
			put(faults[i].name);
	put(*where ? " in " : " outside of kernels");
	put(where);
	put("\n");
	raise(number);
}

void faults_report(void)
{
	const struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_RESETHAND | SA_NODEFER};
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		struct sigaction now;
		if (!sigaction(faults[i].number, NULL, &now) && now.sa_handler == SIG_DFL)
			sigaction(faults[i].number, &action, NULL);
	}
}
