"""Ranges: a run at each size has the bits, and the shapes, of an artifact for just that size. One model for each way in which
an operator depends on a dim. RANGE_SIZES=all takes every size instead of some (3 minutes)."""

import os
import unittest
import warnings

import counted
import erc
import numpy
import support  # noqa: F401  (puts the folder of `counted` on the path)
from networks import NETWORKS
from onnx import TensorProto, numpy_helper

F32, I64 = TensorProto.FLOAT, TensorProto.INT64
MOST, LONG = 36, 1200
ALL = os.environ.get("RANGE_SIZES") == "all"
SIZES = range(1, MOST + 1) if ALL else (1, 7, 16, MOST)
random = numpy.random.default_rng(0)

# Models with dims that follow no formula, and what is said of them.
REFUSED = {
    "Slice up to 10": "does not follow the sizes",  # the smaller one of two
    "Resize linear align_corners": "is another one for other sizes",
}


def weights(*shape):
    return random.standard_normal(shape).astype("float32")


def models():
    """Of each: a title, nodes, inputs and constants. The outputs are y and what else no node reads."""
    x = [("x", F32, ["n", 6, 10])]
    for op in ("Relu", "Erf", "Softmax", "LogSoftmax", "Transpose", "Identity"):
        yield op, [(op, "x", "y")], x, {}
    yield "Softmax over n", [("Softmax", "x", "y", {"axis": 0})], x, {}
    for axis in range(3):
        yield f"ReduceMean {axis}", [("ReduceMean", "x a", "y", {"keepdims": 0})], x, {"a": [axis]}
    yield "ReduceSum", [("ReduceSum", "x", "y", {"keepdims": 0})], x, {}
    yield "ArgMax", [("ArgMax", "x", "y", {"axis": 0})], x, {}
    yield "CumSum", [("CumSum", "x a", "y")], x, {"a": 0}
    yield "TopK", [("TopK", "x k", "y i", {"axis": 0})], x, {"k": [1]}
    yield from products(x)
    yield from windows()
    yield from sequences()
    yield from images()
    yield from movements(x)
    yield from shapes(x)
    yield "Add", [("Add", "x z", "y")], [*x, ("z", F32, ["n", 1, 10])], {}
    both = [("a", F32, ["n"]), ("c", F32, ["m"])]
    yield "Add of n and m", [("Unsqueeze", "a o", "b"), ("Add", "b c", "y")], both, {"o": [1]}
    yield "Where", [("Greater", "x k", "m"), ("Where", "m x k", "y")], x, {"k": numpy.float32(0.1)}
    yield "LayerNormalization", [("LayerNormalization", "x g b", "y")], x, {"g": weights(10), "b": weights(10)}
    norm = {"g": weights(6), "b": weights(6)}
    yield "InstanceNormalization", [("InstanceNormalization", "x g b", "y")], [("x", F32, [2, 6, "n"])], norm
    norm = {**norm, "m": weights(6), "v": abs(weights(6))}
    yield "BatchNormalization", [("BatchNormalization", "x g b m v", "y")], [("x", F32, ["n", 6, 7])], norm
    gates = {"w": weights(1, 20, 4), "r": weights(1, 20, 5)}
    yield "LSTM", [("LSTM", "x w r", "y", {"hidden_size": 5})], [("x", F32, [3, "n", 4])], gates


