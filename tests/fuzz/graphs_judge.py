"""What a difference means: which nodes differ when they are alone, whether it is known why (graphs_explained.py), and
whether the result is determined at all with rounded arithmetic."""

import os
import re
import shutil
import subprocess

import numpy as np
import onnx
from onnx import numpy_helper


from graphs_draw import Refused, write_files
from graphs_explained import EXPLAINED, LIMITS, Difference
from graphs_ops import F16

# Operators that round only their result, or nothing at all. The others also round on the way.
EXACT = set("""Identity Reshape Flatten Squeeze Unsqueeze Transpose Expand Tile Slice Split Concat Shape Size ConstantOfShape
    EyeLike Range Pad DepthToSpace SpaceToDepth CenterCropPad Trilu ReverseSequence Gather GatherElements GatherND OneHot Where
    Equal Less Greater LessOrEqual GreaterOrEqual Not And Or Xor IsNaN IsInf Sign Floor Ceil Round Neg Abs Relu Max Min Clip
    ArgMax ArgMin TopK MaxPool ReduceMax ReduceMin GlobalMaxPool NonZero Compress Unique Cast CastLike Dropout Hardmax Mod
    ThresholdedRelu""".split())
ROUNDED_ONCE = set("Add Sub Mul Div Sqrt Reciprocal LeakyRelu PRelu Shrink".split())
WINDOWS = set("BlackmanWindow HammingWindow HannWindow".split()) # sums of cosines that may cancel: errors relative to 1
RUNS = 8


def category(graph):
    return "half" if any(a.dtype.type is F16 for a in graph.values.values()) else "fuzz"


def noise(rng, array, units):
    """The array with random errors of that many units in the last place."""
    if array.dtype.kind != "f":
        return array
    with np.errstate(all="ignore"):
        step = np.abs(array) - np.nextafter(np.abs(array), np.asarray(0, array.dtype))
        return np.asarray(array + (step * rng.uniform(-units, units, array.shape)).astype(array.dtype))


def rounded_otherwise(graph, outputs, rng):
    """The outputs if each node's results are rounded in another way."""
    changed = {}
    for node in graph.nodes:
        here = {n: changed.get(n, graph.values[n]) for n in node.input if n}
        exact = node.op_type in EXACT
        if not exact and node.op_type not in ROUNDED_ONCE:
            here = {n: noise(rng, a, 2) for n, a in here.items() if n not in graph.constants}
        results = graph.compute(node, here)
        for name, array in zip((n for n in node.output if n), results):
            changed[name] = array if exact else noise(rng, np.asarray(array), 4)
            if node.op_type in WINDOWS:
                changed[name] = changed[name] + rng.uniform(-1e-7, 1e-7, array.shape).astype(array.dtype)
    return [changed[n] for n in outputs]


def is_rounding(graph, outputs, expected, actual):
    """Whether rounding can make the difference: elements that change as much when values are rounded otherwise."""
    rng = np.random.default_rng(1)
    try:
        runs = [rounded_otherwise(graph, outputs, rng) for _ in range(RUNS)]
    except Refused:
        return False
    rtol, atol = LIMITS[category(graph)]
    for i, (want, have) in enumerate(zip(expected, actual)):
        if want.shape != have.shape or any(run[i].shape != want.shape for run in runs):
            return False
        others = [run[i].astype(np.float64) for run in runs]
        want, have = want.astype(np.float64), have.astype(np.float64)
        with np.errstate(all="ignore"):
            spread = np.max([np.where(np.isfinite(o) & np.isfinite(want), np.abs(o - want), 0) for o in others], axis=0, initial=0)
            near = np.abs(have - want) <= atol + rtol * np.abs(want) + 4 * spread
            finite = np.isfinite(have) & np.isfinite(want)
            known = np.any([(np.isnan(o) & np.isnan(have)) | (o == have) | (np.isfinite(o) & np.isfinite(have)) for o in others + [want]], axis=0)
        if not np.all(np.where(finite, near, known)):
            return False
    return True


