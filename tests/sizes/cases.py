"""Graphs whose shapes depend on data, with the outputs of ONNX Runtime (optimisations off): `tests/sizes/run.sh BUILD
--make`. Written as cases of the conformance runner into tests/sizes/cases.tar.xz, from which `make check` runs them
without Python. Every case has several sets of inputs: some, none, all of the elements are selected.

  cases.py FILE.tar.xz"""

import io
import sys
import tarfile

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

RNG = np.random.default_rng(7)
OPTIONS = onnxruntime.SessionOptions()
OPTIONS.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
CASES, STATED = {}, {}
N = helper.make_node


def floats(*shape):  # few bits, so that the archive is small
    return (RNG.integers(-32, 33, shape) / 16).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def scalar(value, dtype=np.int64):
    return np.array(value, dtype)


def mask(*shape):
    return RNG.random(shape) < .5


def selected(x="x", m="m", out="s", axis=0):
    """out = x[m] along an axis"""
    return [N("NonZero", [m], [f"{out}_nz"]), N("Squeeze", [f"{out}_nz", "first"], [f"{out}_at"]),
            N("Gather", [x, f"{out}_at"], [out], axis=axis)]


def case(name, nodes, outputs, sets, **constants):
    CASES[name] = (nodes, outputs, sets, dict(constants, first=ints(0)))


def rows(some=True, **more):
    """Inputs x and m: some rows selected, all, and none where that is allowed."""
    x = more.pop("x", None)
    x = floats(8, 5) if x is None else x
    masks = [mask(len(x)), np.ones(len(x), bool)] + [np.zeros(len(x), bool)] * some
    return [dict(more, x=x, m=m) for m in masks]


def moving():
    case("gather", selected(), ["s"], rows())
    case("gather_nd", [N("NonZero", ["m"], ["nz"]), N("Transpose", ["nz"], ["t"]), N("GatherND", ["x", "t"], ["y"])],
         ["nz", "t", "y"], [{"x": floats(6, 4), "m": mask(6, 4)}])
    case("inner_dim", [N("NonZero", ["m"], ["nz"]), N("Mul", ["nz", "nz"], ["y"])], ["y", "nz"], [{"m": mask(3, 4, 2)}])
    case("concat", [*selected(), *selected("x2", "m2", "s2"), N("Concat", ["s", "c", "s2"], ["y"], axis=0)], ["y"],
         rows(x2=floats(6, 5), m2=mask(6)) + rows(x2=floats(6, 5), m2=np.zeros(6, bool)), c=floats(2, 5))
    case("concat_other", [*selected(), N("Exp", ["s"], ["e"]), N("Concat", ["s", "e"], ["y"], axis=1)], ["y"], rows())
    case("concat_inner", [*selected(axis=1), *selected("x2", "m2", "s2", 1), N("Concat", ["s", "s2"], ["y"], axis=1)], ["y"],
         [{"x": floats(3, 8), "m": mask(8), "x2": floats(3, 5), "m2": mask(5)}])
    for name, shape in (("flat", (-1,)), ("split", (-1, 2, 3)), ("zero", (0, 3, -1))):
        case(f"reshape_{name}", [*selected(), N("Reshape", ["s", "shape"], ["y"])], ["y"],
             rows(name != "zero", x=floats(8, 6)), shape=ints(*shape))
    case("flatten", [*selected(), N("Flatten", ["s"], ["y"])], ["y"], rows(x=floats(8, 3, 4)))
    case("unsqueeze", [*selected(), N("Unsqueeze", ["s", "one"], ["y"]), N("Squeeze", ["y", "one"], ["z"])], ["y", "z"], rows(),
         one=ints(1))
    case("pad", [*selected(), N("Pad", ["s", "pads", "value"], ["y"])], ["y"], rows(), pads=ints(0, 1, 0, 2), value=scalar(.5, np.float32))
    case("negative_indices", [*selected(), N("Gather", ["s", "i"], ["y"], axis=0)], ["y"],
         [{"x": floats(8, 5), "m": np.arange(8) % 3 > 0}], i=ints(-1, 0, -2))
    case("gather_nd_again", [*selected(), N("Greater", ["s", "zero"], ["g"]), N("NonZero", ["g"], ["nz"]), N("Transpose", ["nz"], ["t"]),
                             N("GatherND", ["s", "t"], ["y"]), N("Sub", ["t", "dims"], ["back"]), N("GatherND", ["s", "last"], ["z"])], ["y", "z", "back"],
         rows(False), zero=scalar(0, np.float32), dims=ints(1, 1), last=np.array([[-1, -2], [0, 3]]))
    case("compress", [N("Compress", ["x", "m"], ["y"], axis=1), N("Transpose", ["y"], ["z"], perm=[1, 0, 2])], ["y", "z"],
         [{"x": floats(3, 8, 2), "m": mask(8)}, {"x": floats(3, 8, 2), "m": np.zeros(8, bool)}])
    case("scatter_nd", [N("NonZero", ["m"], ["nz"]), N("Transpose", ["nz"], ["t"]), N("GatherND", ["x", "t"], ["u"]),
                        N("Mul", ["u", "two"], ["u2"]), N("ScatterND", ["x", "t", "u2"], ["y"])], ["y"],
         [{"x": floats(6, 4), "m": mask(6, 4)}, {"x": floats(6, 4), "m": np.zeros((6, 4), bool)}], two=scalar(2, np.float32))


