"""Compares random small graphs with ONNX Runtime: `make fuzz-graphs`. Generates valid graphs of 1 to 6 nodes with the
operators that `erc ops` lists. ONNX Runtime (optimisations off) computes them. They are written as cases of the
conformance runner (model.onnx, test_data_set_0), which compiles, runs and compares them. The same seed gives the same
graphs.

Five things are not generated, because ONNX Runtime computes them differently; graphs_layers.py says how in each place:
SAME padding of pools with dilations or with strides beyond the window; ConvTranspose with SAME padding below its
strides; Resize to a size of 1, or by a fraction of a pixel, with two of the coordinate modes; AffineGrid to a size of
1; zeros of DFTs beside large values.

  graphs.py --erc BUILD --work DIR [--seed N] [--count N] [--only OP,OP] [--keep N FILE.tar.xz]"""

import argparse
import collections
import os
import re
import shutil
import subprocess
import sys
import tarfile

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

import graphs_layers  # noqa: F401 (registers makers)
from graphs_ops import F32, MAKERS

BATCH = 100
OPTIONS = onnxruntime.SessionOptions()
OPTIONS.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
OPTIONS.log_severity_level = 4
onnxruntime.set_default_logger_severity(4)
OPTIONS.intra_op_num_threads = 1


class Refused(Exception):
    """ONNX Runtime rejects the node, or its results cannot be compared."""


def run_reference(model, feeds):
    return onnxruntime.InferenceSession(model.SerializeToString(), OPTIONS, providers=["CPUExecutionProvider"]).run(None, feeds)


def info(name, array):
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


class Graph:
    def __init__(self, rng, opset):
        self.rng, self.opset = rng, opset
        self.nodes, self.values, self.exact = [], {}, {}
        self.inputs, self.constants, self.used, self.last = [], [], set(), []

    # -- drawing --

    def chance(self, p):
        return self.rng.random() < p

    def dims(self, count, low=1, high=7):
        return [int(v) for v in self.rng.integers(low, high + 1, count)]

    def dtype(self, name):
        return self.values[name].dtype

    def shape(self, name):
        return self.values[name].shape

    def axis(self, name, negative=False):
        rank = len(self.shape(name))
        return int(self.rng.integers(-rank if negative and self.chance(.4) else 0, rank))

    def random(self, shape, dtype, low=-3, high=3):
        dtype = np.dtype(dtype)
        if dtype.kind == "b":
            return self.rng.integers(0, 2, shape).astype(dtype)
        if dtype.kind in "iu":
            return self.rng.integers(max(int(np.floor(low)), 0) if dtype.kind == "u" else int(np.floor(low)), int(high) + 1, shape).astype(dtype)
        return np.asarray(self.rng.uniform(low, high, shape)).astype(dtype)

    # -- values --

    def add(self, array, exact):
        name = f"v{len(self.values)}"
        self.values[name], self.exact[name] = array, exact
        return name

    def value(self, array, constant=False):
        name = self.add(array, True)
        (self.constants if constant else self.inputs).append(name)
        return name

    def const(self, array):
        return self.value(np.asarray(array), constant=True)

    def fresh(self, shape, dtype, low=-3, high=3, constant=None, scale=1):
        array = self.random([int(d) for d in shape], dtype, low, high)
        if scale > 1 and array.dtype.kind == "f":
            array = (array / np.sqrt(scale)).astype(array.dtype)
        return self.value(array, self.chance(.25) if constant is None else constant)

    def pick(self, types, rank=None, min_rank=0, max_rank=5, min_dim=1, low=-4, high=4, exact=False, inside=False, only_old=False):
        """A suitable value: a computed one if there is one, else a new input."""
        def suits(name):
            a = self.values[name]
            if name in self.constants or a.dtype.type not in types or (exact and not self.exact[name]):
                return False
            if rank is not None and a.ndim != rank or not min_rank <= a.ndim <= max_rank or a.size == 0 or a.size > 20000:
                return False
            if any(d < min_dim for d in a.shape[1:] or a.shape):
                return False
            return not inside or a.dtype.kind == "b" or bool(a.min() >= low and a.max() <= high)
        found = [n for n in self.values if suits(n)]
        if found and (only_old or self.chance(.75)):
            return found[-1] if self.chance(.6) else str(self.rng.choice(found))
        if only_old:
            return None
        ranks = [r for r in (1, 2, 2, 3, 3, 4, 4, 0, 5) if min_rank <= r <= max_rank]
        r = rank if rank is not None else int(self.rng.choice(ranks))
        dims = self.dims(r, min_dim, 33 if self.chance(.25) and r <= 3 else 7)
        return self.fresh(dims, self.rng.choice(types), low, high, constant=False)

    def like(self, name, low=-3, high=3, nonzero=False, one_way=False, exact=False):
        """An operand that broadcasts with a value: it has the same shape, or some dims are 1, or leading dims are
        missing."""
        shape = list(self.shape(name))
        same = [n for n in self.values if self.shape(n) == tuple(shape) and self.dtype(n) == self.dtype(name)]
        if not nonzero and not one_way and self.chance(.3) and not exact:
            return str(self.rng.choice(same))
        if self.chance(.5):
            shape = [1 if self.chance(.4) else d for d in shape]
            shape = shape[self.rng.integers(0, len(shape) + 1):]
        elif not one_way and self.chance(.2):
            shape = [int(self.rng.integers(1, 4))] + shape
        array = self.random(shape, self.dtype(name), low, high)
        if nonzero:
            array = np.where(np.abs(array) < .4, array + np.asarray(1, array.dtype), array).astype(array.dtype)
        return self.value(np.asarray(array), self.chance(.3))

    # -- nodes --

    def emit(self, op, inputs, attributes, outputs=1, move=False):
        """Adds a node and computes it. `move`: the outputs are elements of the inputs, unchanged."""
        names = [f"v{len(self.values) + i}" for i in range(outputs)]
        node = helper.make_node(op, inputs, names, name=f"n{len(self.nodes)}")
        for key, value in attributes.items():
            node.attribute.append(helper.make_attribute(key, numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value))
        given = [n for n in dict.fromkeys(inputs) if n]
        constants = [n for n in given if n in self.constants]
        feeds = {n: self.values[n] for n in given if n not in constants}
        model = self.model([node], feeds, constants, [helper.make_empty_tensor_value_info(n) for n in names])
        try:
            results = run_reference(model, feeds)
        except Exception as error:
            raise Refused(f"{op}: {str(error).splitlines()[0][:160]}") from error
        for a in results:
            if not isinstance(a, np.ndarray) or a.size > 50000 or (a.dtype.kind == "f" and not (np.isfinite(a).all() and np.abs(a).max(initial=0) < 1e4)):
                raise Refused(f"{op}: values that suit no comparison")
        exact = all(self.exact[n] for n in given) and move
        for a in results:
            self.add(a, exact or a.dtype.kind not in "f")
        self.nodes.append(node)
        self.used.update(given)
        self.last = names
        return names[0]

    def model(self, nodes, feeds, constants, outputs):
        initializers = [numpy_helper.from_array(self.values[n], n) for n in constants]
        graph = helper.make_graph(nodes, "g", [info(n, a) for n, a in feeds.items()], outputs, initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10)