class Judge:
    def __init__(self, erc, work, jobs):
        self.erc, self.work, self.jobs = erc, work, jobs

    def conformance(self, root):
        """Runs the cases below `root`. Returns the names of the equal ones; (result, name, operator, message) of the
        wrong ones; and what erc refuses."""
        good, said, unsupported = [], [], []
        for kind, (rtol, atol) in LIMITS.items():
            if not os.path.isdir(os.path.join(root, kind)):
                continue
            passing = os.path.join(self.work, "passing.txt")
            command = [os.path.join(self.erc, "conformance"), "--data", root, "--work", self.work, "--write-list", passing, "--limit", "60",
                       "--match", f"{kind}/*", "--rtol", repr(rtol), "--atol", repr(atol), "--jobs", str(self.jobs), "--batch", "50"]
            text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
            said += re.findall(rf"^(wrong|crash|hang): {kind}/(\S+) \((\S+)\): (.*)$", text, re.M)
            with open(os.path.join(self.work, "unsupported.txt"), encoding="utf-8") as file:
                unsupported += [line.rstrip("\n").split("\t") for line in file]
            with open(passing, encoding="utf-8") as file:
                good += [line.strip().split("/")[1] for line in file if not line.startswith("#")]
        return good, said, unsupported

    def differing_nodes(self, graphs):
        """The nodes of each graph that differ on the expected operands: {name: [(number, message)]}."""
        root = os.path.join(self.work, "nodes")
        shutil.rmtree(root, ignore_errors=True)
        for name, graph in graphs.items():
            for i, node in enumerate(graph.nodes):
                given = [n for n in dict.fromkeys(node.input) if n]
                constants = [n for n in given if n in graph.constants]
                feeds = {n: graph.values[n] for n in given if n not in constants}
                outputs = [n for n in node.output if n]
                model = graph.model([node], feeds, constants, [onnx.helper.make_tensor_value_info(
                    n, onnx.helper.np_dtype_to_tensor_dtype(graph.values[n].dtype), graph.values[n].shape) for n in outputs])
                write_files(os.path.join(root, category(graph), f"{name}_node{i}"), model, feeds.values(), [graph.values[n] for n in outputs])
        found = {name: [] for name in graphs}
        for _, case, _, what in self.conformance(root)[1]:
            name, number = case.rsplit("_node", 1)
            found[name].append((int(number), what))
        return found

    def run(self, folder):
        """The outputs of erc for a case."""
        model = onnx.load(os.path.join(folder, "model.onnx"))
        artifact = os.path.join(self.work, "one.erca")
        defaults = {t.name for t in model.graph.initializer}
        names = [v.name for v in model.graph.input if v.name not in defaults]
        command = [os.path.join(self.erc, "erc"), "run", artifact, "--quiet", "--workers", "1"]
        for i, name in enumerate(names):
            tensor = onnx.TensorProto()
            with open(os.path.join(folder, "test_data_set_0", f"input_{i}.pb"), "rb") as file:
                tensor.ParseFromString(file.read())
            path = os.path.join(self.work, f"in{i}.npy")
            np.save(path, numpy_helper.to_array(tensor))
            command += ["--input", f"{name}=@{path}"]
        paths = []
        for i, output in enumerate(model.graph.output):
            paths.append(os.path.join(self.work, f"out{i}.npy"))
            command += ["--output", f"{output.name}=@{paths[-1]}"]
        subprocess.run([os.path.join(self.erc, "erc"), "compile", os.path.join(folder, "model.onnx"), "-o", artifact, "--target", "native", "--quiet"], check=True, capture_output=True)
        subprocess.run(command, check=True, capture_output=True)
        return [n.name for n in model.graph.output], [np.load(p) for p in paths]

    def explain(self, graph, name, number):
        node = graph.nodes[number]
        rows = [row for row in EXPLAINED if node.op_type in row[0].split()]
        if not rows:
            return None
        have = self.run(os.path.join(self.work, "nodes", category(graph), f"{name}_node{number}"))[1]
        difference = Difference(graph, node, have)
        return next((reason for _, applies, reason in rows if applies(difference)), None)

    def judge(self, graph, name, folder, nodes):
        """(verdict, reason): "explained", "rounding", or "different"."""
        try:
            reasons = [self.explain(graph, name, number) for number, _ in nodes]
            if nodes and all(reasons):
                return "explained", reasons[0]
            outputs, actual = self.run(folder)
            if is_rounding(graph, outputs, [graph.values[n] for n in outputs], actual):
                return "rounding", ""
        except Exception as error:
            return "different", f"{type(error).__name__}: {error}"
        alone = "; ".join(f"{graph.nodes[n].op_type} alone: {what}" for n, what in nodes)
        return "different", alone or "only as a whole"
