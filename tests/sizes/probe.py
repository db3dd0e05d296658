"""Which operators take dims that are known at run time only: the cases of ONNX's suite that pass, with Compress in front of one
input, or of all, along each axis. The outputs are still those of the suite. Writes cases of the conformance runner, and prints
what `erc check` refuses, by operator.

  probe.py ERC SUITE PASSING FOLDER [OPERATOR...]"""

import collections
import pathlib
import re
import subprocess
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

ERC, SUITE, PASSING, FOLDER = sys.argv[1], *map(pathlib.Path, sys.argv[2:5])
OPERATORS = set(sys.argv[5:])
PER_KIND = 2  # cases of an operator with inputs of equal ranks
RNG = np.random.default_rng(5)


def tensors(case, kind):
    files = sorted((case / "test_data_set_0").glob(f"{kind}_*.pb"), key=lambda f: int(f.stem.split("_")[1]))
    return [onnx.load_tensor(str(f)) for f in files]


def kinds_of_cases():
    """Single-node cases, a few of each operator and ranks of inputs."""
    seen = collections.Counter()
    for line in PASSING.read_text().split():
        case = SUITE / line
        if not line.startswith("node/") or "expanded" in line:
            continue
        model = onnx.load(str(case / "model.onnx"))
        if len(model.graph.node) != 1 or model.graph.initializer or any(not i.type.HasField("tensor_type") for i in model.graph.input):
            continue
        node = model.graph.node[0]
        if OPERATORS and node.op_type not in OPERATORS:
            continue
        kind = (node.op_type, tuple((i.name != "", len(i.type.tensor_type.shape.dim)) for i in model.graph.input))
        seen[kind] += 1
        if seen[kind] <= PER_KIND:
            yield case, model


def widened(array, axis):
    """The array with two more slices along the axis, and the mask that removes them."""
    count = array.shape[axis]
    mask = np.ones(count + 2, bool)
    mask[[1 if count else 0, count + 1]] = False
    wide = np.zeros(array.shape[:axis] + (count + 2,) + array.shape[axis + 1:], array.dtype)
    wide[(slice(None),) * axis + (mask,)] = array
    wide[(slice(None),) * axis + (~mask,)] = array.flat[0] if array.size else 0
    return wide, mask


def variant(model, inputs, places, name):
    """Compress along an axis in front of the inputs in `places`; the others become constants. Returns model and inputs."""
    graph = model.graph
    nodes, values, given, constants = [], [], [], []
    for info, tensor in zip(graph.input, inputs):
        if info.name not in places:
            constants.append(tensor)
            constants[-1].name = info.name
            continue
        axis = places[info.name]
        wide, mask = widened(numpy_helper.to_array(tensor), axis)
        nodes.append(helper.make_node("Compress", [f"{info.name}_wide", f"{info.name}_mask"], [info.name], axis=axis))
        for end, array in (("wide", wide), ("mask", mask)):
            values.append(helper.make_tensor_value_info(f"{info.name}_{end}", helper.np_dtype_to_tensor_dtype(array.dtype), array.shape))
            given.append(numpy_helper.from_array(array, f"{info.name}_{end}"))
    results = [onnx.ValueInfoProto(name=o.name) for o in graph.output]
    new = helper.make_graph([*nodes, *graph.node], name, values, results, constants)
    opsets = [helper.make_opsetid(o.domain, max(o.version, 9) if not o.domain else o.version) for o in model.opset_import]
    return helper.make_model(new, opset_imports=opsets, ir_version=max(model.ir_version, 7)), given


def variants(case, model):
    inputs = tensors(case, "input")
    if len(inputs) != len(model.graph.input):
        return
    usable = {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64, onnx.TensorProto.INT32, onnx.TensorProto.BOOL, onnx.TensorProto.DOUBLE,
              onnx.TensorProto.UINT8, onnx.TensorProto.INT8}
    ranked = [(i.name, len(t.dims)) for i, t in zip(model.graph.input, inputs) if len(t.dims) and t.data_type in usable]
    for name, rank in ranked:
        for axis in range(rank):
            yield f"{case.name}-{name}-{axis}", (name, axis), variant(model, inputs, {name: axis}, case.name)
    if len(ranked) > 1:
        for axis in range(max(rank for _, rank in ranked)):
            places = {name: axis for name, rank in ranked if axis < rank}
            if len(places) > 1:
                yield f"{case.name}-all-{axis}", ("all", axis), variant(model, inputs, places, case.name)


def main():
    refused, accepted, words = collections.Counter(), collections.Counter(), {}
    cases = []
    for case, model in kinds_of_cases():
        operator = model.graph.node[0].op_type
        for title, where, (changed, given) in variants(case, model):
            folder = FOLDER / "data" / "probe" / re.sub(r"[^\w-]", "_", title)
            (folder / "test_data_set_0").mkdir(parents=True, exist_ok=True)
            onnx.save(changed, str(folder / "model.onnx"))
            for i, tensor in enumerate(given):
                onnx.save_tensor(tensor, str(folder / "test_data_set_0" / f"input_{i}.pb"))
            for i, tensor in enumerate(tensors(case, "output")):
                onnx.save_tensor(tensor, str(folder / "test_data_set_0" / f"output_{i}.pb"))
            run = subprocess.run([ERC, "check", str(folder / "model.onnx"), "--target", "sim:epyc-64"], capture_output=True, text=True)
            if run.returncode == 0:
                accepted[operator] += 1
                cases.append(f"probe/{folder.name}")
                continue
            refused[operator] += 1
            lines = [line for line in run.stderr.splitlines() if line.startswith("error")] or ["?"]
            words.setdefault(operator, []).append(f"{title}: {lines[0]}")
    (FOLDER / "list.txt").write_text("\n".join(cases) + "\n")
    for operator in sorted(refused):
        print(f"{operator}: {refused[operator]} refused, {accepted[operator]} taken")
        for line in words[operator]:
            print(f"    {line}")
    print(f"{sum(accepted.values())} taken, {sum(refused.values())} refused; {sum(1 for o in refused if not accepted[o])} operators with none taken")


main()
