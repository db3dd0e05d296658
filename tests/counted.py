"""What Python tests share: a run of unittest that ends with "N passed, N failed, N skipped", and ONNX models."""

import sys
import time
import unittest

from onnx import TensorProto, helper

F32 = TensorProto.FLOAT


class Result(unittest.TextTestResult):
    what = ""
    passed = 0

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1
        print(f"  {test.id():60} {time.monotonic() - self.began:6.2f} s", flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"skipped: {self.what}: {test.id()}: {reason}", flush=True)


def run(what, folder, names):
    """Runs test_*.py of the folder, or the tests of these names. Returns the exit code."""
    Result.what = what
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(names) if names else loader.discover(folder, "test_*.py")
    result = unittest.TextTestRunner(sys.stdout, verbosity=0, resultclass=Result).run(suite)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.passed} passed, {failed} failed, {len(result.skipped)} skipped")
    return failed != 0 or result.passed == 0


def model(nodes, inputs, outputs, constants=(), opset=21):
    """nodes: (operator, inputs, outputs[, attributes]); inputs and outputs: (name, ONNX dtype, shape)."""
    graph = helper.make_graph(
        [helper.make_node(n[0], n[1].split(), n[2].split(), name=n[2], **(n[3] if len(n) > 3 else {})) for n in nodes],
        "test",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        list(constants),
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 10
    return made


def product(layers, size=1024):
    """A chain of products of square matrices, scaled so that they stay finite: 60 layers take seconds."""
    nodes, last = [], "x"
    for i in range(layers):
        nodes += [("MatMul", f"{last} x", f"p{i}"), ("Mul", f"p{i} scale", f"m{i}")]
        last = f"m{i}"
    nodes.append(("ReduceSum", last, "y"))
    scale = helper.make_tensor("scale", F32, [], [1e-3])
    return model(nodes, [("x", F32, [size, size])], [("y", F32, [1, 1])], [scale])