def slicing():
    last = 2**63 - 1
    for name, start, end, axis, step in (("static", 1, 4, 1, 1), ("head", 0, 2, 0, 1), ("tail", -2, last, 0, 1), ("back", -1, -last, 0, -1),
                                         ("steps", 1, -1, 0, 2), ("middle", 2, 4, 0, 1)):
        case(f"slice_{name}", [*selected(), N("Slice", ["s", "b", "e", "a", "d"], ["y"])], ["y"], rows(), b=ints(start), e=ints(end),
             a=ints(axis), d=ints(step))
    case("slice_where", [N("Slice", ["x", "b", "e"], ["y"])], ["y"],
         [{"x": floats(7, 5), "b": ints(*b), "e": ints(*e)} for b, e in (((1, -4), (6, -1)), ((0, 0), (100, -100)), ((-9, 2), (last, last)))])
    case("slice_where_back", [N("Slice", ["x", "b", "e", "a", "d"], ["y"])], ["y"],
         [{"x": floats(7, 5), "b": ints(b), "e": ints(e)} for b, e in ((5, -100), (-1, 2), (2, 5))], a=ints(0), d=ints(-2))
    x = np.arange(35, dtype=np.float32).reshape(7, 5)
    for start in (1, 5, -2, 7, 9, -9):
        for step in (1, 2, -1, -3):
            case(f"slice_from_{start}_by_{step}", [N("Slice", ["x", "b", "e", "a", "d"], ["y"])], ["y"],
                 [{"x": x, "e": ints(e)} for e in (0, 3, 6, 7, 100, -1, -100)], b=ints(start), a=ints(0), d=ints(step))


