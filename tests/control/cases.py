"""Branches and loops whose course is known at run time only, with the outputs of ONNX Runtime (optimisations off):
`tests/control/run.sh BUILD --make`. Written as cases of the conformance runner into tests/control/cases.tar.xz, from which
`make check` runs them without Python. Each case has several sets of inputs, which take different courses; `drawn_*` are
drawn by a seed: branches, loops and scans in each other.

  cases.py FILE.tar.xz [FIRST COUNT]    the drawn ones from number FIRST on alone; to look for faults"""

import io
import random
import sys
import tarfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

RNG = np.random.default_rng(11)
OPTIONS = onnxruntime.SessionOptions()
OPTIONS.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
DRAWN = 48
CASES = {}
N = helper.make_node
F32, I64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def floats(*shape):  # few bits, so that the archive is small
    return (RNG.integers(-32, 33, shape) / 16).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def scalar(value, dtype=np.int64):
    return np.array(value, dtype)


def value(name, dtype=F32, shape=None):
    return helper.make_tensor_value_info(name, dtype, shape) if shape is not None else helper.make_value_info(
        name, helper.make_tensor_type_proto(dtype, None))


def graph(nodes, inputs, outputs, name="body"):
    """inputs: (name, dtype, shape) or names of f32; outputs: names of f32, or (name, dtype)"""
    def info(item):
        return value(*item) if isinstance(item, tuple) else value(item)
    return helper.make_graph(nodes, name, [info(i) for i in inputs], [info(o) for o in outputs])


def case(name, nodes, outputs, sets, **constants):
    CASES[name] = (nodes, outputs, sets, constants)


LOOP = [("i", I64, []), ("go", BOOL, [])]  # the first inputs of a Loop's body
KEEP = N("Identity", ["go"], ["go_on"])  # its condition, unchanged
ON = ("go_on", BOOL)
ZERO, TWO = scalar(0, np.float32), scalar(2, np.float32)


def sums(*values):
    """Sets of inputs x with these sums."""
    return [{"x": np.full((3, 4), v / 12, np.float32)} for v in values]


