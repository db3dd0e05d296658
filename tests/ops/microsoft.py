#!/usr/bin/env python3
"""Writes tests/ops/cases/microsoft.txt: operators of the domain com.microsoft, with the results of ONNX Runtime. Needs the
Python packages onnx, onnxruntime and numpy.

    tests/ops/microsoft.py > tests/ops/cases/microsoft.txt
"""
import numpy
import onnxruntime
from converted import words
from onnx import helper

rng = numpy.random.default_rng(3)
DOMAIN = "com.microsoft"


def numbers(*shape, dtype="float32"):
    return (rng.integers(-64, 65, shape) / 32).astype(dtype)


def literal(value):
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, float):
        return repr(value)
    return "[" + ", ".join(map(literal, value)) + "]" if isinstance(value, list) else str(value)


def case(op, inputs, outputs=("y",), domain=DOMAIN, within=1e-5, **attrs):
    """inputs: by name, in order; None: left out. outputs: names; "": left out."""
    present = {name: value for name, value in inputs.items() if value is not None}
    node = helper.make_node(op, [name if value is not None else "" for name, value in inputs.items()], list(outputs),
                            domain=domain, **attrs)
    info = [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in present.items()]
    named = [name for name in outputs if name]
    graph = helper.make_graph([node], "g", info, [helper.make_empty_tensor_value_info(name) for name in named])
    model = helper.make_model(graph, ir_version=10,
                              opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)])
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    results = session.run(named, present)
    given = ", ".join(f"{key}={literal(value)}" for key, value in attrs.items())
    shapes = ", ".join(words("", value).split(" ")[0][1:] for value in present.values())
    call = ", ".join(name if value is not None else "_" for name, value in inputs.items())
    print(f"\n== {op} of {shapes} {given}\ngraph \"microsoft\" ir=10 opset=17")
    for name, value in present.items():
        print("input " + words(name, value).split(" ")[0])
    prefix = f"{domain}::" if domain else ""
    print(f"{', '.join(name or '_' for name in outputs)} = {prefix}{op}@1({call})" + (f" {{{given}}}" if given else ""))
    for name in named:
        print("output " + name)
    for name, value in present.items():
        print("given " + words(name, value))
    for name, value in zip(named, results):
        print("want " + words(name, numpy.asarray(value)))
    print(f"within {within:g}")


def activations():
    x, bias = numbers(2, 3, 8), numbers(8)
    case("Gelu", {"x": x})
    case("BiasGelu", {"x": x, "b": bias})
    case("FastGelu", {"x": x})
    case("FastGelu", {"x": x, "b": bias})
    case("QuickGelu", {"x": x})
    case("QuickGelu", {"x": x}, alpha=1.0)


