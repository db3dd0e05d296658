"""Nodes that ONNX Runtime computes differently, and why. Each row of EXPLAINED applies to a node that differs when it is
alone, on the same operands."""

import functools

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from graphs_draw import Refused, info


# Relative and absolute limits of an element, by folder of the cases. Sums of some thousand f32 products in another order
# and functions that are exact to a few units in the last place (2^-23) stay well below the first pair after 6 nodes.
# Graphs with f16 values round to 2^-11 after each node; elements below 1 have that error relative to what was summed.
# Integers, bools, NaN and infinities must be equal.
LIMITS = {"fuzz": (1e-4, 1e-5), "half": (2**-7, 2**-7)}


def odd(array):
    """Where a float is no number."""
    return ~np.isfinite(array) if array.dtype.kind == "f" else np.zeros(array.shape, bool)


def huge(array):
    """Where a number is so large that its square overflows, or nearly."""
    if array.dtype.kind == "f":
        with np.errstate(all="ignore"):
            return np.isfinite(array) & (np.abs(array) >= np.sqrt(np.finfo(array.dtype).max) / 64)
    if array.dtype.kind in "iu":
        return np.abs(array.astype(np.float64)) >= np.sqrt(float(np.iinfo(array.dtype).max)) / 16
    return np.zeros(array.shape, bool)


def close(a, b):
    rtol, atol = LIMITS["half" if a.dtype == np.float16 else "fuzz"]
    return np.isclose(a.astype(np.float64), b.astype(np.float64), rtol, atol, equal_nan=True)


class Difference:
    """A node with its operands, ONNX Runtime's results and erc's."""

    def __init__(self, graph, node, have):
        self.graph, self.node, self.have = graph, node, have
        self.operands = {n: graph.values[n] for n in node.input if n}
        self.results = [graph.values[n] for n in node.output if n]

    def operand(self, slot):
        name = self.node.input[slot] if slot < len(self.node.input) else ""
        return self.operands.get(name, np.zeros(0))

    def attribute(self, name):
        return next((onnx.helper.get_attribute_value(a) for a in self.node.attribute if a.name == name), None)

    def any(self, test):
        return any(test(a).any() for a in self.operands.values())

    @functools.cached_property
    def same_type(self):
        return all(r.shape == h.shape and r.dtype == h.dtype for r, h in zip(self.results, self.have))

    def differing(self):
        """(ONNX Runtime's elements, erc's elements, where they differ) of each output."""
        return [(r, h, ~close(r, h)) for r, h in zip(self.results, self.have)]

    def all_differing(self, test):
        """Whether `test` holds for all pairs of elements that differ: of ONNX Runtime, of erc."""
        with np.errstate(all="ignore"):
            return self.same_type and all(np.all(test(r[d], h[d])) for r, h, d in self.differing())

    def changed(self, value):
        """ONNX Runtime's results if that value replaces the elements that are no numbers, and the huge ones."""
        changed = {}
        for name, a in self.operands.items():
            if a.dtype.kind in "fiu":
                values = (abs(value) + value if a.dtype.kind == "u" else value) * (1 + np.arange(a.size).reshape(a.shape) % 5 / 5)
                changed[name] = np.where(odd(a) | huge(a), values.astype(a.dtype), a)
        return self.graph.compute(self.node, changed)

    def only_dependent(self, or_odd=False):
        """Whether all elements that differ depend on an operand's element that is no number, or huge: whether they
        change with it. With or_odd, or are no numbers in one of both results."""
        depends = [np.full(r.shape, i > 0 and r.dtype.kind == "i") for i, r in enumerate(self.results)]  # not of indices
        for pair in ((50, -70), (.5, -.75)): # large ones for a maximum, small ones for what saturates
            try:
                runs = [self.changed(value) for value in pair]
            except Refused:
                return False
            depends = [d | (~close(x, y) if x.shape == y.shape else True) for d, x, y in zip(depends, *runs)]
        return self.same_type and all(np.all(~d | y | (or_odd & (odd(r) | odd(h))))
                                      for (r, h, d), y in zip(self.differing(), depends))

    def as_reference(self):
        """Whether ONNX's reference implementation agrees with erc."""
        graph = onnx.helper.make_graph([self.node], "g", [info(n, a) for n, a in self.operands.items()],
                                       [info(n, a) for n, a in zip((n for n in self.node.output if n), self.results)])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", self.graph.opset)])
        with np.errstate(all="ignore"):
            wanted = [np.asarray(a) for a in ReferenceEvaluator(model).run(None, self.operands)]
        return all(w.shape == h.shape and w.dtype == h.dtype and np.all(close(w, h)) for w, h in zip(wanted, self.have))


def has_nan(d):
    return d.any(lambda a: np.isnan(a) if a.dtype.kind == "f" else np.zeros(a.shape, bool))