def reducing():
    case("elementwise", [*selected(), N("Relu", ["s"], ["r"]), N("Add", ["r", "b"], ["a"]), N("Mul", ["a", "s"], ["y"]),
                         N("Clip", ["s", "low", "high"], ["c"]), N("Cast", ["c"], ["z"], to=onnx.TensorProto.INT32)], ["y", "z"], rows(),
         b=floats(5), low=scalar(-1, np.float32), high=scalar(1, np.float32))
    case("where", [*selected(), N("Greater", ["s", "b"], ["g"]), N("Where", ["g", "s", "b"], ["y"]), N("Not", ["g"], ["z"])], ["y", "z"],
         rows(), b=floats(5))
    kinds = ["Sum", "Max", "Min", "Prod", "Mean", "L1", "L2", "SumSquare", "LogSumExp"]
    case("reduce_along", selected() + [N(f"Reduce{kind}", ["s", "first"], [kind], keepdims=i % 2) for i, kind in enumerate(kinds)], kinds,
         rows(False))
    case("reduce_nothing", selected() + [N(f"Reduce{kind}", ["s", "first"], [kind]) for kind in ("Sum", "Prod", "L1")], ["Sum", "Prod", "L1"],
         rows())
    case("reduce_all", [*selected(), N("ReduceMean", ["s"], ["y"]), N("ReduceMax", ["s"], ["z"], keepdims=0)], ["y", "z"], rows(False))
    case("reduce_rows", [*selected(), N("ReduceSum", ["s", "one"], ["y"]), N("ReduceMean", ["s", "one"], ["z"], keepdims=0)], ["y", "z"],
         rows(), one=ints(1))
    case("reduce_inner", [*selected(axis=1), N("ReduceMean", ["s", "one"], ["y"], keepdims=0), N("ReduceMax", ["s", "one"], ["z"])],
         ["y", "z"], [{"x": floats(3, 8), "m": np.arange(8) % 3 > 0}], one=ints(1))
    case("softmax_rows", [*selected(), N("Softmax", ["s"], ["y"], axis=-1)], ["y"], rows())
    case("softmax_along", [*selected(), N("Softmax", ["s"], ["y"], axis=0), N("LogSoftmax", ["s"], ["z"], axis=0)], ["y", "z"], rows(False))
    case("arg", [*selected(), N("ArgMax", ["s"], ["y"], axis=0), N("ArgMin", ["s"], ["z"], axis=1, keepdims=0)], ["y", "z"], rows(False))
    case("layer_norm", [*selected(), N("LayerNormalization", ["s", "scale", "bias"], ["y"]), N("ReduceMean", ["s", "one"], ["mean"]),
                        N("Sub", ["s", "mean"], ["d"]), N("Mul", ["d", "d"], ["d2"]), N("ReduceMean", ["d2", "one"], ["v"]),
                        N("Add", ["v", "e"], ["ve"]), N("Sqrt", ["ve"], ["r"]), N("Div", ["d", "r"], ["z"])], ["y", "z"],
         rows(x=floats(8, 20)), scale=floats(20), bias=floats(20), one=ints(1), e=scalar(1e-5, np.float32))
    case("cumsum", [*selected(), N("CumSum", ["s", "a"], ["y"])], ["y"], rows(), a=scalar(0))


def agreeing():
    """Sizes that are equal in each run, but not the same value."""
    both = [*selected(), *selected("x2", "m2", "s2")]
    pairs = [{"x": floats(8, 5), "x2": floats(9, 5), "m": np.arange(8) < k, "m2": np.arange(9) >= 9 - k} for k in (4, 8, 1)]
    case("agree", [*both, N("Div", ["s", "s2"], ["y"]), N("Add", ["y", "s"], ["z"]), N("Mul", ["z", "s2"], ["w"])], ["y", "z", "w"], pairs)
    case("agree_known", [*selected(), N("Sub", ["s", "c"], ["y"]), N("ReduceSum", ["y", "first"], ["z"])], ["y", "z"],
         [{"x": floats(8, 5), "m": np.arange(8) % 2 == k} for k in (0, 1)], c=floats(4, 5))
    case("agree_where", [*both, N("Greater", ["s", "s2"], ["g"]), N("Where", ["g", "s", "c"], ["y"]), N("Max", ["s", "s2", "s"], ["z"])], ["y", "z"],
         pairs, c=floats(5))
    case("agree_scatter", [*selected("x", "m", "u"), N("NonZero", ["m2"], ["nz"]), N("Transpose", ["nz"], ["t"]), N("ScatterND", ["x2", "t", "u"], ["y"])],
         ["y"], pairs)