def draw(rng, names, refused):
    """`names`: the first opset of each operator."""
    first = str(rng.choice(list(names)))
    opset = int(rng.integers(max(13, names[first]), max(21, names[first]) + 1))
    graph = Graph(rng, opset)
    for i in range(int(rng.choice([1, 1, 2, 3, 4, 5, 6]))):
        op = first if i == 0 else str(rng.choice([n for n in names if names[n] <= opset]))
        kept = len(graph.nodes)
        try:
            MAKERS[op](graph, op)
        except Refused as why:
            refused[re.sub(r"[0-9]+", "N", str(why))] += 1
        except (ValueError, IndexError, OverflowError) as why:
            if len(graph.nodes) == kept and not os.environ.get("STRICT"):
                refused[f"{op}: no such node: {why}"[:120]] += 1
            else:
                raise
    return graph if graph.nodes else None


def write_case(graph, folder):
    """Computes the whole model again at once; these are the expected values."""
    made = [o for n in graph.nodes for o in n.output if o]
    outputs = [n for n in made if n not in graph.used] or made[-1:]
    outputs += [n for n in made if n in graph.used and graph.chance(.1)]
    feeds = {n: graph.values[n] for n in graph.inputs if n in graph.used}
    model = graph.model(graph.nodes, feeds, [n for n in graph.constants if n in graph.used], [info(n, graph.values[n]) for n in outputs])
    results = run_reference(model, feeds)
    data = os.path.join(folder, "test_data_set_0")
    os.makedirs(data)
    with open(os.path.join(folder, "model.onnx"), "wb") as file:
        file.write(model.SerializeToString())
    for kind, arrays in (("input", feeds.values()), ("output", results)):
        for i, a in enumerate(arrays):
            with open(os.path.join(data, f"{kind}_{i}.pb"), "wb") as file:
                file.write(numpy_helper.from_array(np.asarray(a)).SerializeToString())


