"""Random graphs: the traits that a graph may have, its values, and its nodes, each of which ONNX Runtime computes when it
is added. graphs_ops.py and graphs_layers.py say how each operator's node is made."""

import os
import re

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from graphs_ops import ALL, F16, F32, F64, FLOATS, I8, I16, I32, I64, MAKERS, NUMBERS, U8, U16, U32, U64

OPTIONS = onnxruntime.SessionOptions()
OPTIONS.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
OPTIONS.log_severity_level = 4
OPTIONS.intra_op_num_threads = 1
onnxruntime.set_default_logger_severity(4)

# What makes a graph unusual, and how often.
TRAITS = {
    "empty": .12,  # some dims are 0
    "special": .25,  # NaN, infinities, -0, subnormal numbers and extremes among the elements
    "mixed": .35,  # all integer types, f64 and f16, and many Casts
    "old": .35,  # an opset from 7 on; otherwise from 13 on
    "shuffled": .3,  # erc gets the nodes in random order, ONNX Runtime in a sorted one
    "defaults": .15,  # some initializers are inputs, too
    "constants": .1,  # some initializers are Constant nodes
    "repeated": .2,  # some nodes are there twice, with the same inputs
    "unused": .2,  # some results are no outputs of the graph, although no node uses them
    "outputs": .2,  # many results are outputs of the graph, although nodes use them
    "ranks": .15,  # up to 8
    "long": .12,  # 7 to 14 nodes instead of 1 to 6
    "sizes": .06,  # begins with a node whose output's shape depends on data
}
MAX_VALUE = 1e4
NEWEST = onnx.defs.onnx_opset_version()
# ONNX Runtime computes with newer opsets, too, but promises nothing.
NEWEST_REFERENCE = 25
# Types that a graph with mixed types also draws where an operator takes many.
WIDER = {FLOATS: (F64, F16), NUMBERS: (F64, F16, I8, I16, I32, I64, U8, U16, U32, U64), ALL: (F64, F16, I8, I16, I32, I64, U8, U16, U32, U64, np.bool_)}
# What an input is called that was an attribute of another name once.
ATTRIBUTE_NAMES = {"constant_value": "value", "K": "k"}


class Refused(Exception):
    """ONNX Runtime rejects the node, or its results cannot be compared."""


def run_reference(model, feeds):
    return onnxruntime.InferenceSession(model.SerializeToString(), OPTIONS, providers=["CPUExecutionProvider"]).run(None, feeds)


def info(name, array):
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def specials(dtype):
    if dtype.kind == "f":
        limits = np.finfo(dtype)
        return [np.nan, np.inf, -np.inf, -0.0, 0.0, limits.smallest_subnormal, -limits.smallest_subnormal, limits.tiny, limits.max, -limits.max, 1, -1, .5, -2.5]
    limits = np.iinfo(dtype)
    return [limits.min, limits.max, limits.max - 1, limits.min + 1, 0, 1]