def rows_apart():
    """Operators that do not mix elements along the dim."""
    wide = rows(x=floats(6, 4, 4))
    for axis in (0, 1):
        case(f"split_sum_{axis}", [*selected(axis=axis), N("Split", ["s", "parts"], ["y", "z"], axis=axis)], ["y", "z"],
             [{"x": floats(6, 6), "m": np.arange(6) % 2 == k} for k in (0, 1)], parts=ints(1, 2))
    case("split_equal", [*selected(), N("Split", ["s"], ["y", "z"], num_outputs=2)], ["y", "z"], rows())
    case("split_other", [*selected(), N("Split", ["s", "parts"], ["y", "z"], axis=1)], ["y", "z"], rows(), parts=ints(2, 3))
    case("tile", [*selected(), N("Tile", ["s", "r"], ["y"])], ["y"], rows(), r=ints(3, 2))
    for mode in ("constant", "edge", "reflect"):
        case(f"pad_along_{mode}", [*selected(), N("Pad", ["s", "pads"], ["y"], mode=mode)], ["y"], rows(mode == "constant", x=floats(8, 5)),
             pads=ints(2, 1, 1, 1))
    case("scatter_nd_data", [*selected(), N("ScatterND", ["s", "i", "u"], ["y"], reduction="add")], ["y"], rows(False), i=ints(0, -1).reshape(2, 1), u=floats(2, 5))
    case("scatter_elements", [*selected(), N("Cast", ["s"], ["i"], to=7), N("Mod", ["i", "four"], ["j"]), N("ScatterElements", ["s", "j", "s"], ["y"], axis=1,
         reduction="max"), N("GatherElements", ["s", "j"], ["z"], axis=1)], ["y", "z"], rows(), four=scalar(4))
    case("gather_elements_count", [*selected("i", "m", "j"), N("GatherElements", ["x", "j"], ["y"], axis=0)], ["y"],
         [{"x": floats(5, 3), "i": RNG.integers(0, 5, (8, 3)), "m": m} for m in (mask(8), np.zeros(8, bool))])
    case("reverse", [*selected(), *selected("lengths", "m", "l"), N("ReverseSequence", ["s", "l"], ["y"], batch_axis=0, time_axis=1)], ["y"],
         rows(lengths=ints(1, 5, 2, 3, 4, 5, 1, 2)))
    case("norms", [*selected(axis=1), N("InstanceNormalization", ["x", "c", "c"], ["w"]), N("LpNormalization", ["s"], ["y"], axis=2),
                   N("LayerNormalization", ["s", "c"], ["z"])], ["y", "z", "w"], [{"x": floats(3, 4, 4), "m": mask(4)}], c=floats(4))
    case("norm_batch", [*selected(), N("InstanceNormalization", ["s", "c", "c"], ["y"]), N("Trilu", ["s"], ["z"]), N("Hardmax", ["s"], ["w"])],
         ["y", "z", "w"], wide, c=floats(4))
    for direction, directions in (("forward", 1), ("bidirectional", 2)):
        weights = dict(w=floats(directions, 16, 3), r=floats(directions, 16, 4) / 4, b=floats(directions, 32))
        for axis in (0, 1):  # steps, batch
            case(f"lstm_{direction}_{axis}", [*selected(axis=axis), N("LSTM", ["s", "w", "r", "b"], ["y", "h", "c"], hidden_size=4,
                 direction=direction, input_forget=axis)], ["y", "h", "c"], [{"x": floats(6, 5, 3), "m": np.arange((6, 5)[axis]) % 3 > 0}], **weights)
    case("up", [*selected(), N("ConvTranspose", ["s", "w"], ["t"], strides=[2, 2]), N("DepthToSpace", ["t"], ["y"], blocksize=2)], ["y"],
         rows(x=floats(5, 3, 4, 4)), w=floats(3, 4, 2, 2))
    case("quantized", [*selected(), N("QuantizeLinear", ["s", "scale", "zero"], ["q"]), N("DequantizeLinear", ["q", "scale", "zero"], ["y"])], ["y"],
         rows(), scale=scalar(.125, np.float32), zero=scalar(3, np.uint8))


