#!/usr/bin/env python3
"""Writes tests/ops/cases/f64.txt: the examples of examples.txt with f64 in place of f32, where the operator's schema
allows it, and what ONNX's reference implementation computes of them. Needs the Python packages onnx and numpy.

    tests/ops/f64.py > tests/ops/cases/f64.txt
"""
import math
import re
import sys

import numpy
import onnx
from onnx import TensorProto, defs, helper
from onnx.reference import ReferenceEvaluator

TYPES = {"f32": TensorProto.FLOAT, "f64": TensorProto.DOUBLE, "i64": TensorProto.INT64, "i32": TensorProto.INT32,
         "bool": TensorProto.BOOL, "u8": TensorProto.UINT8}
# Ranges of operators that are not defined, or too large, for all numbers from -2 to 2.
RANGES = {"Log": (0.1, 3), "Sqrt": (0.1, 3), "Reciprocal": (0.1, 3), "Asin": (-0.9, 0.9), "Acos": (-0.9, 0.9),
          "Atanh": (-0.9, 0.9), "Acosh": (1.1, 4), "Pow": (0.1, 2), "ReduceLogSum": (0.1, 3), "Mod": (0.5, 4),
          "BatchNormalization": (0.1, 3), "NegativeLogLikelihoodLoss": (0.1, 3), "GlobalLpPool": (0.1, 2),
          "LpPool": (0.1, 2), "RoiAlign": (0.1, 3), "MaxRoiPool": (0, 1)}
# Random numbers, operators that only move bits, and results whose size the data decides.
LEFT_OUT = {"Multinomial", "Bernoulli", "RandomUniformLike", "RandomNormalLike", "Dropout", "BitCast", "NonZero"}


def global_lp_pool(x, p=2):
    return (abs(x) ** p).sum(axis=tuple(range(2, x.ndim)), keepdims=True) ** (1 / p)


def mean_variance(x, axes=(0, 2, 3)):
    mean = x.mean(axis=tuple(axes), keepdims=True)
    return (x - mean) / (((x - mean) ** 2).mean(axis=tuple(axes), keepdims=True) ** 0.5 + 1e-9)