def branches():
    test = [N("ReduceSum", ["x"], ["t"], keepdims=0), N("Greater", ["t", "zero"], ["c"])]
    more, less = N("Mul", ["x", "two"], ["a"]), N("Sub", ["x", "two"], ["b"])
    case("if", test + [N("If", ["c"], ["y"], then_branch=graph([more], [], ["a"]), else_branch=graph([less], [], ["b"]))],
         ["y"], sums(3, -3), zero=ZERO, two=TWO)
    case("if_of_outer_values", test + [
        N("Exp", ["x"], ["e"]), N("If", ["c"], ["y", "z"], then_branch=graph([more, N("Identity", ["e"], ["e2"])], [], ["a", "e2"]),
                                  else_branch=graph([N("Neg", ["e"], ["n"]), N("Identity", ["two_d"], ["d"])], [], ["n", "d"])), N("Add", ["y", "z"], ["s"])],
         ["s", "y"], sums(3, -3), zero=ZERO, two=TWO, two_d=np.full((3, 4), 2, np.float32))
    case("if_shapes", test + [N("If", ["c"], ["y"], then_branch=graph([N("Concat", ["x", "x"], ["a"], axis=0)], [], ["a"]),
                                else_branch=graph([N("Identity", ["x"], ["b"])], [], ["b"])),
                              N("ReduceMean", ["y", "axis"], ["m"]), N("Mul", ["y", "two"], ["w"])],
         ["y", "m", "w"], sums(3, -3), zero=ZERO, two=TWO, axis=ints(0))
    case("if_in_if", test + [
        N("Less", ["t", "six"], ["d"]),
        N("If", ["c"], ["y"], then_branch=graph(
            [N("If", ["d"], ["inner"], then_branch=graph([more], [], ["a"]), else_branch=graph([N("Neg", ["x"], ["g"])], [], ["g"])),
             N("Add", ["inner", "two"], ["outer"])], [], ["outer"]), else_branch=graph([less], [], ["b"]))],
         ["y"], sums(3, 9, -3), zero=ZERO, two=TWO, six=scalar(6, np.float32))
    case("if_of_matmul", test + [
        N("If", ["c"], ["y"], then_branch=graph([N("MatMul", ["x", "w"], ["a"])], [], ["a"]),
          else_branch=graph([N("MatMul", ["x", "v"], ["b0"]), N("Relu", ["b0"], ["b"])], [], ["b"])), N("Softmax", ["y"], ["z"])],
         ["y", "z"], sums(3, -3), zero=ZERO, w=floats(4, 6), v=floats(4, 6))
    # what one branch packs or reorders, the other one must not expect
    once = [N("ReduceSum", ["x"], ["t"], keepdims=0), N("Greater", ["t", "zero"], ["c"]), N("Exp", ["w"], ["e"])]
    case("if_of_one_matrix", once + [
        N("If", ["c"], ["y"], then_branch=graph([N("MatMul", ["x", "e"], ["a0"]), N("Relu", ["a0"], ["a"])], [], ["a"]),
          else_branch=graph([N("Neg", ["x"], ["m"]), N("MatMul", ["m", "e"], ["b"])], [], ["b"])), N("MatMul", ["y", "e"], ["z"])],
         ["y", "z"], [{"x": np.full((8, 40), k, np.float32) / 16, "w": floats(40, 40) / 8} for k in (1, -1)], zero=ZERO)
    case("if_of_convs", [N("ReduceSum", ["x"], ["t"], keepdims=0), N("Greater", ["t", "zero"], ["c"]), N("Exp", ["x"], ["e"]),
                         N("If", ["c"], ["y"], then_branch=graph([N("Conv", ["e", "v"], ["a"], pads=[1, 1, 1, 1])], [], ["a"]),
                           else_branch=graph([N("Conv", ["e", "w"], ["b0"], pads=[1, 1, 1, 1]), N("Relu", ["b0"], ["b"])], [], ["b"])),
                         N("Conv", ["e", "v"], ["z0"], pads=[1, 1, 1, 1]), N("Add", ["y", "z0"], ["z"])], ["y", "z"],
         [{"x": k * np.ones((1, 16, 5, 5), np.float32) / 8} for k in (1, -1)], zero=ZERO, v=floats(16, 16, 3, 3) / 8, w=floats(16, 16, 3, 3) / 8)
    detected = [N("Greater", ["x", "zero"], ["m"]), N("NonZero", ["m"], ["nz"]), N("Shape", ["nz"], ["sh"]), N("Gather", ["sh", "one"], ["n"]),
                N("Greater", ["n", "none"], ["c"]),
                N("If", ["c"], ["y"], then_branch=graph([N("Cast", ["nz"], ["f"], to=F32), N("Mul", ["f", "two"], ["a"])], [], ["a"]),
                  else_branch=graph([N("Identity", ["empty"], ["b"])], [], ["b"]))]
    case("if_nothing_found", detected, ["y"], [{"x": floats(3, 4)}, {"x": -np.ones((3, 4), np.float32)}, {"x": np.ones((3, 4), np.float32)}],
         zero=ZERO, two=TWO, one=scalar(1), none=scalar(0), empty=np.zeros((2, 0), np.float32))