def products():
    wide = floats(8, 20)
    case("matmul", [*selected(), N("MatMul", ["s", "w"], ["y"])], ["y"], rows(x=wide), w=floats(20, 7))
    case("matmul_summed", [*selected(axis=1), *selected("x2", "m2", "s2"), N("MatMul", ["s", "s2"], ["y"]), N("MatMul", ["s", "w"], ["z"])], ["y", "z"],
         [{"x": floats(3, 8), "x2": floats(9, 5), "m": np.arange(8) < 4, "m2": np.arange(9) > k} for k in (4,)], w=floats(4, 2))
    case("matmul_batch", [*selected(), *selected("x2", "m2", "s2"), N("MatMul", ["s", "s2"], ["y"]), N("MatMul", ["s", "w"], ["z"])], ["y", "z"],
         [{"x": floats(5, 2, 3), "x2": floats(6, 3, 2), "m": np.arange(5) % 2 == 0, "m2": np.arange(6) > 2}], w=floats(3, 3, 2))
    case("gemm", [*selected(), N("Gemm", ["s", "w", "b"], ["y"], transB=1)], ["y"], rows(x=wide), w=floats(7, 20), b=floats(7))
    case("attention", [*selected(), N("Transpose", ["s"], ["t"], perm=[1, 0]), N("MatMul", ["s", "t"], ["q"]), N("MatMul", ["t", "s"], ["k"]),
                       N("Softmax", ["q"], ["p"], axis=-1), N("MatMul", ["p", "s"], ["y"])], ["y", "k", "q"], rows(False, x=wide))
    case("convolution", [*selected(), N("Conv", ["s", "w"], ["c"]), N("Relu", ["c"], ["r"]), N("MaxPool", ["r"], ["p"], kernel_shape=[2, 2]),
                         N("Flatten", ["p"], ["f"]), N("MatMul", ["f", "v"], ["y"])], ["y"], rows(x=floats(5, 3, 6, 6)),
         w=floats(18, 3, 3, 3), v=floats(162, 4))
    case("regions", [*selected("rois", "m", "r"), *selected("images", "m", "b"),
                     N("RoiAlign", ["x", "r", "b"], ["y"], output_height=3, output_width=3, sampling_ratio=2)], ["y"],
         [{"x": floats(2, 4, 8, 8), "m": m} for m in (mask(6), np.zeros(6, bool))],
         rois=np.abs(floats(6, 4)).cumsum(1).astype(np.float32), images=ints(0, 1, 0, 1, 1, 0))


def sizes():
    case("shape", [*selected(), N("Shape", ["s"], ["y"]), N("Size", ["s"], ["z"])], ["y", "z"], rows())
    case("arithmetic", [*selected(), N("Shape", ["s"], ["shape"]), N("Gather", ["shape", "zero"], ["n"]), N("Add", ["n", "n"], ["n2"])],
         ["n", "n2"], rows(), zero=scalar(0))
    case("range", [*selected(), N("Shape", ["s"], ["shape"]), N("Gather", ["shape", "zero"], ["n"]), N("Range", ["one", "n", "two"], ["y"])],
         ["y"], rows(), zero=scalar(0), one=scalar(1), two=scalar(2))
    case("reshape_by_shape", [*selected(), N("Shape", ["s"], ["shape"]), N("Slice", ["shape", "first", "one"], ["n"]),
                              N("Concat", ["n", "rest"], ["w"], axis=0), N("Reshape", ["s", "w"], ["y"])], ["y"], rows(x=floats(8, 6)),
         one=ints(1), rest=ints(2, 3))
    case("constant_of_shape", [*selected(), N("Shape", ["s"], ["shape"]),
                               N("ConstantOfShape", ["shape"], ["c"], value=numpy_helper.from_array(np.array([2.5], np.float32))),
                               N("Add", ["c", "s"], ["y"]), N("Expand", ["b", "shape"], ["z"])], ["y", "c", "z"], rows(), b=floats(1, 5))
    case("twice", [*selected(), *selected("x2", "m", "s2"), N("Add", ["s", "s2"], ["y"])], ["y"], rows(x2=floats(8, 5)))
    case("nonzero_again", [*selected(), N("Greater", ["s", "zero"], ["g"]), N("NonZero", ["g"], ["y"])], ["y"], rows(),
         zero=scalar(0, np.float32))
    case("one_hot", [*selected(), N("OneHot", ["s", "d", "v"], ["y"])], ["y"], rows(x=RNG.integers(0, 4, 8)), d=scalar(4), v=floats(2))
    x = RNG.integers(-9, 9, (9000, 2)).astype(np.float32)
    case("chunks", [*selected(), N("Sigmoid", ["s"], ["y"]), N("ReduceSum", ["s", "first"], ["z"])], ["z"],
         [{"x": x, "m": np.arange(9000) % k == 0} for k in (3, 8999)])


