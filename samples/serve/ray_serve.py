"""Artifacts behind Ray Serve. Real-time and best-effort models are in one deployment with one replica a node: they share
the node's runtime, so real-time runs come first. Ray itself knows no priorities. What class a model is of, the artifact
says.

    erc compile small.onnx -o small.erca --class rt --deadline-us 20000
    erc compile large.onnx -o large.erca
    pip install erc-*.whl "ray[serve]" numpy
    serve run ray_serve:app small=small.erca large=large.erca        # nodes=2 on a cluster of two

A request is POST /MODEL with an .npz file of its inputs; the answer is an .npz file of the outputs. `?level=` and
`?deadline_us=` are of this request alone. In a Ray program:

    await serve.get_app_handle("default").run.remote("small", {"x": array}, deadline_us=5000)

GET /MODEL returns the session's statistics on the node that answers.

Tried with ray[serve] 2.60.0 on Python 3.11."""

import io
import os

import erc
import numpy
from ray import serve
from starlette.responses import JSONResponse, PlainTextResponse, Response

STATUS = {erc.NotFound: 404, erc.Shed: 503, erc.LimitReached: 503}  # of the others that a request may cause: 400
CAUSED = (erc.Invalid, erc.IndexOutOfRange, *STATUS)


def limits(query):
    """Level and deadline of a request."""
    for name, value in query.items():
        if name not in ("level", "deadline_us") or not value.isdecimal():
            raise erc.Invalid(f"'{name}={value}' is neither level=N nor deadline_us=N")
    return {name: int(value) for name, value in query.items()}


def read(body):
    try:
        with numpy.load(io.BytesIO(body)) as file:
            return dict(file)
    except Exception as error:
        raise erc.Invalid(f"the body is not an .npz file: {error}") from None


class Node:
    def __init__(self, artifacts):
        self.runtime = erc.Runtime()
        self.sessions = {name: erc.Session(path, name=name, runtime=self.runtime) for name, path in artifacts.items()}

    def session(self, model):
        if model not in self.sessions:
            raise erc.NotFound(f"no model is named '{model}'; there are: {', '.join(self.sessions)}")
        return self.sessions[model]

    async def run(self, model, feeds, level=None, deadline_us=None):
        """One run. Other requests are taken meanwhile; one that is cancelled cancels its run."""
        return await self.session(model).run_async(feeds, level=level, deadline_us=deadline_us)

    async def __call__(self, request):
        model = request.url.path.strip("/")
        try:
            if request.method == "GET":
                return JSONResponse(self.session(model).stats()._asdict())
            outputs = await self.run(model, read(await request.body()), **limits(request.query_params))
        except CAUSED as error:
            return PlainTextResponse(str(error), STATUS.get(type(error), 400))
        file = io.BytesIO()
        numpy.savez(file, **outputs)
        return Response(file.getvalue(), media_type="application/octet-stream")


def app(arguments):
    """What `serve run` starts: NAME=FILE for each model, and nodes=N."""
    artifacts = {name: os.path.abspath(path) for name, path in arguments.items() if name != "nodes"}
    nodes = int(arguments.get("nodes", 1))
    deployment = serve.deployment(num_replicas=nodes, max_replicas_per_node=1, max_ongoing_requests=100)
    return deployment(Node).bind(artifacts)