def products(x):
    for columns in (16, 33):
        yield f"MatMul {columns}", [("MatMul", "x w", "y")], x, {"w": weights(10, columns)}
    two = [("x", F32, ["n", 6, 10]), ("z", F32, ["n", 7])]
    yield "MatMul of n rows of x", [("Transpose", "x", "t", {"perm": [1, 2, 0]}), ("MatMul", "t z", "y")], two, {}
    yield "Gemm", [("Flatten", "x", "f"), ("Gemm", "f w b", "y")], x, {"w": weights(60, 20), "b": weights(20)}
    yield "Einsum", [("Einsum", "x w", "y", {"equation": "nij,jk->nik"})], x, {"w": weights(10, 4)}
    attention = [("MatMul", f"x w{part}", part) for part in "qkv"]
    attention += [("Transpose", "k", "t", {"perm": [0, 2, 1]}), ("MatMul", "q t", "s"), ("Mul", "s c", "d"),
                  ("Softmax", "d", "p"), ("MatMul", "p v", "y")]
    constants = {**{f"w{part}": weights(16, 16) for part in "qkv"}, "c": numpy.float32(0.25)}
    yield "attention", attention, [("x", F32, ["m", "n", 16])], constants


def windows():
    for k, pad, stride in ((3, 1, 1), (3, 0, 1), (3, 1, 2), (1, 0, 1), (5, 2, 2)):
        words, w = f"{k} {pad} {stride}", {"kernel_shape": [k, k], "pads": [pad] * 4, "strides": [stride] * 2}
        rows, columns = [("x", F32, ["m", 8, "n", 12])], [("x", F32, [1, 3, 12, "n"])]
        yield f"Conv, rows {words}", [("Conv", "x w", "y", w)], rows, {"w": weights(16, 8, k, k)}
        nodes = [("Conv", "x w b", "c", w), ("Relu", "c", "y")]
        yield f"Conv, columns {words}", nodes, columns, {"w": weights(20, 3, k, k), "b": weights(20)}
        nodes = [("Conv", "x w", "y", {**w, "group": 16})]
        yield f"Conv by channel {words}", nodes, [("x", F32, [1, 16, "n", 9])], {"w": weights(16, 1, k, k)}
        for op in ("MaxPool", "AveragePool"):
            yield f"{op} {words}", [(op, "x", "y", w)], [("x", F32, [1, 8, "n", 12])], {}
    line = [("Conv", "x w", "c", {"pads": [2, 2]}), ("Conv", "c v", "y", {"pads": [1, 1], "strides": [2]})]
    yield "Conv of a line", line, [("x", F32, [1, 4, "n"])], {"w": weights(32, 4, 5), "v": weights(16, 32, 3)}
    nodes = [("Conv", "x w", "c", {"pads": [1] * 4}), ("GlobalAveragePool", "c", "y")]
    yield "GlobalAveragePool", nodes, [("x", F32, [1, 3, "n", 8])], {"w": weights(16, 3, 3, 3)}
    nodes = [("ConvTranspose", "x w", "y", {"strides": [2, 2]})]
    yield "ConvTranspose", nodes, [("x", F32, [1, 4, "n", 5])], {"w": weights(4, 6, 3, 3)}
    scales = {"s": numpy.float32([1, 1, 2, 2]), "r": numpy.float32([])}
    ways = [(mode, {"mode": mode}) for mode in ("nearest", "linear", "cubic")]
    for corners in ("asymmetric", "align_corners"):
        ways.append((f"linear {corners}", {"mode": "linear", "coordinate_transformation_mode": corners}))
    for words, attrs in ways:
        yield f"Resize {words}", [("Resize", "x r s", "y", attrs)], [("x", F32, [1, 3, "n", 5])], scales