def products():
    x, w, b, z = numbers(1, 4, 6, 5), numbers(6, 2, 3, 3), numbers(6), numbers(1, 6, 6, 5)
    window = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "group": 2}
    case("FusedConv", {"x": x, "w": w, "b": b}, activation="Relu", **window)
    case("FusedConv", {"x": x, "w": w, "b": b, "z": z}, activation="Relu", **window)
    case("FusedConv", {"x": x, "w": w, "b": None, "z": z}, **window)
    case("FusedConv", {"x": x, "w": w}, activation="Tanh", **window)
    case("FusedConv", {"x": x, "w": w}, activation="Sigmoid", strides=[2, 2], **window)
    case("FusedConv", {"x": x, "w": w}, activation="LeakyRelu", activation_params=[0.125], **window)
    case("FusedConv", {"x": x, "w": w}, activation="Clip", activation_params=[-0.5, 2.0], **window)
    case("FusedConv", {"x": x, "w": w}, activation="HardSigmoid", activation_params=[0.25, 0.5], **window)
    for dtype in ("uint8", "int8"):
        pixels = rng.integers(-100 if dtype == "int8" else 0, 100, (1, 7, 6, 3)).astype(dtype)
        case("NhwcMaxPool", {"x": pixels}, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])
    a, b, c = numbers(5, 7), numbers(7, 6), numbers(6)
    case("FusedGemm", {"a": a, "b": b, "c": c}, activation="Relu")
    case("FusedGemm", {"a": a.T.copy(), "b": b, "c": c}, activation="LeakyRelu", activation_alpha=0.125, transA=1, alpha=0.5)
    case("FusedGemm", {"a": a, "b": b.T.copy()}, activation="Tanh", transB=1)
    case("FusedMatMul", {"a": a, "b": b}, alpha=0.25)
    case("FusedMatMul", {"a": numbers(7, 5), "b": numbers(6, 7)}, transA=1, transB=1)
    case("FusedMatMul", {"a": numbers(2, 3, 5, 7), "b": numbers(2, 3, 6, 7)}, transB=1, alpha=0.5)
    case("FusedMatMul", {"a": numbers(5, 2, 3, 7), "b": numbers(2, 3, 7, 6)}, transBatchA=1)
    case("FusedMatMul", {"a": numbers(7, 2, 3, 5), "b": numbers(6, 2, 3, 7)}, transBatchA=1, transA=1, transBatchB=1, transB=1)
    case("TransposeMatMul", {"a": numbers(2, 7, 5), "b": numbers(2, 6, 7)}, transA=1, transB=1, alpha=2.0)


def normalisations():
    x, skip, gamma, beta, bias = numbers(2, 3, 8), numbers(2, 3, 8), numbers(8), numbers(8), numbers(8)
    case("SkipLayerNormalization", {"x": x, "s": skip, "g": gamma, "b": beta, "c": bias}, ("y", "", "", "sum"))
    case("SkipLayerNormalization", {"x": x, "s": skip, "g": gamma, "b": beta}, epsilon=0.0009765625)
    case("SkipLayerNormalization", {"x": x, "s": skip, "g": gamma})
    case("SkipLayerNormalization", {"x": x, "s": skip[:1], "g": gamma, "b": beta}, ("y", "", "", "sum"))
    case("SkipLayerNormalization", {"x": x, "s": skip[0], "g": gamma, "b": beta, "c": bias})
    case("SkipSimplifiedLayerNormalization", {"x": x, "s": skip, "g": gamma}, ("y", "", "", "sum"))
    case("SkipSimplifiedLayerNormalization", {"x": x, "s": skip, "g": gamma, "c": bias}, epsilon=0.0009765625)
    case("SimplifiedLayerNormalization", {"x": x, "g": gamma}, ("y", "inv"), domain="", epsilon=0.0009765625)
    case("SimplifiedLayerNormalization", {"x": x, "g": gamma}, domain="", axis=-1)
    wide = {"x": x.astype("float64"), "g": gamma.astype("float64")}
    case("SimplifiedLayerNormalization", wide, domain="", within=1e-12, epsilon=0.0009765625)
    for kind in ("int32",):
        ids, segments = (rng.integers(0, most, (2, 4)).astype(kind) for most in (9, 2))
        tables = {"word": numbers(9, 8), "position": numbers(6, 8), "segment": numbers(2, 8), "g": gamma, "b": beta}
        mask = numpy.array([[1, 1, 1, 0], [1, 1, 0, 0]], kind)
        embed = "EmbedLayerNormalization"
        case(embed, {"ids": ids, "segments": segments, **tables, "mask": mask}, ("y", "length", "sum"))
        case(embed, {"ids": ids, "segments": segments, **tables}, ("y", "length"))
        tables["segment"] = None
        case(embed, {"ids": ids, "segments": None, **tables, "mask": None, "positions": ids % 6}, ("y", "length", "sum"))


