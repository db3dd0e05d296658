/* The graphs of the stand-in for CUDA: operations that a stream captured, in order. */
#include <stdlib.h>

#include "tests/devices/stub_calls.h"

static struct graph *make_graph(void)
{
	struct graph *graph = stub_make(sizeof *graph);
	graph->last = &graph->first;
	LINK(stub.graphs, graph);
	return graph;
}

result cuStreamBeginCapture_v2(struct stream *stream, int mode)
{
	ENTER(1);
	(void)mode;
	if (stream->capture)
		return stub_leave(STUB_INVALID_VALUE);
	stream->capture = make_graph();
	return stub_leave(0);
}

result cuStreamEndCapture(struct stream *stream, struct graph **graph)
{
	ENTER(1);
	*graph = stream->capture;
	stream->capture = NULL;
	return stub_leave(*graph ? 0 : STUB_INVALID_VALUE);
}

static void put_all(const struct graph *graph, struct stream *stream)
{
	for (const struct op *op = graph->first; op; op = op->next)
		stub_put(stream, op);
}

result cuGraphInstantiateWithFlags(struct graph **exec, struct graph *graph, unsigned long long flags)
{
	ENTER(1);
	(void)flags;
	struct graph *copy = make_graph();
	struct stream into = {.capture = copy};
	put_all(graph, &into);
	*exec = copy;
	return stub_leave(0);
}

result cuGraphUpload(struct graph *exec, struct stream *stream)
{
	ENTER(1);
	(void)exec, (void)stream;
	return stub_leave(0);
}

result cuGraphLaunch(struct graph *exec, struct stream *stream)
{
	ENTER(1);
	put_all(exec, stream);
	return stub_leave(0);
}

static result free_graph(struct graph *graph)
{
	UNLINK(stub.graphs, graph);
	while (graph->first) {
		struct op *op = graph->first;
		graph->first = op->next;
		stub_drop(op);
	}
	free(graph);
	return stub_leave(0);
}

result cuGraphExecDestroy(struct graph *exec)
{
	ENTER(1);
	return free_graph(exec);
}

result cuGraphDestroy(struct graph *graph)
{
	ENTER(1);
	return free_graph(graph);
}
