#!/usr/bin/env python3
"""Writes tests/ops/cases/converted.txt: operators on element types that they compute with as with another type, with the
results of ONNX's reference implementation, or of ONNX Runtime or a formula where the reference refuses the type. Needs
the Python packages onnx, onnxruntime and numpy.

    tests/ops/converted.py > tests/ops/cases/converted.txt
"""
import math

import ml_dtypes
import numpy
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

NAMES = {"f32": numpy.float32, "f64": numpy.float64, "f16": numpy.float16, "bf16": ml_dtypes.bfloat16,
         "f8e4m3fn": ml_dtypes.float8_e4m3fn, "f8e5m2": ml_dtypes.float8_e5m2, "bool": numpy.bool_,
         "i8": numpy.int8, "i16": numpy.int16, "i32": numpy.int32, "i64": numpy.int64,
         "u8": numpy.uint8, "u16": numpy.uint16, "u32": numpy.uint32, "u64": numpy.uint64}
SMALL, INTEGERS = ["i8", "i16", "u8", "u16"], ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"]
rng = numpy.random.default_rng(7)


def numbers(dtype, *shape, low=-100, high=100):
    """Random numbers. Negative ones wrap round in unsigned types of 8 and 16 bits, and are made positive in others."""
    value = rng.integers(low, high + 1, shape)
    if dtype == "bool":
        return value > 0
    if dtype in ("u32", "u64"):
        value = abs(value)
    return (value / 4 if "f" in dtype else value).astype(NAMES[dtype])


def words(name, value):
    dtype = next(key for key, kind in NAMES.items() if value.dtype == numpy.dtype(kind))
    if dtype in ("f16", "bf16"):
        items = ", ".join(hex(v) for v in value.view(numpy.uint16).flat)
    elif dtype.startswith("f8"):
        items = ", ".join(hex(v) for v in value.view(numpy.uint8).flat)
    else:
        items = ", ".join(str(int(v)) if "f" not in dtype else repr(float(v)) for v in value.flat)
    return f"{name}:{dtype}[{'x'.join(map(str, value.shape))}] = {{{items}}}"


def wanted(node, opset, inputs):
    info = [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in inputs.items()]
    out = helper.make_tensor_value_info("y", TensorProto.UNDEFINED, None)
    model = helper.make_model(helper.make_graph([node], "g", info, [out]), ir_version=10,
                              opset_imports=[helper.make_opsetid("", opset)])
    if node.op_type in ("ReduceLogSum", "ReduceLogSumExp", "MaxRoiPool"):
        model.graph.output[0].ClearField("type")
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, inputs)[0]
    return ReferenceEvaluator(model).run(None, inputs)[0]


def case(op, opset, inputs, constants=(), want=None, within="", **attrs):
    """Inputs by name, in order; None: left out."""
    present = {name: value for name, value in inputs.items() if value is not None}
    node = helper.make_node(op, [name if value is not None else "" for name, value in inputs.items()], ["y"], **attrs)
    want = wanted(node, opset, present) if want is None else want
    first = words("", next(iter(present.values()))).split("[")[0][1:]
    given = ", ".join(f"{key}={value}".replace("'", '"') if not isinstance(value, str) else f'{key}="{value}"'
                      for key, value in attrs.items())
    call = ", ".join(name if value is not None else "_" for name, value in inputs.items())
    print(f"\n== {op} of {first}, {', '.join(words('', v).split(' ')[0][1:] for v in present.values())} {given}"
          f"\ngraph \"converted\" opset={opset}")
    for name, value in present.items():
        print(("const " + words(name, value)) if name in constants else "input " + words(name, value).split(" ")[0])
    print(f"y = {op}({call})" + (f" {{{given}}}" if given else "") + "\noutput y")
    for name, value in present.items():
        if name not in constants:
            print("given " + words(name, value))
    print("want " + words("y", numpy.asarray(want)) + (f"\nwithin {within}" if within else ""))


def grid_sample(x, grid):
    """Bilinear, zeros outside, in f64: the reference rounds the weights to the type of x."""
    padded = numpy.pad(x.astype(numpy.float64), [(0, 0), (0, 0), (1, 1), (1, 1)])
    height, width = x.shape[2:]
    at_x, at_y = (numpy.clip(((grid[..., k].astype(numpy.float64) + 1) * size - 1) / 2, -1, size) + 1
                  for k, size in ((0, width), (1, height)))
    total = 0
    for down in (0, 1):
        for right in (0, 1):
            row, column = numpy.floor(at_y) + down, numpy.floor(at_x) + right
            weight = (1 - abs(at_y - row)) * (1 - abs(at_x - column))
            picked = [padded[n][:, numpy.minimum(row[n], height + 1).astype(int),
                                numpy.minimum(column[n], width + 1).astype(int)] for n in range(len(x))]
            total = total + weight[:, None] * numpy.stack(picked)
    return total