def loops():
    body = [N("Mul", ["a", "two"], ["a2"]), N("ReduceSum", ["a2"], ["t"], keepdims=0), N("Less", ["t", "top"], ["go_on"])]
    until = dict(two=TWO, top=scalar(100, np.float32), yes=scalar(True, bool))
    case("until", [N("Loop", ["", "yes", "x"], ["y"], body=graph(body, [*LOOP, "a"], [ON, "a2"]))], ["y"], sums(3, 0.25, 200), **until)
    case("until_or_six", [N("Loop", ["six", "yes", "x"], ["y"], body=graph(body, [*LOOP, "a"], [ON, "a2"]))], ["y"],
         sums(3, 0.25, 200), six=scalar(6), **until)
    case("first_condition", [N("ReduceSum", ["x"], ["s"], keepdims=0), N("Less", ["s", "top"], ["c"]),
                             N("Loop", ["", "c", "x"], ["y"], body=graph(body, [*LOOP, "a"], [ON, "a2"]))], ["y"], sums(3, 200), **until)
    collect = [KEEP, N("Cast", ["i"], ["f"], to=F32), N("Add", ["a", "f"], ["a2"]), N("ReduceSum", ["a2", "axis"], ["row"], keepdims=0)]
    times = [{"x": floats(3, 4), "n": scalar(n)} for n in (5, 0, 1, 16)]
    case("times", [N("Loop", ["n", "", "x"], ["y", "rows"], body=graph(collect, [*LOOP, "a"], [ON, "a2", "row"])),
                   N("ReduceSum", ["rows", "axis"], ["all"], keepdims=0)], ["y", "rows", "all"], times[:1] + times[2:], axis=ints(0))
    swap = [KEEP, N("Identity", ["b"], ["a2"]), N("Identity", ["a"], ["b2"]), N("Add", ["c", "a"], ["c2"]), N("Identity", ["d"], ["d2"])]
    case("swapped_states", [N("Neg", ["x"], ["minus"]),
                            N("Loop", ["n", "", "x", "minus", "x", "x"], ["p", "q", "r", "s"],
                              body=graph(swap, [*LOOP, "a", "b", "c", "d"], [ON, "a2", "b2", "c2", "d2"]))], ["p", "q", "r", "s"], times)
    case("outer_values", [N("Exp", ["x"], ["e"]), N("Neg", ["x"], ["g"]),
                          N("Loop", ["n", "", "x"], ["y"], body=graph([KEEP, N("MatMul", ["a", "w"], ["p"]), N("Tanh", ["p"], ["h"]),
                                                                       N("Add", ["h", "e"], ["a2"])], [*LOOP, "a"], [ON, "a2"])),
                          N("Add", ["y", "g"], ["z"])], ["y", "z"], times, w=floats(4, 4))
    steps = [KEEP, N("Add", ["k", "one"], ["k2"]), N("Mul", ["k2", "k2"], ["sq"]), N("Identity", ["k2"], ["u"]), N("Sub", ["m", "k"], ["m2"])]
    case("numbers", [N("Loop", ["n", "", "zero", "zero"], ["k_last", "m_last", "squares", "all"],
                       body=graph(steps, [*LOOP, ("k", I64, []), ("m", I64, [])], [ON, ("k2", I64), ("m2", I64), ("sq", I64), ("u", I64)]))],
         ["k_last", "m_last", "squares", "all"], [{"n": scalar(n)} for n in (4, 0, 9)], one=scalar(1), zero=scalar(0))
    inner = graph([N("Identity", ["go2"], ["go_on2"]), N("Mul", ["b", "half"], ["b1"]), N("Add", ["b1", "a"], ["b2"]),
                   N("ReduceMax", ["b2"], ["top"], keepdims=0)], [("j", I64, []), ("go2", BOOL, []), "b"], [("go_on2", BOOL), "b2", "top"])
    nested = [KEEP, N("Add", ["i", "one"], ["times"]), N("Loop", ["times", "", "a"], ["c", "tops"], body=inner),
              N("ReduceSum", ["tops"], ["sum"], keepdims=0), N("Mul", ["c", "half"], ["a2"])]
    case("loop_in_loop", [N("Loop", ["n", "", "x"], ["y", "sums"], body=graph(nested, [*LOOP, "a"], [ON, "a2", "sum"]))], ["y", "sums"],
         [{"x": floats(3, 4), "n": scalar(n)} for n in (3, 1, 6)], half=scalar(.5, np.float32), one=scalar(1))
    choose = [KEEP, N("ReduceSum", ["a"], ["t"], keepdims=0), N("Greater", ["t", "zero"], ["c"]),
              N("If", ["c"], ["a2"], then_branch=graph([N("Sub", ["a", "two"], ["l"])], [], ["l"]),
                else_branch=graph([N("Add", ["a", "e"], ["m"])], [], ["m"]))]
    case("if_in_loop", [N("Exp", ["x"], ["e"]), N("Loop", ["n", "", "x"], ["y"], body=graph(choose, [*LOOP, "a"], [ON, "a2"]))], ["y"], times,
         zero=ZERO, two=TWO)
    case("loop_in_if", [N("ReduceSum", ["x"], ["t0"], keepdims=0), N("Greater", ["t0", "zero"], ["c"]),
                        N("If", ["c"], ["y"], then_branch=graph([N("Loop", ["", "yes", "x"], ["l"], body=graph(body, [*LOOP, "a"], [ON, "a2"]))], [], ["l"]),
                          else_branch=graph([N("Neg", ["x"], ["m"])], [], ["m"]))], ["y"], sums(3, -3, 200), zero=ZERO, **until)
    case("many_times", [N("Loop", ["thousand", "", "x"], ["y"], body=graph(
        [KEEP, N("Mul", ["a", "c"], ["p"]), N("Sin", ["p"], ["q"]), N("Add", ["q", "c"], ["r"]), N("Tanh", ["r"], ["s"]), N("Mul", ["s", "c"], ["a2"])],
        [*LOOP, "a"], [ON, "a2"]))], ["y"], [{"x": floats(3, 4)}], thousand=scalar(2000), c=scalar(.75, np.float32))