def choosing():
    case("top_k", [N("TopK", ["x", "k"], ["v", "i"], axis=1)], ["v", "i"], [{"x": RNG.permutation(36).reshape(4, 9).astype(np.float32),
                                                                            "k": ints(k)} for k in (3, 9, 0)])
    case("top_k_along", [*selected(), N("TopK", ["s", "k"], ["v", "i"], axis=0, largest=0)], ["v", "i"], rows(False), k=ints(2))
    case("top_k_most", [*selected(), N("Shape", ["s"], ["shape"]), N("Min", ["shape", "three"], ["k"]), N("TopK", ["s", "k"], ["v", "i"])],
         ["v", "i"], rows(x=RNG.permutation(8).astype(np.float32)), three=ints(3))
    case("unique", [N("Unique", ["x"], ["y", "i", "v", "c"])], ["y", "i", "v", "c"], [{"x": RNG.integers(0, 6, 20).astype(np.float32)}])
    case("unique_axis", [N("Unique", ["x"], ["y", "i", "v", "c"], axis=1, sorted=0)], ["y", "i", "v", "c"], [{"x": RNG.integers(0, 2, (2, 9))}])
    corner, size = RNG.uniform(0, 1, (2, 12, 2)), RNG.uniform(.1, .5, (2, 12, 2))
    boxes = np.concatenate([corner, corner + size], -1).astype(np.float32)
    detector = [
        N("NonMaxSuppression", ["boxes", "scores", "most", "overlap", "least"], ["picks"]), N("Gather", ["picks", "class_column"], ["class"], axis=1),
        N("Gather", ["picks", "box_columns"], ["box"], axis=1), N("GatherND", ["boxes", "box"], ["picked"]),
        N("GatherND", ["scores", "picks"], ["score"]), N("Unsqueeze", ["score", "one"], ["score1"]), N("Unsqueeze", ["class", "one"], ["class1"]),
        N("Cast", ["class1"], ["class2"], to=1), N("Concat", ["picked", "score1", "class2"], ["found"], axis=1),
        N("Shape", ["found"], ["shape"]), N("Slice", ["shape", "first", "one"], ["n"]), N("Min", ["n", "five"], ["k"]),
        N("TopK", ["score", "k"], ["best", "at"]), N("Gather", ["found", "at"], ["y"], axis=0)]
    case("detector", detector, ["found", "picks", "best", "y"],
         [{"boxes": boxes, "scores": RNG.permutation(72).reshape(2, 3, 12).astype(np.float32) / 72 * k} for k in (1, 0, .5)],
         most=ints(4), overlap=floats(1) * 0 + .4, least=floats(1) * 0 + .3, class_column=scalar(1), box_columns=ints(0, 2), one=ints(1),
         five=ints(5))
    filtered = [N("Compress", ["boxes", "m"], ["b"], axis=1), N("NonZero", ["m"], ["nz"]), N("Squeeze", ["nz", "first"], ["at"]),
                N("Gather", ["scores", "at"], ["s"], axis=2), N("NonMaxSuppression", ["b", "s", "most", "overlap"], ["picks"])]
    case("detector_filtered", filtered, ["picks"],
         [{"boxes": boxes[:1], "scores": RNG.permutation(24).reshape(1, 2, 12).astype(np.float32), "m": m} for m in (mask(12), np.zeros(12, bool))],
         most=ints(9), overlap=floats(1) * 0 + .3)