def sequences():
    x = [("x", F32, ["m", "n", 16])]
    yield "MatMul of n by n", [("Transpose", "x", "t", {"perm": [0, 2, 1]}), ("MatMul", "x t", "y")], x, {}
    yield "MatMul of n columns", [("MatMul", "x z", "y")], [("x", F32, [5, 16]), ("z", F32, [16, "n"])], {}
    weighted = [("Softmax", "x", "p", {"axis": 2}), ("MatMul", "p v", "y")]
    yield "MatMul over n", weighted, [("x", F32, ["m", "n", "n"]), ("v", F32, ["m", "n", 16])], {}
    mean = [("Unsqueeze", "k i", "u"), ("Mul", "x u", "v"), ("ReduceSum", "v a", "s", {"keepdims": 0}),
            ("ReduceSum", "k a", "c"), ("Div", "s c", "y")]
    yield "masked mean", mean, [*x, ("k", F32, ["m", "n"])], {"i": [2], "a": [1]}
    steps = [("x", F32, ["n", "m", 4])]
    for op, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
        for direction in ("forward", "reverse", "bidirectional"):
            count = 1 + (direction == "bidirectional")
            constants = {"w": weights(count, 5 * gates, 4), "r": weights(count, 5 * gates, 5)}
            node = (op, "x w r", "y h", {"hidden_size": 5, "direction": direction})
            yield f"{op} {direction}", [node], steps, constants
    lengths = [*steps, ("l", TensorProto.INT32, ["m"])]
    constants = {"w": weights(1, 15, 4), "r": weights(1, 15, 5), "b": weights(1, 30)}
    reverse = {"hidden_size": 5, "direction": "reverse"}
    yield "GRU of several lengths", [("GRU", "x w r b l", "y", reverse)], lengths, constants
    mask = [("Shape", "x", "s"), ("ConstantOfShape", "s", "o"), ("Trilu", "o", "t"), ("Add", "x t", "y")]
    yield "Trilu", mask, [("x", F32, ["n", "n"])], {}
    positions = [("Shape", "i", "s"), ("Gather", "s a", "l"), ("Range", "z l a", "r"), ("Gather", "e r", "p"),
                 ("Gather", "e i", "q"), ("Add", "p q", "y")]
    yield "positions", positions, [("i", I64, ["m", "n"])], {"a": 1, "z": 0, "e": weights(50, 24)}


def images():
    x = [("x", F32, [2, 3, "n", "m"])]
    stem = [("Conv", "x w", "a", {"pads": [3] * 4, "strides": [2, 2]}),
            ("MaxPool", "a", "b", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1] * 4}),
            ("Conv", "b v", "c", {"pads": [1] * 4}), ("Add", "b c", "y")]
    yield "residual", stem, x, {"w": weights(16, 3, 7, 7), "v": weights(16, 16, 3, 3)}
    valid = [("Conv", "x w", "a"), ("Conv", "a v", "y")]
    yield "Conv without pads", valid, [("x", F32, ["m", 3, "n", "n"])], {"w": weights(8, 3, 3, 3), "v": weights(8, 8, 2, 2)}
    gate = [("GlobalAveragePool", "x", "g"), ("Conv", "g w", "h"), ("Sigmoid", "h", "s"), ("Mul", "x s", "y")]
    yield "gate", gate, x, {"w": weights(3, 3, 1, 1)}
    for mode in ("reflect", "edge", "wrap"):
        yield f"Pad {mode}", [("Pad", "x p", "y", {"mode": mode})], x, {"p": [0, 0, 2, 0, 0, 0, 1, 0]}
    nodes = [("DepthToSpace", "x", "y", {"blocksize": 2})]
    yield "DepthToSpace", nodes, [("x", F32, [1, 8, "n", "m"])], {}


def movements(x):
    yield "Concat", [("Concat", "x x", "y", {"axis": 0})], x, {}
    yield "Concat beside", [("Concat", "x z", "y", {"axis": 1})], [*x, ("z", F32, ["n", 3, 10])], {}
    yield "Split", [("Split", "x", "y z", {"axis": 1, "num_outputs": 2})], x, {}
    yield "Tile", [("Tile", "x r", "y")], x, {"r": [2, 1, 3]}
    yield "Pad", [("Pad", "x p", "y")], [("x", F32, ["n", 5])], {"p": [1, 2, 3, 0]}
    yield "Gather", [("Gather", "e i", "y")], [("i", I64, ["m", "n"])], {"e": weights(50, 24)}
    for words, begin, end, step in (("from 1", 1, 2**31, 1), ("the last", -1, 2**31, 1), ("up to 10", 0, 10, 1),
                                    ("from behind, step 2", -1, -(2**40), -2)):
        bounds = {"a": [begin], "b": [end], "c": [1], "d": [step]}
        yield f"Slice {words}", [("Slice", "x a b c d", "y")], [("x", F32, [4, "n"])], bounds