def growing():
    times = [{"x": floats(2, 3), "n": scalar(n)} for n in (5, 0, 1, 12)]
    grow = [KEEP, N("Mul", ["x", "half"], ["h"]), N("Concat", ["a", "h"], ["a2"], axis=0)]
    case("grows", [N("Loop", ["n", "", "x"], ["y"], body=graph(grow, [*LOOP, "a"], [ON, "a2"])), N("ReduceSum", ["y", "axis"], ["s"], keepdims=0)],
         ["y", "s"], times, half=scalar(.5, np.float32), axis=ints(0))
    case("grows_from_nothing", [N("Loop", ["n", "", "empty"], ["y"], body=graph(grow, [*LOOP, "a"], [ON, "a2"]))], ["y"], times,
         half=scalar(.5, np.float32), empty=np.zeros((0, 3), np.float32))
    tokens = [N("Gather", ["table", "last"], ["e"]), N("ReduceSum", ["e", "axis"], ["e1"], keepdims=0), N("MatMul", ["e1", "w"], ["logits"]),
              N("ArgMax", ["logits"], ["next"], axis=0, keepdims=1), N("Concat", ["ids", "next"], ["ids2"], axis=0),
              N("Equal", ["next", "stop"], ["is_end"]), N("Squeeze", ["is_end"], ["ended"]), N("Not", ["ended"], ["go_on"])]
    case("greedy", [N("Loop", ["limit", "yes", "start", "start"], ["ids_out", "last_out"],
                      body=graph(tokens, [*LOOP, ("ids", I64, [None]), ("last", I64, [1])], [ON, ("ids2", I64), ("next", I64)]))], ["ids_out"],
         [{"start": ints(k), "w": w} for k, w in ((3, floats(8, 10)), (1, floats(8, 10)), (7, floats(8, 10)))],
         limit=scalar(12), yes=scalar(True, bool), stop=ints(5), axis=ints(0), table=floats(10, 8))


