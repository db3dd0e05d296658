#!/usr/bin/env python3
"""Writes tests/ops/empty_shapes.txt: the shapes that ONNX Runtime (optimisations off) gives to the outputs of the models
of test_empty, or ONNX's reference implementation where ONNX Runtime refuses a model. Needs the Python packages onnx,
onnxruntime and numpy.

    build/release/tests/ops/test_empty --models FOLDER
    tests/ops/empty_shapes.py FOLDER > tests/ops/empty_shapes.txt
"""
import multiprocessing
import os
import pathlib
import sys

os.environ["ALLOW_RELEASED_ONNX_OPSET_ONLY"] = "0"
import numpy
import onnx
import onnxruntime
from onnx import helper
from onnx.reference import ReferenceEvaluator

SECONDS = 20  # for one model


def feeds(model):
    """The inputs of test_empty: small numbers, which are valid indices too."""
    found, known = {}, {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.input:
        tensor = value.type.tensor_type
        shape = [dim.dim_value for dim in tensor.shape.dim]
        dtype = numpy.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type))
        numbers = numpy.arange(int(numpy.prod(shape)))
        if value.name not in known:
            found[value.name] = (numbers * 37 % 64 / 64 if dtype.kind == "f" else numbers % 2).astype(dtype).reshape(shape)
    return found


def by_onnxruntime(path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds(onnx.load(path)))


def by_reference(path):
    model = onnx.load(path)
    return ReferenceEvaluator(model).run(None, feeds(model))


def words(output):
    if output is None or isinstance(output, list):
        return "no tensor"
    return "x".join(map(str, numpy.asarray(output).shape)) or "scalar"


def send_shapes(compute, path, pipe):
    try:
        pipe.send(", ".join(map(words, compute(str(path)))))
    except BaseException:  # it refuses the model
        pipe.send("")


def shapes(compute, path):
    """In a process of its own, because either may crash or not end."""
    ours, theirs = multiprocessing.Pipe(False)
    process = multiprocessing.Process(target=send_shapes, args=(compute, path, theirs))
    process.start()
    theirs.close()
    try:
        return ours.recv() if ours.poll(SECONDS) else ""
    except EOFError:
        return ""
    finally:
        process.kill()
        process.join()


def main():
    onnxruntime.set_default_logger_severity(4)
    multiprocessing.set_start_method("fork")
    print(f"# Output shapes of operators with dims of size 0: ONNX Runtime {onnxruntime.__version__}, or (reference) ONNX "
          f"{onnx.__version__}.\n# Written by tests/ops/empty_shapes.py. What both refuse is `none`.")
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
        found = shapes(by_onnxruntime, path)
        other = "" if found else shapes(by_reference, path)
        print(f"{path.stem}: " + (found or (f"(reference) {other}" if other else "none")))


main()