def shapes(x):
    yield "Reshape to -1", [("Reshape", "x s", "y")], x, {"s": [-1, 10]}
    yield "Reshape to 0", [("Reshape", "x s", "y")], x, {"s": [0, -1, 5]}
    chain = [("Shape", "x", "d"), ("Gather", "d i", "e"), ("Concat", "e k", "s", {"axis": 0}), ("Reshape", "x s", "y")]
    yield "Reshape to computed dims", chain, x, {"i": [0], "k": [3, -1]}
    yield "Expand", [("Shape", "x", "s"), ("Expand", "c s", "e"), ("Mul", "x e", "y")], x, {"c": weights(1, 6, 1)}
    nodes = [("Shape", "x", "s"), ("Gather", "s i", "e"), ("Range", "i e o", "r"), ("Cast", "r", "y", {"to": F32})]
    yield "Range", nodes, x, {"i": 0, "o": 1}


def long_sums():
    """Models whose sums are made in an order that depends on n in artifacts for one size, and on the bound in those for a
    range; and from which n on both are the same."""
    x = [("x", F32, ["n", 6, 10])]
    yield "ReduceMean", [("ReduceMean", "x a", "y", {"keepdims": 0})], x, {"a": [0]}, 64
    yield "ReduceMax", [("ReduceMax", "x a", "y", {"keepdims": 0})], x, {"a": [0]}, 1
    two = [*x, ("z", F32, ["n", 7])]
    yield "MatMul", [("Transpose", "x", "t", {"perm": [1, 2, 0]}), ("MatMul", "t z", "y")], two, {}, 1
    attention = [("Transpose", "k", "t", {"perm": [0, 2, 1]}), ("MatMul", "q t", "s"), ("Softmax", "s", "p"),
                 ("MatMul", "p v", "y")]
    yield "attention", attention, [(name, F32, [3, "n", 64]) for name in "qkv"], {}, LONG


def make(nodes, inputs, constants):
    made = [numpy_helper.from_array(numpy.asarray(value), name) for name, value in constants.items()]
    read = {name for node in nodes for name in node[1].split()}
    outputs = [name for node in nodes for name in node[2].split() if name not in read]
    types = {"i": I64} if any(node[0] == "TopK" for node in nodes) else {"y": I64} if nodes[0][0] == "ArgMax" else {}
    return counted.model(nodes, inputs, [(name, types.get(name, F32), None) for name in outputs], made, opset=18)