def scans():
    add = graph([N("Add", ["s", "r"], ["s2"]), N("Mul", ["s2", "r"], ["o"])], ["s", "r"], ["s2", "o"])
    sets = [{"x": floats(900, 3), "s0": floats(3)}]
    case("long_scan", [N("Scan", ["s0", "x"], ["last", "all"], body=graph(
        [N("Tanh", ["s"], ["h"]), N("Add", ["h", "r"], ["s1"]), N("Mul", ["s1", "half"], ["s2"]), N("Sub", ["s2", "r"], ["d"]), N("Exp", ["d"], ["o"])],
        ["s", "r"], ["s2", "o"]), num_scan_inputs=1)], ["last", "all"], sets, half=scalar(.5, np.float32))
    for name, attrs, shape in (("scan_back", {"scan_input_directions": [1], "scan_output_directions": [1]}, (1500, 3)),
                               ("scan_axes", {"scan_input_axes": [1], "scan_output_axes": [-1]}, (3, 1500))):
        case(name, [N("Scan", ["s0", "x"], ["last", "all"], num_scan_inputs=1, body=graph(
            [N("Mul", ["s", "half"], ["g"]), N("Add", ["g", "r"], ["s2"]), N("Abs", ["s2"], ["o1"]), N("Sqrt", ["o1"], ["o"])], ["s", "r"], ["s2", "o"]), **attrs)],
             ["last", "all"], [{"x": floats(*shape), "s0": floats(3)}], half=scalar(.5, np.float32))
    picked = [N("NonZero", ["m"], ["nz"]), N("Squeeze", ["nz", "first"], ["at"]), N("Gather", ["x", "at"], ["r"], axis=0),
              N("Scan", ["s0", "r"], ["last", "all"], body=add, num_scan_inputs=1)]
    x = floats(9, 3)
    case("scan_of_some", picked, ["last", "all"], [{"x": x, "m": m, "s0": floats(3) / 8}
                                                  for m in (RNG.random(9) < .5, np.ones(9, bool), np.arange(9) == 4)], first=ints(0))