def lowest(r, h):
    """A maximum of -infinities that starts at the lowest number in ONNX Runtime."""
    return (h == -np.inf) & (r == np.finfo(r.dtype).min) if r.dtype.kind == "f" else np.zeros(r.shape, bool)


def nan_is_kept(d):
    return has_nan(d) and d.all_differing(lambda r, h: np.isnan(h) | lowest(r, h) | (h.dtype.kind == "i")) and d.only_dependent()


def not_finite(d):
    return (d.any(odd) or d.any(huge)) and d.all_differing(lambda r, h: odd(r) | odd(h))


def overflows(d):
    if d.any(huge):
        return d.only_dependent(or_odd=True)
    return d.any(odd) and d.all_differing(lambda r, h: odd(r) | odd(h)) and d.only_dependent()


def odd_scores(d):
    """All differing elements are of queries for which a score overflows or is no number: q [b, heads, queries, n]."""
    q, k = (np.abs(d.operand(i).astype(np.float64)) for i in (0, 1))
    if q.ndim != 4 or not d.same_type:
        return False
    with np.errstate(all="ignore"):
        scores = q @ np.repeat(k, q.shape[1] // k.shape[1], 1).swapaxes(-1, -2)
        wrong = ~(scores < np.finfo(d.operand(0).dtype).max).all(-1, keepdims=True)
    return bool(np.all(wrong | ~d.differing()[0][2])) and all(not differs.any() for _, _, differs in d.differing()[1:])


def odd_recurrence(d):
    """Weights that are no numbers, or huge, so that gates are at infinity; all differing elements are of that direction."""
    wrong = [np.zeros(d.operand(1).shape[0], bool)]
    wrong += [(odd(a) | huge(a)).reshape(a.shape[0], -1).any(-1) for a in map(d.operand, (1, 2, 3)) if a.size]
    wrong = np.any(wrong, axis=0)
    return d.same_type and all(np.all(np.moveaxis(differs, differs.ndim - 3, -1)[..., ~wrong] == 0) for _, _, differs in d.differing())


def odd_column(d):
    """All differing elements have an infinity or a huge number at another channel of their position."""
    a = d.operand(0)
    return d.same_type and bool(np.all((odd(a) | huge(a)).any(1, keepdims=True) | ~d.differing()[0][2]))


def odd_weights(d):
    return odd(d.operand(1)).any() and d.all_differing(lambda r, h: odd(r) | odd(h))


def odd_position(d):
    """All differing elements are at positions (a point of GridSample's grid, a region of RoiAlign) that are no numbers,
    or far outside."""
    grid = d.node.op_type == "GridSample"
    wrong = (odd(d.operand(1)) | huge(d.operand(1))).any(-1)
    at = wrong[:, None] if grid else wrong.reshape(-1, 1, 1, 1)
    r, h, differs = d.differing()[0]
    return d.same_type and bool(np.all(at | odd(r) | odd(h) | ~differs))


def cancellation(array):
    """What rounding errors of the terms may leave of a sum in which all cancel."""
    a = array.astype(np.float64)
    return 1e-6 * np.abs(a[np.isfinite(a)]).sum()


def cancels(d):
    error = cancellation(d.operand(0))
    return d.any(huge) and d.all_differing(lambda r, h: np.abs(r.astype(np.float64) - h) <= error)


def integers_overflow(d):
    a = d.operand(0)
    return a.dtype.kind in "iu" and bool(huge(a).any()) and d.only_dependent()


def cast_out_of_range(d):
    a = d.operand(0)
    if a.dtype.kind != "f" or d.results[0].dtype.kind not in "iu" or not d.same_type:
        return False
    limits = np.iinfo(d.results[0].dtype)
    with np.errstate(all="ignore"):
        outside = ~np.isfinite(a) | (np.trunc(a.astype(np.float64)) < limits.min) | (a.astype(np.float64) >= float(limits.max) + 1)
    return bool(np.all(outside | (d.results[0] == d.have[0])))


SUMS = """ReduceMean ReduceSum ReduceSumSquare ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp GlobalAveragePool AveragePool LpPool
    GlobalLpPool MatMul Gemm Einsum Conv ConvTranspose DFT CumSum BatchNormalization InstanceNormalization GroupNormalization
    LayerNormalization RMSNormalization MeanVarianceNormalization LpNormalization Attention Det RNN GRU LSTM Softmax LogSoftmax Mean Sum
    NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss RotaryEmbedding"""

# (operators, whether the row applies to a Difference, why)
EXPLAINED = [
    ("ReduceMax ReduceMin ArgMax ArgMin Hardmax GlobalMaxPool TopK", lambda d: has_nan(d) and (d.as_reference() or d.only_dependent()),
     "a NaN among the elements: erc and ONNX's reference follow numpy, ONNX Runtime's result depends on where it is"),
    ("Hardmax", lambda d: has_nan(d) and d.graph.opset < 13, "a NaN among the elements"),
    ("MaxPool GlobalMaxPool Clip ScatterElements ScatterND Scatter Max Min", nan_is_kept, "a maximum or minimum with a NaN: erc gives NaN, ONNX Runtime the other number"),
    ("Sign", nan_is_kept, "the sign of a NaN: NaN in erc and numpy, 0 in ONNX Runtime"),
    ("RNN GRU LSTM", lambda d: d.any(odd) and d.all_differing(lambda r, h: np.isnan(h)), "an activation of NaN: erc gives NaN, ONNX Runtime a number"),
    ("RNN GRU LSTM", lambda d: (d.any(odd) or d.any(huge)) and (odd_recurrence(d) or d.as_reference()),
     "gates at infinity: sigmoid(-infinity) is 0 in erc and numpy, not in ONNX Runtime"),
    ("Resize Upsample GridSample RoiAlign", not_finite, "a NaN or an infinity with weight 0, which one of both multiplies with 0"),
    ("Resize Upsample", lambda d: d.any(odd) and d.any(huge) and d.only_dependent(or_odd=True),
     "the same beside huge numbers, whose weighted sum depends on the order"),
    ("Clip", lambda d: d.node.input[1:].count("") + 3 - len(d.node.input) > 0 and d.any(odd)
     and d.all_differing(lambda r, h: np.isinf(h) & (np.abs(r) == np.finfo(r.dtype).max)),
     "a bound that is left out: ONNX Runtime clips infinities to the largest number, erc and ONNX's reference leave them"),
    ("GridSample RoiAlign", odd_position, "a position that is no number, or far outside"),
    ("LRN", odd_column, "an infinity or a huge number before the window: ONNX Runtime subtracts it from a running sum"),
    ("Attention", lambda d: (d.any(odd) or d.any(huge)) and d.all_differing(lambda r, h: np.isnan(r) | (h == 0)),
     "all scores of a query are -infinity: erc gives zeros as if all keys were masked, ONNX Runtime NaN or values of masked keys"),
    ("Attention", odd_scores, "scores that overflow in ONNX Runtime and not in erc, or a masked key that is no number, which erc does not read"),
    ("Conv ConvTranspose", odd_weights, "weights that are no numbers, times the zeros beside the input: NaN or nothing"),
    ("ConvTranspose", lambda d: odd(d.operand(0)).any() and d.all_differing(lambda r, h: odd(r) | odd(h)),
     "a NaN or an infinity of the input reaches neighbours in erc, which multiplies it with zeros between the weights"),
    ("Unique", has_nan, "ONNX Runtime sorts a NaN as equal to any number"),
    ("Clip", lambda d: any(np.isnan(d.operand(i)).any() for i in (1, 2)), "a NaN as a bound: erc gives NaN, ONNX Runtime ignores the bound"),
    (SUMS, overflows, "a sum with an infinity, or one that overflows: infinity, NaN or a number, by the order of its terms"),
    ("GridSample", lambda d: d.all_differing(lambda r, h: odd(r) | odd(h) | (np.abs(r.astype(np.float64) - h) <= cancellation(d.operand(0)))),
     "no numbers and huge ones in one grid, times rounded weights"),
    ("Pow", lambda d: d.operand(0).dtype.kind in "iu" and d.any(huge) and d.as_reference(), "a power of integers that overflows: numpy's result in erc"),
    ("DFT STFT", cancels, "huge numbers that cancel: what is left are the rounding errors"),
    ("DynamicQuantizeLinear", lambda d: d.any(odd) or d.any(huge), "the range is no number, or its width overflows"),
    ("ReduceMean ReduceSum ReduceSumSquare ReduceL1 ReduceL2 ReduceProd", integers_overflow, "a sum of integers that overflows"),
    ("ReduceMean", lambda d: d.operand(0).size == 0 and d.all_differing(lambda r, h: np.isnan(h) & (r == 0)),
     "the mean of nothing: NaN in erc and numpy, 0 in ONNX Runtime"),
    ("NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss", lambda d: d.operand(0).size == 0 and d.all_differing(lambda r, h: np.isnan(h) & (r == 0)),
     "the mean of nothing: NaN in erc and numpy, 0 in ONNX Runtime"),
    ("Dropout", lambda d: d.graph.opset < 12 and d.same_type and np.all(d.have[1] == 1),
     "the mask without training, which ONNX left open before opset 12: ones in erc, zeros in ONNX Runtime"),
    ("NonZero", lambda d: d.operand(0).ndim == 0 and d.have[0].shape[0] == 0 and d.have[0].shape[1] == d.results[0].shape[1],
     "NonZero of a scalar: [0, n] in ONNX's text and erc, [1, n] in ONNX Runtime"),
    ("Shrink", lambda d: d.all_differing(lambda r, h: np.isinf(r) & (np.abs(h) > np.finfo(np.float32).max)), "ONNX Runtime computes f64 in f32"),
    ("Cast CastLike", cast_out_of_range, "a float that the integer type does not hold, which ONNX leaves open"),
]