def local_response(x, alpha, beta, bias, size):
    squares = numpy.pad(x * x, [(0, 0), ((size - 1) // 2, size // 2), (0, 0), (0, 0)])
    total = sum(squares[:, k:k + x.shape[1]] for k in range(size))
    alpha, beta, bias = (float(numpy.float32(value)) for value in (alpha, beta, bias))
    return x / (bias + alpha / size * total) ** beta


def affine_grid(theta, size, align_corners=0):
    height, width = size[2:]
    corners = [numpy.arange(n) * 2 / (n - 1) - 1 for n in (width, height)]
    centres = [(2 * numpy.arange(n) + 1) / n - 1 for n in (width, height)]
    x, y = numpy.meshgrid(*(corners if align_corners else centres))
    return numpy.stack([x, y, numpy.ones_like(x)], axis=-1)[None] @ theta.transpose(0, 2, 1)[:, None]


def max_roi_pool(x, rois, pooled_shape, spatial_scale):
    found = numpy.zeros((len(rois), x.shape[1], *pooled_shape))
    for region, (image, *corners) in enumerate(rois):
        left, top, right, bottom = (int(numpy.sign(c) * numpy.floor(abs(c) + 0.5))
                                    for c in numpy.array(corners) * spatial_scale)
        high, wide = ((max(end - start + 1, 1) / count) for start, end, count in
                      ((top, bottom, pooled_shape[0]), (left, right, pooled_shape[1])))
        for row, column in numpy.ndindex(*pooled_shape):
            part = x[int(image), :, max(math.floor(row * high) + top, 0):max(math.ceil((row + 1) * high) + top, 0),
                     max(math.floor(column * wide) + left, 0):max(math.ceil((column + 1) * wide) + left, 0)]
            found[region, :, row, column] = part.max(axis=(1, 2)) if part.size else 0
    return found


# What the reference does not compute in f64.
FORMULAS = {"AffineGrid": affine_grid, "Erf": numpy.vectorize(math.erf), "LRN": local_response, "MaxRoiPool": max_roi_pool,
            "Gelu": lambda x, approximate: x / 2 * (1 + numpy.tanh((2 / math.pi) ** 0.5 * (x + 0.044715 * x ** 3))),
            "HardSwish": lambda x: x * numpy.clip(x / 6 + 0.5, 0, 1),
            "GlobalLpPool": global_lp_pool, "MeanVarianceNormalization": mean_variance}

# Operators whose examples have what the reference does not know, or computes in f32.
MORE = """
== ConvTranspose@11
input x:f32[1x2x3x3]
input w:f32[2x3x3x3]
y = OP(x, w) {strides=[2, 2], pads=[1, 1, 1, 1]} "n"

== RNN@14
input x:f32[3x2x4]
input w:f32[1x3x4]
input r:f32[1x3x3]
input b:f32[1x6]
y, h = OP(x, w, r, b) {hidden_size=3} "n"

== Resize@20
input x:f32[1x2x4x4]
const s:f32[4] = {1, 1, 2, 2}
y = OP(x, _, s) {mode="cubic"} "n"

== GRU@14
input x:f32[3x2x4]
input w:f32[1x15x4]
input r:f32[1x15x5]
input b:f32[1x30]
y, z = OP(x, w, r, b) {hidden_size=5, linear_before_reset=1} "n"

== LSTM@14
input x:f32[3x2x4]
input w:f32[1x20x4]
input r:f32[1x20x5]
input b:f32[1x40]
y, z, d = OP(x, w, r, b) {hidden_size=5} "n"

== LpPool@18
input x:f32[1x3x6x6]
y = OP(x) {kernel_shape=[2, 2], strides=[2, 2], p=3} "n"

== GridSample@22
input x:f32[1x2x4x4]
input g:f32[1x3x3x2]
y = OP(x, g) {align_corners=1, mode="linear", padding_mode="border"} "n"

== GroupNormalization@21
input x:f32[2x4x3]
input s:f32[4]
input b:f32[4]
y = OP(x, s, b) {num_groups=2, stash_type=11} "n"

== Celu@28
input x:f32[2x3]
y = OP(x) {alpha=0.25} "n"

== Equal@13
input x:f32[2x3]
input b:f32[3]
y = OP(x, b) "n"
"""


def blocks(text):
    """(operator, opset, lines) of each example."""
    heads, body = [], []
    for line in text.split("\n") + ["== "]:
        if line.startswith("== "):
            if body:
                yield from ((op, int(opset), body) for op, opset in heads)
                heads, body = [], []
            heads += re.findall(r"(\w+)@(\d+)", line)
        elif line and not line.startswith("#"):
            body.append(line)


def attributes(text):
    found = {}
    for name, value in re.findall(r"(\w+)=(\[[^]]*\]|\"[^\"]*\"|[-\w.]+)", text or ""):
        value = value.strip('"') if value[0] == '"' else eval(value)  # numbers and lists of our own file
        found[name] = value
    return found


def shape_of(text):
    return [int(dim) for dim in text.split("x")] if text else []


class Example:
    def __init__(self, op, opset, lines):
        self.op, self.opset, self.lines = op, opset, lines
        self.schema = defs.get_schema(op, max_inclusive_version=opset, domain="")
        calls = [line for line in lines if re.search(r"\w+\(", line) and " = " in line and not line.startswith("const")]
        match = re.fullmatch(r'([\w, ]+) = OP\(([^)]*)\)(?: \{(.*)\})? "n"', calls[0]) if len(calls) == 1 else None
        if not match:
            raise ValueError("more than one node")
        self.out = match[1].split(", ")
        self.inputs = [name for name in match[2].split(", ") if name]
        self.attrs = attributes(match[3])

    def double(self, slot, formals=None):
        formals = formals or self.schema.inputs
        formal = formals[min(slot, len(formals) - 1)]
        allowed = [c.allowed_type_strs for c in self.schema.type_constraints if c.type_param_str == formal.type_str]
        return bool(allowed) and "tensor(double)" in allowed[0]

    def output(self, slot, value):
        """In f32, where the schema does not allow f64: the reference keeps f64."""
        value = numpy.asarray(value)
        narrow = value.dtype == numpy.float64 and not self.double(slot, self.schema.outputs)
        return value.astype(numpy.float32) if narrow else value

    def values(self):
        """The lines of inputs and constants in f64, and the value of each."""
        rng = numpy.random.default_rng(len(self.op))
        lines, values, changed = [], {}, False
        for line in self.lines:
            match = re.fullmatch(r"(input|const) (\w+):(\w+)\[([\dx]*)\](?: = (.*))?", line)
            if not match:
                continue
            kind, name, dtype, dims, data = match.groups()
            shape = shape_of(dims)
            wide = dtype == "f32" and name in self.inputs and self.double(self.inputs.index(name))
            changed |= wide
            np_type = helper.tensor_dtype_to_np_dtype(TYPES["f64" if wide else dtype])
            if kind == "input" and dtype == "f32":
                low, high = RANGES.get(self.op, (-2, 2))
                value = (rng.integers(int(low * 64), int(high * 64) + 1, shape) / 64).astype(np_type)
            elif kind == "input":
                value = rng.integers(0, 1 if self.op == "RoiAlign" else 2, shape).astype(np_type)
            elif data.startswith("splat"):
                value = numpy.full(shape, eval(data[6:-1]), np_type)
            else:
                value = numpy.array(eval("[" + data[1:-1] + "]"), np_type).reshape(shape)
            lines.append(line.replace(":f32", ":f64") if wide else line)
            values[name] = (kind, value)
        if not changed:
            raise ValueError("no input may be f64")
        return lines, values


def text_of(name, value):
    dtype = {"float64": "f64", "float32": "f32", "int64": "i64", "int32": "i32", "bool": "bool", "uint8": "u8"}
    items = ", ".join(repr(float(v)) if value.dtype.kind == "f" else str(int(v)) for v in value.flat)
    return f"{name}:{dtype[str(value.dtype)]}[{'x'.join(map(str, value.shape))}] = {{{items}}}"


def case(example):
    lines, values = example.values()
    inputs = [name if name != "_" else "" for name in example.inputs]
    node = helper.make_node(example.op, inputs, example.out, **example.attrs)
    info = [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
            for name, (_, v) in values.items()]
    outputs = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in example.out]
    model = helper.make_model(helper.make_graph([node], "g", info, outputs),
                              opset_imports=[helper.make_opsetid("", example.opset)])
    feeds = {name: v for name, (_, v) in values.items()}
    if example.op in FORMULAS:
        found = [FORMULAS[example.op](*feeds.values(), **example.attrs)]
    else:
        found = ReferenceEvaluator(model).run(None, feeds)
    call = [line for line in example.lines if "= OP(" in line][0].replace("OP(", example.op + "(")
    graph = [f'graph "f64" opset={example.opset}', *lines, call, *(f"output {name}" for name in example.out)]
    given = [f"given {text_of(n, v)}" for n, (kind, v) in values.items() if kind == "input"]
    want = [f"want {text_of(name, example.output(i, value))}" for i, (name, value) in enumerate(zip(example.out, found))]
    return "\n".join([f"== {example.op}@{example.opset} in f64", *graph, *given, *want, "within 1e-12"])


def main():
    print("# Operators in f64, as ONNX's reference implementation computes them. Written by tests/ops/f64.py.")
    done = set()
    for op, opset, lines in sorted(blocks(MORE + open("tests/ops/examples.txt").read()), key=lambda e: (e[0], -e[1])):
        if op in done or op in LEFT_OUT:
            continue
        try:
            text = case(Example(op, opset, lines))
        except Exception as error:  # whatever the reference does not know
            print(f"{op}@{opset}: {type(error).__name__}: {str(error)[:150]}", file=sys.stderr)
            continue
        done.add(op)
        print("\n" + text)


main()
