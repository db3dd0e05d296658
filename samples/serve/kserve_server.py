"""Artifacts behind KServe's Python server, by the Open Inference Protocol v2 over HTTP and gRPC. All models share one
runtime, so real-time ones come before best-effort ones; what class a model is of, the artifact says.

    erc compile small.onnx -o small.erca --class rt --deadline-us 20000
    erc compile large.onnx -o large.erca
    pip install erc-*.whl kserve
    python kserve_server.py small=small.erca large=large.erca --http_port 8080 --grpc_port 8081

A request's parameters may hold `timeout`, its deadline in microseconds, and `erc_level`, its level. tritonclient sends
them as well: infer(..., timeout=5000, parameters={"erc_level": 1}). Metadata, health, and binary tensors are KServe's.
Use one worker (the default): each further one would have a runtime of its own.

Tried with kserve 0.21.0 and tritonclient 2.73.0 on Python 3.11."""

import argparse
import uuid

import erc
import numpy
from kserve import InferOutput, InferResponse, Model, ModelServer, model_server
from kserve.errors import InvalidInput, ModelNotReady
from kserve.protocol.infer_type import to_http_parameters
from kserve.utils.numpy_codec import from_np_dtype


def describe(info):
    """An input or output as the protocol describes it."""
    try:
        datatype = from_np_dtype(numpy.dtype(info.dtype))
    except TypeError:
        raise ValueError(f"'{info.name}' is {info.dtype}, which the protocol lacks") from None
    return {"name": info.name, "datatype": datatype, "shape": list(info.shape)}


def parameter(request, name):
    """An integer among the request's parameters; None if it is not there."""
    value = to_http_parameters(request.parameters or {}).get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise InvalidInput(f"parameter '{name}' is {value!r}, not a number from 0 on")
    return value


class Refused(ModelNotReady):
    """Status 503 over HTTP, UNAVAILABLE over gRPC."""

    def __init__(self, error):
        self.reason = self.error_msg = str(error)


class Artifact(Model):
    def __init__(self, name, path):
        super().__init__(name)
        self.path = path
        self.load()

    def load(self):
        self.session = erc.Session(self.path, name=self.name)
        self.types = [[describe(info) for info in kind] for kind in (self.session.inputs, self.session.outputs)]
        self.ready = True
        return True

    def stop(self):
        self.ready = False
        self.session.close()

    def get_input_types(self):
        return self.types[0]

    def get_output_types(self):
        return self.types[1]

    async def predict(self, payload, headers=None, response_headers=None):
        """One run. Other requests are taken meanwhile; one that is cancelled cancels its run."""
        feeds = {tensor.name: tensor.as_numpy() for tensor in payload.inputs}
        level, deadline_us = parameter(payload, "erc_level"), parameter(payload, "timeout")
        try:
            results = await self.session.run_async(feeds, level=level, deadline_us=deadline_us)
        except (erc.Invalid, erc.NotFound, erc.IndexOutOfRange) as error:
            raise InvalidInput(str(error)) from None
        except (erc.Shed, erc.LimitReached) as error:
            raise Refused(error) from None
        outputs = []
        for name, array in results.items():
            output = InferOutput(name, list(array.shape), from_np_dtype(array.dtype))
            output.set_data_from_numpy(array)
            outputs.append(output)
        return InferResponse(
            payload.id or uuid.uuid4().hex,
            self.name,
            outputs,
            use_binary_outputs=payload.use_binary_outputs,
            requested_outputs=payload.request_outputs,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(parents=[model_server.parser])
    parser.add_argument("artifacts", nargs="+", metavar="NAME=FILE")
    ModelServer().start([Artifact(*argument.split("=", 1)) for argument in parser.parse_args().artifacts])