class Drawing:
    """A graph drawn by a seed. Values are f32 of shape [3, 4]."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.constants = {"half": scalar(.5, np.float32), "one": scalar(1), "yes": scalar(True, bool), "axis": ints(0), "zero": ZERO}
        self.names = 0
        self.budget = 14  # branches and loops

    def name(self, stem):
        self.names += 1
        return f"{stem}{self.names}"

    def constant(self, array):
        name = self.name("k")
        self.constants[name] = array
        return name

    def simple(self, nodes, known):
        pick = self.random.choice
        out, a, b = self.name("v"), pick(known), pick(known)
        kind = self.random.randrange(9)
        if kind < 3:
            nodes.append(N(pick(["Tanh", "Neg", "Abs", "Relu", "Sigmoid", "Identity", "Sin"]), [a], [out]))
        elif kind < 6:
            nodes.append(N(pick(["Add", "Sub", "Mul", "Max", "Min"]), [a, b], [self.name("u")]))
            nodes.append(N("Tanh", [nodes[-1].output[0]], [out]))
        elif kind == 6:
            nodes.append(N("MatMul", [a, self.constant(floats(4, 4) / 4)], [out]))
        elif kind == 7:
            nodes.append(N("Softmax", [a], [out], axis=pick([0, 1])))
        else:
            nodes.append(N("ReduceMean", [a, "axis"], [self.name("u")], keepdims=1))
            nodes.append(N("Sub", [b, nodes[-1].output[0]], [out]))
        return out

    def condition(self, nodes, known):
        total, out = self.name("t"), self.name("c")
        limit = self.constant(scalar(self.random.randrange(-24, 25) / 8 + 1 / 97, np.float32))
        nodes.append(N("ReduceSum", [self.random.choice(known)], [total], keepdims=0))
        nodes.append(N(self.random.choice(["Greater", "Less"]), [total, limit], [out]))
        return out

    def number(self, nodes, known):
        """0 to 6, computed."""
        out = [self.name("n") for _ in range(5)]
        nodes += [N("ReduceSum", [self.random.choice(known)], [out[0]], keepdims=0), N("Abs", [out[0]], [out[1]]),
                  N("Floor", [out[1]], [out[2]]), N("Cast", [out[2]], [out[3]], to=I64),
                  N("Mod", [out[3], self.constant(scalar(self.random.randrange(2, 8)))], [out[4]])]
        return out[4]

    def branch(self, nodes, known, depth):
        condition, count = self.condition(nodes, known), self.random.randrange(1, 3)
        arms = []
        for _ in range(2):
            inner = []
            made = self.block(inner, known, depth + 1)
            arms.append(graph(inner, [], [self.copy(inner, made if self.random.random() < .8 else known) for _ in range(count)]))
        outputs = [self.name("v") for _ in range(count)]
        nodes.append(N("If", [condition], outputs, then_branch=arms[0], else_branch=arms[1]))
        return outputs

    def copy(self, nodes, known):
        out = self.name("v")
        nodes.append(N("Identity", [self.random.choice(known)], [out]))
        return out

    def loop(self, nodes, known, depth):
        pick = self.random.choice
        states, collected = self.random.randrange(1, 4), self.random.randrange(0, 3)
        trips = pick([self.number(nodes, known), self.constant(scalar(self.random.randrange(2, 7)))])
        has_condition = self.random.random() < .6
        first = "" if not has_condition else pick(["yes", self.condition(nodes, known)])
        inner, i, go = [], self.name("i"), self.name("go")
        carried = [self.name("s") for _ in range(states)]
        number, term = self.name("f"), self.name("v")
        inner += [N("Cast", [i], [number], to=F32), N("Mul", [pick(carried), number], [term])]
        made = self.block(inner, known + carried + [term], depth + 1)
        following = [pick(made + carried) for _ in range(states)]
        on = self.condition(inner, made + carried) if has_condition else self.name("c")
        if not has_condition:
            inner.append(N("Identity", [go], [on]))
        results = []
        for name in following + [pick(made + carried) for _ in range(collected)]:
            results.append(self.name("r"))
            inner.append(N("Identity", [name], [results[-1]]))
        body = graph(inner, [(i, I64, []), (go, BOOL, []), *((c, F32, [3, 4]) for c in carried)], [(on, BOOL), *results])
        outputs = [self.name("v") for _ in range(states + collected)]
        nodes.append(N("Loop", [trips, first, *(pick(known) for _ in range(states))], outputs, body=body))
        return outputs[:states] + [self.sum(nodes, o, known) for o in outputs[states:]]

    def sum(self, nodes, array, known):
        """Of what a loop has collected. Without an iteration, ONNX Runtime has no shape for it: the sum is then a scalar."""
        total, both, out = self.name("u"), self.name("u"), self.name("v")
        nodes += [N("ReduceSum", [array, "axis"], [total], keepdims=0), N("Add", [total, self.random.choice(known)], [both]),
                  N("Tanh", [both], [out])]
        return out

    def block(self, nodes, known, depth):
        made = []
        for _ in range(self.random.randrange(2, 5)):
            kind = self.random.random()
            if depth < 4 and self.budget > 0 and kind < (.9 if depth == 0 else .45):
                self.budget -= 1
                made += (self.branch if kind % .1 < .05 else self.loop)(nodes, known + made, depth)
            else:
                made.append(self.simple(nodes, known + made))
        return made


def drawn(seed):
    drawing = Drawing(seed)
    nodes = []
    made = drawing.block(nodes, ["x", "w"], 0)
    RNG.bit_generator.state = np.random.default_rng(seed).bit_generator.state
    sets = [{"x": floats(3, 4), "w": floats(3, 4)} for _ in range(4)]
    case(f"drawn_{seed}", nodes, made[-3:], sets, **drawing.constants)


def uses(item, used):
    for node in item:
        used.update(node.input)
        for attr in node.attribute:
            if attr.type == onnx.AttributeProto.GRAPH:
                uses(attr.g.node, used)
                used.update(o.name for o in attr.g.output)


def model_of(name, nodes, outputs, inputs, constants):
    used = set()
    uses(nodes, used)
    types = [value(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for k, v in inputs.items() if k in used]
    results = [helper.make_empty_tensor_value_info(y) for y in outputs]
    made = helper.make_graph(nodes, name, types, results, [numpy_helper.from_array(v, k) for k, v in constants.items() if k in used])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9, producer_name="erc")
    return onnx.shape_inference.infer_shapes(model)


def preempted():
    """A model for preempted runs: a loop of many tiles, with a branch and a loop in it, and growing rows."""
    inner = graph([N("Identity", ["go2"], ["go_on2"]), N("MatMul", ["b", "v"], ["p"]), N("Tanh", ["p"], ["b2"])],
                  [("j", I64, []), ("go2", BOOL, []), "b"], [("go_on2", BOOL), "b2"])
    body = [N("MatMul", ["a", "w"], ["q"]), N("Softmax", ["q"], ["r"], axis=-1), N("ReduceSum", ["q"], ["t"], keepdims=0), N("Greater", ["t", "zero"], ["c"]),
            N("If", ["c"], ["s"], then_branch=graph([N("Loop", ["three", "", "r"], ["l"], body=inner)], [], ["l"]),
              else_branch=graph([N("Neg", ["q"], ["m"]), N("Sin", ["m"], ["n"])], [], ["n"])),
            N("Add", ["s", "a"], ["u"]), N("Mul", ["u", "half"], ["a2"]), N("ReduceMean", ["a2", "axis"], ["row"], keepdims=1),
            N("Concat", ["g", "row"], ["g2"], axis=0), N("ReduceSum", ["row"], ["e"], keepdims=0), N("Less", ["e", "top"], ["go_on"])]
    nodes = [N("Cast", ["t0"], ["n0"], to=I64), N("ReduceMax", ["x"], ["t0"], keepdims=0)][::-1] + [
        N("Add", ["n0", "most"], ["times"]), N("Loop", ["times", "yes", "x", "empty"], ["y", "rows", "all"],
                                                body=graph(body, [*LOOP, "a", "g"], [ON, "a2", "g2", "e"]))]
    constants = dict(zero=ZERO, three=scalar(3), half=scalar(.5, np.float32), axis=ints(0), top=scalar(1e6, np.float32), most=scalar(12),
                     yes=scalar(True, bool), empty=np.zeros((0, 128), np.float32), w=floats(128, 128) / 8, v=floats(128, 128) / 8)
    return model_of("preempted", nodes, ["y", "rows", "all"], {"x": np.zeros((300, 128), np.float32)}, constants)


def main():
    archive = tarfile.open(sys.argv[1], "w:xz", preset=9)

    def add(path, data):
        entry = tarfile.TarInfo(path)
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))

    first, count = (int(n) for n in sys.argv[2:4]) if len(sys.argv) > 2 else (0, DRAWN)
    for family in (branches, loops, growing, scans) if len(sys.argv) == 2 else ():
        family()
    for seed in range(first, first + count):
        drawn(seed)
    for name, (nodes, outputs, sets, constants) in sorted(CASES.items()):
        model = model_of(name, nodes, outputs, sets[0], constants)
        try:
            session = onnxruntime.InferenceSession(model.SerializeToString(), OPTIONS, providers=["CPUExecutionProvider"])
            names = [i.name for i in model.graph.input]
            runs = [session.run(outputs, {k: v for k, v in inputs.items() if k in names}) for inputs in sets]
        except Exception as error:
            raise SystemExit(f"{name}: {error}") from error
        add(f"data/control/test_{name}/model.onnx", model.SerializeToString())
        for k, (inputs, results) in enumerate(zip(sets, runs)):
            for kind, order, arrays in (("input", names, inputs), ("output", outputs, dict(zip(outputs, results)))):
                for i, item in enumerate(order):
                    add(f"data/control/test_{name}/test_data_set_{k}/{kind}_{i}.pb",
                        numpy_helper.from_array(np.asarray(arrays[item]), item).SerializeToString())
    add("preempted.onnx", preempted().SerializeToString())
    archive.close()
    print(f"{len(CASES)} cases")


main()
