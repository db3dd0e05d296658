#!/usr/bin/env python3
"""Writes tests/ops/reach.txt: which outputs are not finite where one element of an input is an infinity or NaN, as
computed by ONNX Runtime (optimisations off), by ONNX's reference implementation where that differs, and those of the
first that depend on the element, because both also multiply by zeros that only fill gaps. Needs the Python packages
onnx, onnxruntime and numpy.

    build/release/tests/ops/test_reach --models FOLDER
    tests/ops/reach.py FOLDER > tests/ops/reach.txt
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

SECONDS = 60  # for one model
LARGEST = 256  # elements of an input or output, as in test_reach.c
NUMBERS = {"inf": numpy.inf, "nan": numpy.nan}
RANDOM = ("Random", "Bernoulli", "Multinomial", "Dropout")


def feeds(model):
    """The inputs of test_reach: numbers that are valid indices, flags and sizes too."""
    found, known = {}, {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.input:
        tensor = value.type.tensor_type
        shape = [dim.dim_value for dim in tensor.shape.dim]
        dtype = numpy.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type))
        at = numpy.arange(int(numpy.prod(shape)))
        if value.name not in known:
            found[value.name] = ((at * 37 % 64 + 1) / 64 if dtype.kind == "f" else at % 2).astype(dtype).reshape(shape)
    return found


def session(path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def digits(outputs):
    bits = [bit for output in outputs if isinstance(output, numpy.ndarray | numpy.float32) and output.dtype == numpy.float32
            for bit in ~numpy.isfinite(numpy.asarray(output).ravel())]
    if not bits:
        return ""
    groups = [bits[i:i + 4] for i in range(0, len(bits) + 1, 4)]
    return "".join(f"{int(''.join('01'[int(b)] for b in group).ljust(4, '0'), 2):x}" for group in groups)


def attempt(run, inputs):
    try:
        return run(None, inputs)
    except Exception:  # it refuses the numbers
        return []


def dependent(run, inputs, key, k):
    """1 for each f32 output element that depends on the input element: that changes if it does."""
    found = []
    for change in (0, -1.5, 3):
        changed = inputs[key].copy()
        changed.flat[k] += change
        found.append(attempt(run, {**inputs, key: changed}))
    return [numpy.where(numpy.any([x != y, x != z], axis=0), numpy.float32("nan"), numpy.float32(0))
            if isinstance(x, numpy.ndarray) and x.dtype == numpy.float32 and x.shape == y.shape == z.shape else x
            for x, y, z in zip(*found)]


def both(a, b):
    return "".join(f"{int(x, 16) & int(y, 16):x}" for x, y in zip(a, b))


def lines_of(path, name):
    model = onnx.load(path)
    try:
        runs = [session(path).run]
    except Exception:
        runs = []
    try:
        runs.append(ReferenceEvaluator(model).run)
    except Exception:
        pass
    inputs, lines = feeds(model), []
    for slot, key in enumerate(inputs):
        value = inputs[key]
        for k in range(value.size if value.dtype == numpy.float32 and value.size <= LARGEST else 0):
            for number in NUMBERS:
                changed = value.copy()
                changed.flat[k] = NUMBERS[number]
                words = [digits(attempt(run, {**inputs, key: changed})) for run in runs]
                words += [both(word, digits(dependent(run, inputs, key, k))) for word, run in zip(words[:1], runs)]
                words = list(dict.fromkeys(word for word in words if word))
                if words and len(words[0]) <= LARGEST // 4 + 1:
                    lines.append(f"{name} input {slot}, {number} at {k}: {' '.join(words)}")
    return lines


def send_lines(path, name, pipe):
    numpy.seterr(all="ignore")
    pipe.send(lines_of(path, name))


def lines_apart(path):
    """In a process of its own, because either may crash or not end."""
    ours, theirs = multiprocessing.Pipe(False)
    process = multiprocessing.Process(target=send_lines, args=(str(path), path.stem, theirs))
    process.start()
    theirs.close()
    try:
        return ours.recv() if ours.poll(SECONDS) else []
    except EOFError:
        return []
    finally:
        process.kill()
        process.join()


def main():
    onnxruntime.set_default_logger_severity(4)
    multiprocessing.set_start_method("fork")
    print(f"# Outputs that are not finite where one element of an input is not: ONNX Runtime {onnxruntime.__version__}, and "
          f"ONNX {onnx.__version__}\n# where it differs, and those of the first that depend on the element. Written by tests/ops/reach.py; test_reach.c says what the digits are.")
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
        for line in lines_apart(path) if not path.stem.startswith(RANDOM) else []:
            print(line, flush=True)


main()