def compare(arguments, root, work):
    """Runs the batch. Returns the names of the cases by result, and their messages."""
    passing = os.path.join(work, "passing.txt")
    command = [os.path.join(arguments.erc, "conformance"), "--data", root, "--work", work, "--write-list", passing, "--limit", "60",
               "--rtol", "1e-4", "--atol", "1e-5", "--jobs", str(arguments.jobs)]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    said = re.findall(r"^(wrong|crash|hang): fuzz/(\S+) \((\S+)\): (.*)$", text, re.M)
    with open(os.path.join(work, "unsupported.txt"), encoding="utf-8") as file:
        unsupported = [line.rstrip("\n").split("\t") for line in file]
    with open(passing, encoding="utf-8") as file:
        good = [line.strip().split("/")[1] for line in file if not line.startswith("#")]
    return good, said, unsupported


def keep(archive, folders):
    with tarfile.open(archive, "w:xz", preset=9) as tar:
        for path, name in folders:
            tar.add(path, f"data/fuzz/{name}", filter=lambda i: (setattr(i, "mtime", 0), setattr(i, "uid", 0), setattr(i, "gid", 0),
                                                                 setattr(i, "uname", ""), setattr(i, "gname", ""), i)[-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--erc", default="build/release")
    parser.add_argument("--work", default="build/fuzz-graphs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", nargs=2, metavar=("N", "FILE"), help="stores the first N graphs that are equal")
    arguments = parser.parse_args()
    listing = subprocess.run([os.path.join(arguments.erc, "erc"), "ops", "--format", "csv"], capture_output=True, text=True, check=True).stdout
    listed = {}
    for row in (line.split(",") for line in listing.splitlines()[1:]):
        if row[1] == "ai.onnx":
            listed[row[0]] = min(int(row[2]), listed.get(row[0], 99))
    names = {n: listed[n] for n in sorted(MAKERS) if n in listed and (not arguments.only or n in arguments.only.split(","))}
    print(f"operators drawn {len(names)}; not drawn: {' '.join(sorted(set(listed) - set(MAKERS)))}")
    counts, refused, reasons, drawn = collections.Counter(), collections.Counter(), collections.Counter(), collections.Counter()
    kept, odd = [], os.path.join(arguments.work, "odd")
    for first in range(0, arguments.count, BATCH):
        root, cases = os.path.join(arguments.work, "data"), os.path.join(arguments.work, "data", "fuzz")
        shutil.rmtree(root, ignore_errors=True)
        os.makedirs(cases)
        for number in range(first, min(first + BATCH, arguments.count)):
            rng = np.random.default_rng([arguments.seed, number])
            graph, name = draw(rng, names, refused), f"test_{arguments.seed}_{number}"
            try:
                if graph:
                    write_case(graph, os.path.join(cases, name))
                    drawn.update(n.op_type for n in graph.nodes)
                else:
                    counts["refused by ONNX Runtime"] += 1
            except Exception as error:
                counts["refused by ONNX Runtime"] += 1
                refused["whole graph: " + str(error).splitlines()[0][:160]] += 1
                shutil.rmtree(os.path.join(cases, name), ignore_errors=True)
        good, said, unsupported = compare(arguments, root, arguments.work)
        counts["equal"] += len(good)
        for result, name, _, what in said:
            counts[{"wrong": "different"}.get(result, result)] += 1
            os.makedirs(odd, exist_ok=True)
            shutil.copytree(os.path.join(cases, name), os.path.join(odd, name), dirs_exist_ok=True)
            ops = " ".join(n.op_type for n in onnx.load(os.path.join(cases, name, "model.onnx")).graph.node)
            print(f"{result}: {name} ({ops}): {what}")
        for name, _, why in (row for row in unsupported):
            counts["refused by erc"] += 1
            reasons[re.sub(r"[0-9]+", "N", re.sub(r"'v?n?[0-9]+'", "'?'", why))] += 1
        if arguments.keep and len(kept) < int(arguments.keep[0]):
            store = os.path.join(arguments.work, "kept")
            for name in good[:int(arguments.keep[0]) - len(kept)]:
                shutil.copytree(os.path.join(cases, name), os.path.join(store, name), dirs_exist_ok=True)
                kept.append((os.path.join(store, name), name))
        print(f"  {min(first + BATCH, arguments.count)}: " + ", ".join(f"{v} {k}" for k, v in counts.items()), flush=True)
    if arguments.keep:
        keep(arguments.keep[1], kept)
    print("nodes drawn: " + " ".join(f"{n}:{drawn[n]}" for n in names))
    for title, table in (("refused by erc", reasons), ("refused by ONNX Runtime or not comparable", refused)):
        print(title)
        for why, count in table.most_common(60):
            print(f"  {count:5d} {why}")
    return 1 if counts["different"] + counts["crash"] + counts["hang"] else 0


if __name__ == "__main__":
    sys.exit(main())
