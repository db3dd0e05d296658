"""Small networks of the kinds that are used with sizes from call to call. Each is a model, its inputs, the ranges of its dims,
and its outputs."""

import numpy
from onnx import TensorProto, helper, numpy_helper

F32, I64 = TensorProto.FLOAT, TensorProto.INT64


class Network:
    def __init__(self, name, inputs, ranges, outputs, seed):
        self.name, self.inputs, self.ranges, self.outputs = name, inputs, ranges, outputs
        self.nodes, self.constants = [], {}
        self.random = numpy.random.default_rng(seed)

    def weights(self, name, *shape, scale=0.2):
        self.constants[name] = (self.random.standard_normal(shape) * scale).astype("float32")
        return name

    def numbers(self, **values):
        for name, value in values.items():
            wide = numpy.asarray(value)
            self.constants[name] = wide.astype("float32" if wide.dtype.kind == "f" else "int64")

    def add(self, op, inputs, outputs, **attrs):
        names = ["" if name == "-" else name for name in inputs.split()]
        self.nodes.append(helper.make_node(op, names, outputs.split(), name=outputs, **attrs))
        return outputs.split()[0]

    def conv(self, x, channels, to, stride=1):
        out = f"{x}.{to}"
        self.weights(f"{out}.w", to, channels, 3, 3, scale=(2 / (channels * 9)) ** 0.5)
        self.weights(f"{out}.b", to)
        self.add("Conv", f"{x} {out}.w {out}.b", f"{out}.c", pads=[1] * 4, strides=[stride] * 2)
        return self.add("Relu", f"{out}.c", out)

    def model(self):
        def values(infos):
            return [helper.make_tensor_value_info(*info) for info in infos]

        constants = [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        graph = helper.make_graph(self.nodes, self.name, values(self.inputs), values(self.outputs), constants)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
        made.ir_version = 9
        return made

    def feeds(self, sizes):
        for name, dtype, dims in self.inputs:
            shape = [sizes.get(dim, dim) for dim in dims]
            whole = self.random.integers(1, 40, shape) if name != "mask" else numpy.ones(shape, "int64")
            yield name, whole if dtype == I64 else self.random.standard_normal(shape).astype("float32")

    def draw(self, part):
        """Sizes in the first part of the ranges, such as their first quarter; the ends are as likely as all between them."""
        sizes = {}
        for name, (least, most, step) in self.ranges.items():
            most = least + (most - least) // step // part * step
            between = least + step * int(self.random.integers(0, (most - least) // step + 1))
            sizes[name] = int(self.random.choice([least, most, between, between]))
        return sizes

    def dims(self):
        return {name: f"{least}..{most}:{step}" for name, (least, most, step) in self.ranges.items()}


def detector():
    """Boxes and scores of two maps of features, and what NonMaxSuppression selects of them."""
    outputs = [("selected", I64, None), ("boxes", F32, None), ("scores", F32, None)]
    ranges = {"height": (64, 320, 32), "width": (64, 320, 32)}
    n = Network("detector", [("x", F32, [1, 3, "height", "width"])], ranges, outputs, 1)
    fine = n.conv(n.conv("x", 3, 16, 2), 16, 32, 2)
    coarse = n.conv(n.conv(fine, 32, 32, 2), 32, 64, 2)
    n.numbers(none=numpy.zeros(0), double=[1.0, 1.0, 4.0, 4.0], to_boxes=[1, 4, -1], to_scores=[1, 3, -1])
    n.numbers(count=[20], overlap=[0.5], threshold=[0.3])
    nearest = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    n.add("Resize", f"{coarse} none double", "up", mode="nearest", **nearest)
    n.add("Concat", f"up {fine}", "both", axis=1)
    map_ = n.conv("both", 96, 32)
    n.add("Conv", f"{map_} {n.weights('box', 4, 32, 1, 1)}", "box_map")
    n.add("Conv", f"{map_} {n.weights('class', 3, 32, 1, 1)}", "class_map")
    n.add("Reshape", "box_map to_boxes", "box_lines")
    n.add("Transpose", "box_lines", "boxes", perm=[0, 2, 1])
    n.add("Sigmoid", "class_map", "probability")
    n.add("Reshape", "probability to_scores", "scores")
    n.add("NonMaxSuppression", "boxes scores count overlap threshold", "selected", center_point_box=1)
    return n


def text():
    """A classifier of text: two layers of attention, and the mean of what the mask leaves."""
    inputs = [("ids", I64, ["batch", "seq"]), ("mask", I64, ["batch", "seq"])]
    n = Network("text", inputs, {"batch": (1, 8, 1), "seq": (1, 512, 1)}, [("y", F32, None)], 2)
    n.numbers(one=1, zero=0, quarter=0.25, low=-1e4, unit=1.0, middle=[1, 2], steps=[1], last=[2])
    n.numbers(heads=[0, 0, 4, 8], joined=[0, 0, 32])
    n.add("Shape", "ids", "shape")
    n.add("Gather", "shape one", "length")
    n.add("Range", "zero length one", "positions")
    n.add("Gather", f"{n.weights('places', 512, 32)} positions", "at")
    n.add("Gather", f"{n.weights('words', 100, 32)} ids", "embedded")
    x = n.add("Add", "embedded at", "x0")
    n.add("Cast", "mask", "kept", to=F32)
    n.add("Unsqueeze", "kept middle", "kept4")
    n.add("Sub", "unit kept4", "left_out")
    n.add("Mul", "left_out low", "bias")
    for i in range(2):
        for part, perm in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
            n.add("MatMul", f"{x} {n.weights(f'{part}{i}.w', 32, 32)}", f"{part}{i}.m")
            n.add("Reshape", f"{part}{i}.m heads", f"{part}{i}.r")
            n.add("Transpose", f"{part}{i}.r", f"{part}{i}", perm=perm)
        n.add("MatMul", f"q{i} k{i}", f"s{i}")
        n.add("Mul", f"s{i} quarter", f"scaled{i}")
        n.add("Add", f"scaled{i} bias", f"masked{i}")
        n.add("Softmax", f"masked{i}", f"p{i}", axis=-1)
        n.add("MatMul", f"p{i} v{i}", f"o{i}")
        n.add("Transpose", f"o{i}", f"o{i}.t", perm=[0, 2, 1, 3])
        n.add("Reshape", f"o{i}.t joined", f"o{i}.r")
        n.add("MatMul", f"o{i}.r {n.weights(f'o{i}.w', 32, 32)}", f"o{i}.m")
        n.add("Add", f"o{i}.m {x}", f"sum{i}")
        n.add("LayerNormalization", f"sum{i} {n.weights(f'g{i}', 32)} {n.weights(f'b{i}', 32)}", f"norm{i}")
        n.add("MatMul", f"norm{i} {n.weights(f'up{i}', 32, 64)}", f"up{i}.m")
        n.add("Relu", f"up{i}.m", f"up{i}.a")
        n.add("MatMul", f"up{i}.a {n.weights(f'down{i}', 64, 32)}", f"down{i}.m")
        x = n.add("Add", f"down{i}.m norm{i}", f"x{i + 1}")
    n.add("Unsqueeze", "kept last", "kept3")
    n.add("Mul", f"{x} kept3", "kept_x")
    n.add("ReduceSum", "kept_x steps", "sum", keepdims=0)
    n.add("ReduceSum", "kept steps", "count", keepdims=1)
    n.add("Div", "sum count", "mean")
    n.add("MatMul", f"mean {n.weights('head', 32, 5)}", "y")
    return n


def speech():
    """Frames of sound with a state from call to call."""
    state = [("h", F32, [1, "batch", 32]), ("c", F32, [1, "batch", 32])]
    outputs = [("y", F32, None), ("h_next", F32, None), ("c_next", F32, None)]
    inputs = [("x", F32, ["batch", 20, "frames"]), *state]
    n = Network("speech", inputs, {"batch": (1, 4, 1), "frames": (1, 400, 1)}, outputs, 3)
    n.numbers(one=[1])
    n.add("Conv", f"x {n.weights('conv', 32, 20, 5)}", "filtered", pads=[2, 2], strides=[2])
    n.add("Relu", "filtered", "active")
    n.add("Transpose", "active", "steps", perm=[2, 0, 1])
    n.add("LSTM", f"steps {n.weights('w', 1, 128, 32)} {n.weights('r', 1, 128, 32)} {n.weights('b', 1, 256)} - h c",
          "hidden h_next c_next", hidden_size=32)
    n.add("Squeeze", "hidden one", "flat")
    n.add("MatMul", f"flat {n.weights('head', 32, 10)}", "logits")
    n.add("LogSoftmax", "logits", "y", axis=-1)
    return n


def lines():
    """A recogniser of lines of text, 48 pixels high."""
    ranges = {"batch": (1, 4, 1), "width": (32, 1200, 1)}
    n = Network("lines", [("x", F32, ["batch", 1, 48, "width"])], ranges, [("y", F32, None)], 4)
    n.numbers(high=[2], joined=[0, 0, 48])
    x = "x"
    for channels, to, window in ((1, 16, [2, 2]), (16, 32, [2, 2]), (32, 48, [12, 1])):
        x = n.add("MaxPool", n.conv(x, channels, to), f"pool{to}", kernel_shape=window, strides=window)
    n.add("Squeeze", f"{x} high", "columns")
    n.add("Transpose", "columns", "steps", perm=[2, 0, 1])
    n.add("LSTM", f"steps {n.weights('w', 2, 96, 48)} {n.weights('r', 2, 96, 24)}", "hidden", hidden_size=24,
          direction="bidirectional")
    n.add("Transpose", "hidden", "turned", perm=[0, 2, 1, 3])
    n.add("Reshape", "turned joined", "both")
    n.add("MatMul", f"both {n.weights('head', 48, 30)}", "logits")
    n.add("Softmax", "logits", "y", axis=-1)
    return n


def branch():
    """An If whose condition is computed of the input."""
    n = Network("branch", [("x", F32, ["n", 16])], {"n": (1, 64, 1)}, [("y", F32, None)], 5)

    def arm(name, op):
        nodes = [helper.make_node("MatMul", ["x", n.weights(f"{name}.w", 16, 16)], [f"{name}.m"]),
                 helper.make_node(op, [f"{name}.m"], [f"{name}.y"])]
        return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(f"{name}.y", F32, ["n", 16])])

    n.numbers(all=[0, 1], zero=0.0)
    n.add("ReduceMean", "x all", "mean", keepdims=0)
    n.add("Greater", "mean zero", "is_positive")
    n.add("If", "is_positive", "chosen", then_branch=arm("then", "Relu"), else_branch=arm("else", "Tanh"))
    n.add("Add", "chosen x", "y")
    return n


NETWORKS = (detector, text, speech, lines, branch)
