"""Models of ONNX's backend suite with a range: `make fuzz-ranges`. One dim of an input becomes a range, and with it, at random, all
dims of that size. Runs at several sizes must have the shapes and bits of artifacts for just these sizes. What is refused is
counted, with the reasons.

  ranges.py ARCHIVE.tar.xz [--every N] [--first N] [--seed N] [--target TARGET]

Needs the Python package (make wheel), numpy and onnx."""

import argparse
import collections
import os
import random
import re
import sys
import tarfile
import tempfile
import warnings

import erc
import numpy
import onnx

NAME = "ranged"


def rename(model, chance):
    """Gives one dim of an input, and perhaps others of its size, a name. Returns the size; None: there is no such dim."""
    constants = {value.name for value in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    if not all(value.type.HasField("tensor_type") and value.type.tensor_type.elem_type != onnx.TensorProto.STRING for value in inputs):
        return None
    dims = [dim for value in inputs for dim in value.type.tensor_type.shape.dim]
    able = [dim for dim in dims if dim.dim_value >= 2]
    if not able:
        return None
    chosen = chance.choice(able)
    size, all_of_them = chosen.dim_value, chance.random() < 0.5
    for dim in dims:
        if dim is chosen or (all_of_them and dim.dim_value == size):
            dim.ClearField("dim_value")
            dim.dim_param = NAME
    for value in model.graph.output:
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    return size


def feeds(model, size, numbers):
    constants = {value.name for value in model.graph.initializer}
    for value in model.graph.input:
        if value.name in constants:
            continue
        kind = value.type.tensor_type
        shape = [size if dim.dim_param == NAME else dim.dim_value for dim in kind.shape.dim]
        dtype = numpy.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
        whole = dtype.kind in "biu"
        yield value.name, (numbers.integers(0, 2, shape) if whole else numbers.standard_normal(shape)).astype(dtype)


class Fuzz:
    def __init__(self, options):
        self.options, self.counts, self.reasons = options, collections.Counter(), collections.Counter()

    def session(self, model, sizes):
        return erc.Session(erc.compile(model, target=self.options.target, dims={NAME: sizes}))

    def compare(self, model, ranged, size, numbers):
        """A word for the counts; None: the model is not possible with this size."""
        try:
            values = dict(feeds(model, size, numbers))
            wanted = self.session(model, size).run(values)
        except erc.Error:
            return None
        try:
            found = ranged.run(values)
        except erc.Error as error:
            self.reasons[f"at a size: {error}"[:100]] += 1
            return "sizes refused"
        same = all(found[name].shape == value.shape and found[name].tobytes() == value.tobytes() for name, value in wanted.items())
        return "sizes equal" if same else "sizes DIFFERENT"

    def try_model(self, path, number):
        chance, numbers = random.Random(f"{self.options.seed} {number}"), numpy.random.default_rng([self.options.seed, number])
        model = onnx.load(path)
        size = rename(model, chance)
        if not size:
            return "models without a dim"
        most = max(2 * size, 9)
        try:
            self.session(model, size)
        except erc.Error:
            return "models refused without a range"
        try:
            ranged = self.session(model, f"1..{most}")
        except erc.CompileError as error:
            self.reasons[re.sub(r"\d+", "N", re.sub(r"'[^']*'", "'..'", str(error).splitlines()[0]))[:100]] += 1
            return "models refused with a range"
        for at in (size, *chance.sample(range(1, most + 1), 4)):
            word = self.compare(model, ranged, at, numbers)
            self.counts[word or "sizes not possible"] += 1
            if word == "sizes DIFFERENT":
                print(f"DIFFERENT: {path}, dims of {size}, at {at}", flush=True)
        return "models compared"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("archive")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", default="native")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    fuzz = Fuzz(options)
    with tempfile.TemporaryDirectory() as work:
        with tarfile.open(options.archive) as archive:
            archive.extractall(work, [m for m in archive.getmembers() if m.name.endswith("model.onnx")], filter="data")
        paths = sorted(os.path.join(folder, name) for folder, _, names in os.walk(work) for name in names)
        for number, path in list(enumerate(paths))[options.first :: options.every]:
            fuzz.counts[fuzz.try_model(path, number)] += 1
    for reason, count in fuzz.reasons.most_common(30):
        print(f"{count:5d} x {reason}")
    print(", ".join(f"{word}: {count}" for word, count in sorted(fuzz.counts.items())))
    return 1 if fuzz.counts["sizes DIFFERENT"] else 0


if __name__ == "__main__":
    sys.exit(main())