class Graph:
    def __init__(self, rng, opset, traits):
        self.rng, self.opset, self.traits = rng, opset, traits
        self.nodes, self.values, self.exact = [], {}, {}
        self.inputs, self.constants, self.used, self.last = [], [], set(), []
        # The float type of operators that take f32 before all.
        self.real = F32
        if "mixed" in traits and self.chance(.35):
            self.real = F16 if self.chance(.5) else F64

    # -- drawing --

    def chance(self, p):
        return self.rng.random() < p

    def dims(self, count, low=1, high=7):
        return [int(v) for v in self.rng.integers(low, high + 1, count)]

    def size(self, low=1, high=7):
        """A dim that may be 0."""
        return 0 if "empty" in self.traits and self.chance(.2) else int(self.rng.integers(low, high + 1))

    def dtype(self, name):
        return self.values[name].dtype

    def shape(self, name):
        return self.values[name].shape

    def axis(self, name, negative=False):
        rank = len(self.shape(name))
        return int(self.rng.integers(-rank if negative and self.chance(.4) else 0, rank))

    def random(self, shape, dtype, low=-3, high=3, plain=False):
        dtype = np.dtype(dtype)
        if dtype.kind == "b":
            return self.rng.integers(0, 2, shape).astype(dtype)
        if dtype.kind in "iu":
            bottom = max(int(np.floor(low)), 0) if dtype.kind == "u" else int(np.floor(low))
            array = self.rng.integers(bottom, max(int(high), bottom) + 1, shape).astype(dtype)
        else:
            array = np.asarray(self.rng.uniform(low, high, shape)).astype(dtype)
        if not plain and "special" in self.traits and self.chance(.5):
            table = np.array(specials(dtype), dtype)
            array = np.where(self.rng.random(shape) < .2, self.rng.choice(table, shape), array)
        return np.asarray(array, dtype)

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

    def kind(self, dtype):
        return self.real if dtype is F32 else dtype

    def fresh(self, shape, dtype, low=-3, high=3, constant=None, scale=1, plain=False):
        array = self.random([int(d) for d in shape], self.kind(dtype), low, high, plain)
        if scale > 1 and array.dtype.kind == "f":
            array = (array / np.sqrt(scale)).astype(array.dtype)
        return self.value(array, self.chance(.25) if constant is None else constant)

    def pick(self, types, rank=None, min_rank=0, max_rank=None, min_dim=1, low=-4, high=4, exact=False, inside=False, only_old=False):
        """A suitable value: a computed one if there is one, else a new input."""
        if "mixed" in self.traits:
            types = types + WIDER.get(types, ())
        types = tuple(self.kind(t) for t in types)
        wide, empty = "ranks" in self.traits, "empty" in self.traits and min_dim == 1
        if max_rank is None:
            max_rank = 8 if wide else 5

        def suits(name):
            a = self.values[name]
            if name in self.constants or a.dtype.type not in types or (exact and not self.exact[name]):
                return False
            if rank is not None and a.ndim != rank or not min_rank <= a.ndim <= max_rank or (a.size == 0 and not empty) or a.size > 20000:
                return False
            if a.size and any(d < min_dim for d in a.shape[1:] or a.shape):
                return False
            return not inside or a.dtype.kind == "b" or a.size == 0 or bool(a.min() >= low and a.max() <= high)
        found = [n for n in self.values if suits(n)]
        if found and (only_old or self.chance(.75)):
            return found[-1] if self.chance(.6) else str(self.rng.choice(found))
        if only_old:
            return None
        ranks = [r for r in (1, 2, 2, 3, 3, 4, 4, 0, 5) + ((6, 7, 8, 8) if wide else ()) if min_rank <= r <= max_rank]
        r = rank if rank is not None else int(self.rng.choice(ranks))
        high_dim = 3 if r > 5 else 33 if self.chance(.25) and r <= 3 else 7
        dims = self.dims(r, min_dim, max(high_dim, min_dim))
        if empty and r and self.chance(.4):
            dims[self.rng.integers(r)] = 0
        return self.fresh(dims, self.rng.choice(types), low, high, constant=False)

    def like(self, name, low=-3, high=3, nonzero=False, one_way=False, exact=False, plain=False):
        """An operand that broadcasts with a value: it has the same shape, or some dims are 1, or leading dims are
        missing."""
        shape = list(self.shape(name))
        same = [n for n in self.values if self.shape(n) == tuple(shape) and self.dtype(n) == self.dtype(name)]
        if not nonzero and not one_way and not plain and self.chance(.3) and not exact:
            return str(self.rng.choice(same))
        if self.chance(.5):
            shape = [1 if self.chance(.4) else d for d in shape]
            shape = shape[self.rng.integers(0, len(shape) + 1):]
        elif not one_way and len(shape) < 8 and self.chance(.2):
            shape = [self.size(1, 3)] + shape
        # Integers may not be divided by 0, nor the lowest one by -1.
        array = self.random(shape, self.dtype(name), low, high, plain or nonzero and self.dtype(name).kind in "iu")
        if nonzero:
            array = np.where(np.abs(array) < .4, array + np.asarray(1, array.dtype), array).astype(array.dtype)
        return self.value(np.asarray(array), self.chance(.3))

    # -- nodes --

    def form(self, op, inputs, attributes):
        """Turns a node's newest form into that of the graph's opset: inputs become attributes, and what it lacks is left
        out where that is the default."""
        inputs, attributes = list(inputs), dict(attributes)
        try:
            schema = onnx.defs.get_schema(op, self.opset)
        except onnx.defs.SchemaError as error:
            raise Refused(f"{op}: not in this opset") from error
        if schema.deprecated:
            raise Refused(f"{op}: not in this opset")
        newest = onnx.defs.get_schema(op)
        for i in range(len(inputs) - 1, 0, -1):
            if newest.deprecated or i >= len(newest.inputs):
                continue
            name = ATTRIBUTE_NAMES.get(newest.inputs[i].name, newest.inputs[i].name)
            if name in schema.attributes:
                if inputs[i] and inputs[i] not in self.constants:
                    raise Refused(f"{op}: input {name} is an attribute in this opset")
                if inputs[i]:
                    attributes[name] = [v.item() for v in self.values[inputs[i]].reshape(-1)]
                    if schema.attributes[name].type in (onnx.defs.OpSchema.AttrType.INT, onnx.defs.OpSchema.AttrType.FLOAT):
                        attributes[name] = attributes[name][0]
                    if schema.attributes[name].type == onnx.defs.OpSchema.AttrType.FLOAT:
                        attributes[name] = float(attributes[name])
                del inputs[i]
        if op == "Slice" and self.opset < 10 and len(inputs) > 1 and np.any(self.values[inputs.pop()] != 1):
            raise Refused("Slice: no steps in this opset")
        return inputs, {k: v for k, v in attributes.items() if k in schema.attributes}

    def emit(self, op, inputs, attributes, outputs=1, move=False):
        """Adds a node and computes it. `move`: the outputs are elements of the inputs, unchanged."""
        inputs, attributes = self.form(op, inputs, attributes)
        names = [f"v{len(self.values) + i}" for i in range(outputs)]
        node = helper.make_node(op, inputs, names, name=f"n{len(self.nodes)}")
        for key, value in attributes.items():
            node.attribute.append(helper.make_attribute(key, numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value))
        given = [n for n in dict.fromkeys(inputs) if n]
        results = self.compute(node)
        for a in results:
            if not isinstance(a, np.ndarray) or a.size > 50000:
                raise Refused(f"{op}: values that suit no comparison")
            odd = a.dtype.kind == "f" and not (np.isfinite(a).all() and np.abs(a).max(initial=0) < MAX_VALUE)
            if odd and "special" not in self.traits:
                raise Refused(f"{op}: values that suit no comparison")
        exact = all(self.exact[n] for n in given) and move
        for a in results:
            self.add(a, exact or a.dtype.kind not in "f")
        self.nodes.append(node)
        self.used.update(given)
        self.last = names
        if "repeated" in self.traits and self.chance(.35):
            again = onnx.NodeProto()
            again.CopyFrom(node)
            again.name = f"n{len(self.nodes)}"
            again.output[:] = [self.add(a, exact or a.dtype.kind not in "f") for a in results]
            self.nodes.append(again)
        return names[0]

    def compute(self, node, changed=None):
        """The outputs of one node. `changed`: values to take instead of the graph's own, also of constants."""
        given = [n for n in dict.fromkeys(node.input) if n]
        constants = [n for n in given if n in self.constants and n not in (changed or {})]
        values = {**self.values, **(changed or {})}
        feeds = {n: values[n] for n in given if n not in constants}
        model = self.model([node], feeds, constants, [helper.make_empty_tensor_value_info(n) for n in node.output if n])
        try:
            return run_reference(model, feeds)
        except Exception as error:
            raise Refused(f"{node.op_type}: {str(error).splitlines()[0][:160]}") from error

    def model(self, nodes, feeds, constants, outputs, ir_version=10):
        initializers = [numpy_helper.from_array(self.values[n], n) for n in constants]
        graph = helper.make_graph(nodes, "g", [info(n, a) for n, a in feeds.items()], outputs, initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=ir_version)