class Ranges(unittest.TestCase):
    def feeds(self, inputs, sizes):
        for name, dtype, dims in inputs:
            shape = [sizes.get(dim, dim) for dim in dims]
            if dtype == F32:
                yield name, weights(*shape)
            else:
                lengths = dtype == TensorProto.INT32  # 0 or 1
                yield name, random.integers(0, 2 if lengths else 50, shape).astype("int32" if lengths else "int64")

    def check_sizes(self, model, inputs, ranged):
        checked = 0
        for n in SIZES:
            sizes = {"n": n, "m": int(random.integers(1, 6))}
            feeds = dict(self.feeds(inputs, sizes))
            used = {dim: sizes[dim] for _, _, dims in inputs for dim in dims if dim in sizes}
            try:
                fixed = erc.Session(erc.compile(model, dims=used))
            except erc.CompileError:
                self.impossible += 1  # a window that does not fit an image of that size
                continue
            wanted = fixed.run(feeds)
            try:
                found = ranged.run(feeds)
            except erc.Error as error:  # so small that the model is computed in another way
                self.assertRegex(str(error), "no entry point of the session takes|give no plan")
                self.assertLess(min(used.values()), 3)
                self.beyond += 1
                continue
            for name, value in wanted.items():
                self.assertEqual(found[name].shape, value.shape, (name, used))
                self.assertEqual(found[name].tobytes(), value.tobytes(), (name, used))
            checked += 1
        return checked

    def test_bits(self):
        count = checked = self.impossible = self.beyond = 0
        refused = set()
        for title, nodes, inputs, constants in models():
            with self.subTest(title):
                model = make(nodes, inputs, constants)
                names = {dim for _, _, dims in inputs for dim in dims if isinstance(dim, str)}
                ranges = {name: f"1..{MOST if name == 'n' else 5}" for name in names}
                if title in REFUSED:
                    with self.assertRaisesRegex(erc.CompileError, REFUSED[title]):
                        erc.compile(model, dims=ranges)
                    refused.add(title)
                    continue
                with warnings.catch_warnings():  # of sizes that are too small for a window
                    warnings.simplefilter("ignore", erc.CompileWarning)
                    ranged = erc.Session(erc.compile(model, dims=ranges))
                checked += self.check_sizes(model, inputs, ranged)
                count += 1
        self.assertEqual(refused, set(REFUSED))
        print(f"    {count} models at {checked} sizes; {self.impossible} are not possible, {self.beyond} not in the range;"
              f" {len(refused)} models are refused")
        self.assertGreaterEqual(checked, 3 * count)


    def test_bind_after_a_refused_one(self):
        """A bind that is refused at its second input has changed the first one; the next bind starts from there."""
        nodes, inputs = [("MatMul", "p q", "y")], [("p", F32, ["a", 6]), ("q", F32, [6, "c"])]
        for dims in ({"a": [1, 3], "c": [2, 5]}, {"a": "1..3", "c": "2..5"}):
            request = erc.Session(erc.compile(make(nodes, inputs, {}), dims=dims)).request()
            good, bad = ({"p": weights(1, 6), "q": weights(6, 2)}, {"p": weights(3, 6), "q": weights(6, 9)})
            wanted = request.bind(good).run()["y"].tobytes()
            for _ in range(2):
                with self.assertRaises(erc.Error):
                    request.bind(bad)
                with self.assertRaises(erc.Invalid):
                    request.run()  # p is not bound for these dims
                self.assertEqual(request.bind(good).run()["y"].tobytes(), wanted)

    def test_networks(self):
        for network in (make_network() for make_network in NETWORKS):
            with self.subTest(network.name):
                model = network.model()
                ranged = erc.Session(erc.compile(model, dims=network.dims()))
                for _ in range(10 if ALL else 2):
                    sizes = network.draw(1 if ALL else 4)  # what is unrolled for one size takes long to compile
                    feeds = dict(network.feeds(sizes))
                    wanted, found = erc.Session(erc.compile(model, dims=sizes)).run(feeds), ranged.run(feeds)
                    for name, value in wanted.items():
                        self.assertEqual(found[name].shape, value.shape, (name, sizes))
                        self.assertEqual(found[name].tobytes(), value.tobytes(), (name, sizes))

    def test_long_sums(self):
        same = other = 0
        most = 0.0
        for title, nodes, inputs, constants, same_from in long_sums():
            with self.subTest(title):
                model = make(nodes, inputs, constants)
                ranged = erc.Session(erc.compile(model, dims={"n": f"1..{LONG}"}))
                for n in (1, 7, 63, 64, 65, 333, LONG):
                    feeds = dict(self.feeds(inputs, {"n": n}))
                    wanted = erc.Session(erc.compile(model, dims={"n": n})).run(feeds)["y"]
                    found = ranged.run(feeds)["y"]
                    if n >= same_from:
                        self.assertEqual(found.tobytes(), wanted.tobytes(), n)
                        same += 1
                        continue
                    numpy.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
                    other += 1
                    most = max(most, float(abs(found - wanted).max()))
        self.assertEqual((same, other), (19, 9))
        print(f"    {same} sums with the same bits, {other} in another order: {most:.1e} apart at most")


if __name__ == "__main__":
    unittest.main()