def stated():
    """Operands that decide a shape are inputs, and the model declares the resulting shape."""
    x = floats(2, 3, 4)
    for name, node, operands, shape in (
            ("reshape", N("Reshape", ["x", "k"], ["y"]), ints(4, -1), (4, 6)), ("expand", N("Expand", ["x", "k"], ["y"]), ints(2, 1, 1, 4), (2, 2, 3, 4)),
            ("tile", N("Tile", ["x", "k"], ["y"]), ints(1, 2, 3), (2, 6, 12)), ("unsqueeze", N("Unsqueeze", ["x", "k"], ["y"]), ints(1), (2, 1, 3, 4)),
            ("center", N("CenterCropPad", ["x", "k"], ["y"]), ints(2, 5, 3), (2, 5, 3)), ("sum", N("ReduceSum", ["x", "k"], ["y"], keepdims=0), ints(1), (2, 4)),
            ("norm", N("ReduceL2", ["x", "k"], ["y"]), ints(0, 2), (1, 3, 1)), ("constant", N("ConstantOfShape", ["k"], ["y"]), ints(3, 2), (3, 2))):
        used = ["x", "k"] if "x" in node.input else ["k"]
        case(f"stated_{name}", [node], ["y"], [{k: {"x": x, "k": operands}[k] for k in used}])
        STATED[name] = shape
    case("stated_range", [N("Range", ["a", "b", "c"], ["y"])], ["y"], [{"a": scalar(2), "b": scalar(11), "c": scalar(3)}])
    STATED["range"] = (3,)


def model_of(name, nodes, outputs, inputs, constants, opset=18):
    used = {name for node in nodes for name in node.input}
    types = [helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for k, v in inputs.items()]
    shape = STATED.get(name.removeprefix("stated_")) if name.startswith("stated_") else None
    dtype = onnx.TensorProto.INT64 if name == "stated_range" else onnx.TensorProto.FLOAT
    results = [helper.make_tensor_value_info(y, dtype, shape) if shape else helper.make_empty_tensor_value_info(y) for y in outputs]
    graph = helper.make_graph(nodes, name, types, results,
                              [numpy_helper.from_array(v, k) for k, v in constants.items() if k in used])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9, producer_name="erc")
    return onnx.shape_inference.infer_shapes(model)


def preempted():
    """A model for preempted runs: thousands of rows, of which about half are selected."""
    nodes = [N("ReduceMax", ["x", "one"], ["top"], keepdims=0), N("Greater", ["top", "limit"], ["m"]), *selected(),
             N("Mul", ["s", "s"], ["q"]), N("Softmax", ["q"], ["p"], axis=-1), N("MatMul", ["p", "w"], ["y"]), N("Concat", ["y", "s"], ["z"], axis=0),
             N("ReduceMean", ["z", "first"], ["mean"]), N("TopK", ["top", "k"], ["v", "i"])]
    constants = dict(one=ints(1), first=ints(0), limit=scalar(2.2, np.float32), w=floats(64, 64), k=ints(100))
    return model_of("preempted", nodes, ["z", "mean", "s_nz", "v"], {"x": np.zeros((6000, 64), np.float32)}, constants)


def main():
    archive = tarfile.open(sys.argv[1], "w:xz", preset=9)

    def add(path, data):
        entry = tarfile.TarInfo(path)
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))

    for family in (moving, slicing, reducing, agreeing, rows_apart, products, sizes, choosing, stated):
        family()
    for name, (nodes, outputs, sets, constants) in sorted(CASES.items()):
        model = model_of(name, nodes, outputs, sets[0], constants)
        session = onnxruntime.InferenceSession(model.SerializeToString(), OPTIONS, providers=["CPUExecutionProvider"])
        add(f"data/sizes/test_{name}/model.onnx", model.SerializeToString())
        for k, inputs in enumerate(sets):
            results = dict(zip(outputs, session.run(outputs, inputs)))
            names = [i.name for i in model.graph.input]
            for kind, order, arrays in (("input", names, inputs), ("output", outputs, results)):
                for i, value in enumerate(order):
                    add(f"data/sizes/test_{name}/test_data_set_{k}/{kind}_{i}.pb",
                        numpy_helper.from_array(np.asarray(arrays[value]), value).SerializeToString())
    add("preempted.onnx", preempted().SerializeToString())
    archive.close()
    print(f"{len(CASES)} cases")


main()
