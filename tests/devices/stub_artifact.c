/* `stub_artifact IN.erca OUT.erca`: converts an artifact with emulated targets for the stand-in for CUDA
 * (stub_artifact.h). */
#include "tests/devices/stub_artifact.h"

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: stub_artifact IN.erca OUT.erca\n");
		return 2;
	}
	const char *wrong = stub_artifact(argv[1], argv[2]);
	if (wrong)
		fprintf(stderr, "stub_artifact: %s to %s: %s\n", argv[1], argv[2], wrong);
	return wrong ? 1 : 0;
}