def draw(rng, names, refused):
    """`names`: the first opset of each operator."""
    traits = {t for t, p in TRAITS.items() if rng.random() < p}
    first = str(rng.choice(list(names)))
    top = {"Upsample": 9, "Scatter": 10}.get(first, min(NEWEST, NEWEST_REFERENCE))
    if top < 13:
        traits.add("old")
    low = max(7 if "old" in traits else 13, names[first])
    graph = Graph(rng, int(rng.integers(min(low, top), top + 1)), traits)
    count = int(rng.integers(7, 15)) if "long" in traits else int(rng.choice([1, 1, 2, 3, 4, 5, 6]))
    known = [n for n in names if names[n] <= graph.opset]
    for i in range(count):
        op = first if i == 0 else str(rng.choice(known))
        if i == 0 and "sizes" in traits:
            op = str(rng.choice(["NonZero", "Compress", "Unique"]))
        elif "mixed" in traits and i and rng.random() < .3:
            op = "Cast"
        kept = len(graph.nodes)
        try:
            MAKERS[op](graph, op)
        except Refused as why:
            refused[re.sub(r"[0-9]+", "N", str(why))] += 1
        except (ValueError, IndexError, OverflowError, KeyError, TypeError) as why:
            if len(graph.nodes) == kept and not os.environ.get("STRICT"):
                refused[f"{op}: no such node: {why}"[:120]] += 1
            else:
                raise
    return graph if graph.nodes else None


