"""What the tests share: models, artifacts, and programs that run in a process of their own."""

import os
import subprocess
import sys
import tempfile
import textwrap

import erc
import numpy
import onnx
from onnx import TensorProto, helper

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from counted import F32, model, product  # noqa: E402

build = wheel = folder = ""
_artifacts = {}


def set_up(build_folder, wheel_path):
    global build, wheel, folder
    build, wheel = os.path.abspath(build_folder), os.path.abspath(wheel_path)
    folder = os.path.join(build, "python-tests")
    os.makedirs(folder, exist_ok=True)
    tempfile.tempdir = folder


def root(path):
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", path)


def command(*arguments):
    """Runs `erc`; returns what it printed."""
    done = subprocess.run([os.path.join(build, "erc"), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tiny():
    """y = x + x"""
    return model([("Add", "x x", "y")], [("x", F32, [2, 3])], [("y", F32, [2, 3])])


def slow():
    """Takes seconds."""
    return product(60)


def gather():
    """y = x[index], with an index that may be out of range"""
    return model(
        [("Gather", "x index", "y")],
        [("x", F32, [4]), ("index", TensorProto.INT64, [2])],
        [("y", F32, [2])],
    )


def nonzero():
    """Positions of what is not 0: the number of columns depends on data."""
    return model([("NonZero", "x", "y")], [("x", F32, [2, 3])], [("y", TensorProto.INT64, [2, None])])


def artifact(make, **options):
    """The artifact of a model of this file, compiled once."""
    key = (make.__name__, repr(options))
    if key not in _artifacts:
        _artifacts[key] = erc.compile(make(), **options)
    return _artifacts[key]


def digits():
    return onnx.load(root("samples/digits/digits.onnx"))


def array(*shape, dtype="float32"):
    return numpy.arange(numpy.prod(shape, dtype=int), dtype=dtype).reshape(shape)


def python(program, *arguments, timeout=120, environment=None):
    """Runs a program in a Python of its own. Returns exit code, stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=folder,
        env={**os.environ, **(environment or {})},
    )
    return done.returncode, done.stdout, done.stderr


def write(name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path