def heads():
    x, w, b = numbers(2, 4, 6), numbers(6, 24), numbers(24)
    raw = numpy.array([[1, 1, 1, 0], [1, 1, 0, 0]], "int32")
    square = (rng.integers(0, 3, (2, 4, 4)) > 0).astype("int32")
    square[:, :, 0] = 1
    for mask in (None, raw, square, numpy.array([3, 2], "int32"), numpy.array([3, 4, 0, 1], "int32")):
        for causal in (0, 1):
            if mask is None or not causal or mask.ndim > 1:
                case("Attention", {"x": x, "w": w, "b": b, "mask": mask}, num_heads=2, unidirectional=causal)
    case("Attention", {"x": x, "w": w}, num_heads=4, scale=0.125)
    case("Attention", {"x": x, "w": numbers(6, 20), "b": numbers(20)}, num_heads=2, qkv_hidden_sizes=[8, 8, 4])
    past = numbers(2, 2, 2, 3, 4)
    for causal in (0, 1):
        case("Attention", {"x": x, "w": w, "b": b, "mask": None, "past": past}, ("y", "present"), num_heads=2,
             unidirectional=causal)
    full = numpy.array([[1, 1, 1, 1, 1, 1, 0], [0, 1, 1, 1, 1, 0, 0]], "int32")
    case("Attention", {"x": x, "w": w, "b": b, "mask": full, "past": past}, ("y", "present"), num_heads=2,
         mask_filter_value=-100.0)
    case("Attention", {"x": x, "w": w, "b": b, "mask": None, "past": None, "add": numbers(1, 1, 4, 4)}, num_heads=2)
    q, k, v = numbers(2, 3, 8), numbers(2, 5, 8), numbers(2, 5, 8)
    multi = "MultiHeadAttention"
    case(multi, {"q": q, "k": k, "v": v}, num_heads=2)
    case(multi, {"q": q, "k": k, "v": v, "b": numbers(24)}, num_heads=2, scale=0.25)
    case(multi, {"q": q, "k": k, "v": numbers(2, 5, 4)}, num_heads=2)
    keys = numpy.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], "int32")
    case(multi, {"q": q, "k": k, "v": v, "b": None, "mask": keys}, num_heads=2)
    case(multi, {"q": q, "k": k, "v": v, "b": None, "mask": keys, "add": numbers(1, 2, 3, 5)}, num_heads=2)
    case(multi, {"q": q, "k": k, "v": v, "b": None, "mask": None, "add": numbers(2, 2, 3, 5)}, num_heads=2)
    case(multi, {"q": q, "k": numbers(2, 2, 5, 4), "v": numbers(2, 2, 5, 4)}, num_heads=2)
    pasts = {"pk": numbers(2, 2, 4, 4), "pv": numbers(2, 2, 4, 4)}
    own = {"q": q, "k": numbers(2, 3, 8), "v": numbers(2, 3, 8), "b": None, "mask": None, "add": None}
    for causal in (0, 1):
        case(multi, {**own, **pasts}, ("y", "keys", "values"), num_heads=2, unidirectional=causal)
    case(multi, own, ("y", "keys", "values"), num_heads=2)
    cosine, sine = numbers(6, 2), numbers(6, 2)
    ids = numpy.array([[0, 1, 5], [2, 3, 4]], "int64")
    for interleaved in (0, 1):
        case("RotaryEmbedding", {"x": q, "ids": ids, "c": cosine, "s": sine}, interleaved=interleaved)
        case("RotaryEmbedding", {"x": numbers(2, 2, 3, 4), "ids": numpy.array([2], "int64"), "c": cosine, "s": sine},
             interleaved=interleaved)
    case("RotaryEmbedding", {"x": numbers(1, 3, 12), "ids": ids[:1], "c": cosine, "s": sine}, num_heads=2,
         rotary_embedding_dim=4)


if __name__ == "__main__":
    print("# Operators of the domain com.microsoft, with the results of ONNX Runtime. Written by tests/ops/microsoft.py.")
    activations()
    products()
    normalisations()
    heads()