def whole_model(graph, outputs):
    """The model with the traits that concern only how it is written. Its nodes are sorted."""
    feeds = {n: graph.values[n] for n in graph.inputs if n in graph.used}
    constants = [n for n in graph.constants if n in graph.used]
    nodes = list(graph.nodes)
    if "constants" in graph.traits:
        for name in [n for n in constants if graph.chance(.5)]:
            constants.remove(name)
            nodes.insert(0, helper.make_node("Constant", [], [name], name=f"c{name}", value=numpy_helper.from_array(graph.values[name], name)))
    ir_version = int(graph.rng.choice([4, 7, 10])) if "old" in graph.traits else 10
    model = graph.model(nodes, feeds, constants, [info(n, graph.values[n]) for n in outputs], ir_version)
    if "defaults" in graph.traits:
        for name in [n for n in constants if graph.chance(.5)]:
            model.graph.input.insert(int(graph.rng.integers(0, len(model.graph.input) + 1)), info(name, graph.values[name]))
    return model, feeds


def choose_outputs(graph):
    made = [o for n in graph.nodes for o in n.output if o]
    outputs = [n for n in made if n not in graph.used] or made[-1:]
    if "unused" in graph.traits:
        outputs = [n for n in outputs if graph.chance(.5)] or outputs[-1:]
    share = .5 if "outputs" in graph.traits else .1
    return outputs + [n for n in made if n in graph.used and n not in outputs and graph.chance(share)]


def write_case(graph, folder):
    """Computes the whole model again at once; these are the expected values."""
    model, feeds = whole_model(graph, choose_outputs(graph))
    results = run_reference(model, feeds)
    if "shuffled" in graph.traits:
        nodes = [model.graph.node[i] for i in graph.rng.permutation(len(model.graph.node))]
        del model.graph.node[:]
        model.graph.node.extend(nodes)
    write_files(folder, model, feeds.values(), results)


def write_files(folder, model, inputs, outputs):
    data = os.path.join(folder, "test_data_set_0")
    os.makedirs(data)
    with open(os.path.join(folder, "model.onnx"), "wb") as file:
        file.write(model.SerializeToString())
    for kind, arrays in (("input", inputs), ("output", outputs)):
        for i, a in enumerate(arrays):
            with open(os.path.join(data, f"{kind}_{i}.pb"), "wb") as file:
                file.write(numpy_helper.from_array(np.asarray(a)).SerializeToString())