def main():
    print("# Element types that operators compute with as with another type. Written by tests/ops/converted.py.")
    for dtype in SMALL:
        case("Einsum", 12, {"a": numbers(dtype, 2, 3), "b": numbers(dtype, 3, 4)}, equation="ij,jk->ik")
        case("Einsum", 12, {"a": numbers(dtype, 3, 5)}, equation="ij->j")
    for dtype in INTEGERS:
        case("Shrink", 9, {"x": numbers(dtype, 13, low=-6, high=6)}, lambd=1.5, bias=1.5)
        case("Erf", 9, {"x": numbers(dtype, 13, low=-7, high=7)})
        for mode in ("linear", "cubic"):
            case("Resize", 19, {"x": numbers(dtype, 1, 1, 2, 9), "r": None, "s": numpy.array([1, 1, 1, 2.3], "f4")},
                 constants="s", mode=mode)
    for dtype in ("i32", "i64"):
        x, axes = numbers(dtype, 2, 5, low=1, high=40), numpy.array([1])
        case("ReduceLogSum", 18, {"x": x, "a": axes}, constants="a")
        case("ReduceLogSumExp", 18, {"x": x, "a": axes}, constants="a")
    for dtype in [*INTEGERS, "bool"]:
        case("Col2Im", 18, {"x": numbers(dtype, 1, 8, 9), "i": numpy.array([4, 4]), "b": numpy.array([2, 2])},
             constants="ib")
        x, grid = numbers(dtype, 1, 2, 4, 5), numbers("f32", 1, 3, 4, 2, low=-4, high=4) * numpy.float32(0.9317)
        case("GridSample", 22, {"x": x, "g": grid}, want=grid_sample(x, grid).astype(x.dtype), mode="linear")
    x, grid = numbers("f32", 1, 2, 4, 5), numbers("f64", 1, 3, 4, 2, low=-4, high=4) * 0.93
    case("GridSample", 22, {"x": x, "g": grid}, want=grid_sample(x, grid).astype("f4"), mode="linear")
    case("GridSample", 22, {"x": x.astype("f8"), "g": grid.astype("f4")},
         want=grid_sample(x, grid.astype("f4")), mode="linear", within="1e-12")
    for dtype in ("f16", "bf16", "bool"):
        for reduction in ("add", "mul", "max", "min"):
            where = numpy.array([[0], [3], [3], [5]])
            case("ScatterND", 18, {"x": numbers(dtype, 6, low=-8, high=8), "i": where,
                                   "u": numbers(dtype, 4, low=-8, high=8)}, reduction=reduction)
            case("ScatterElements", 18, {"x": numbers(dtype, 6, low=-8, high=8), "i": where.reshape(-1),
                                         "u": numbers(dtype, 4, low=-8, high=8)}, reduction=reduction)
    for dtype in ("f8e4m3fn", "f8e5m2"):
        x = numpy.array([0, 1.5, math.nan, -2, math.inf, -math.inf], NAMES[dtype])
        case("IsNaN", 20, {"x": x}, want=numpy.isnan(x.astype("f4")))
        case("IsInf", 20, {"x": x}, want=numpy.isinf(x.astype("f4")))
    case("QuantizeLinear", 21, {"x": numbers("i32", 7, low=-50, high=500), "s": numpy.array(3, "i4"),
                                "z": numpy.array(4, "u1")})
    for left, right in (("f32", "f64"), ("f64", "f32"), ("f16", "f32"), ("f32", "f16")):
        x, scale = numbers(left, 2, 4, low=-9, high=9), numbers(right, 4, low=1, high=9)
        wide = x.astype("f8")
        root = numpy.sqrt((wide ** 2).mean(axis=-1, keepdims=True) + float(numpy.float32(1e-5)))
        case("RMSNormalization", 23, {"x": x, "s": scale}, want=(wide / root * scale).astype(scale.dtype),
             within="2e-3" if "f16" in left + right else "1e-6")
    regions = numpy.array([[0, 0, 0, 6, 5], [1, 1, 2, 3, 3], [1, 2.5, 0.5, 9, 7], [0, -3, -2, 1, 1], [0, 8, 9, 12, 12],
                           [1, 5, 4, 2, 1]], "f4")
    for scale in (1.0, 0.5, 0.75):
        case("MaxRoiPool", 1, {"x": numbers("f32", 2, 3, 6, 7), "r": regions}, pooled_shape=[3, 2],
             spatial_scale=scale)


if __name__ == "__main__":
    main()
