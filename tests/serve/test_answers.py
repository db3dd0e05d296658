"""Clients get the bits of `erc run`, whatever way inputs and outputs take."""

import os
import unittest

import numpy
import support
import tritonclient.grpc as grpc
import tritonclient.http as http
import tritonclient.utils.shared_memory as shared
from onnx import TensorProto
from tritonclient.utils import InferenceServerException

TYPES = {
    TensorProto.BOOL: "bool",
    TensorProto.UINT8: "uint8",
    TensorProto.UINT16: "uint16",
    TensorProto.UINT32: "uint32",
    TensorProto.UINT64: "uint64",
    TensorProto.INT8: "int8",
    TensorProto.INT16: "int16",
    TensorProto.INT32: "int32",
    TensorProto.INT64: "int64",
    TensorProto.FLOAT16: "float16",
    TensorProto.FLOAT: "float32",
    TensorProto.DOUBLE: "float64",
}


def twice(dtype):
    """y = x, twice, one after the other; z = x"""
    nodes = [("Concat", "x x", "y", {"axis": 1}), ("Identity", "x", "z")]
    return support.model(nodes, [("x", dtype, [3, 5])], [("y", dtype, [3, 10]), ("z", dtype, [3, 5])])


def nonzero():
    """Positions of what is not 0: the number of columns depends on data."""
    nodes = [("NonZero", "x", "y")]
    return support.model(nodes, [("x", support.F32, [2, 3])], [("y", TensorProto.INT64, [2, None])])


def empty():
    return support.model([("Add", "x x", "y")], [("x", support.F32, [0, 3])], [("y", support.F32, [0, 3])])


def many(dtype=support.F32):
    """Several inputs and outputs, of odd sizes."""
    nodes = [("Add", "a a", "p"), ("Mul", "b b", "q"), ("Concat", "a b", "r", {"axis": 0})]
    inputs = [("a", dtype, [7]), ("b", dtype, [13])]
    return support.model(nodes, inputs, [("p", dtype, [7]), ("q", dtype, [13]), ("r", dtype, [20])])


def default():
    """y = x + c; nobody needs to give c."""
    constant = support.helper.make_tensor("c", support.F32, [3], [1.0, 2.0, 3.0])
    nodes = [("Add", "x c", "y")]
    inputs = [("x", support.F32, [3]), ("c", support.F32, [3])]
    return support.model(nodes, inputs, [("y", support.F32, [3])], [constant])


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.repository = os.path.join(support.folder, "answers")
        cls.artifacts = {"digits.erc": support.digits(), "network": support.network("mobilenetv2", 96)}
        for dtype, name in TYPES.items():
            cls.artifacts[name] = support.artifact(twice(dtype), name)
        for make in (nonzero, empty, many):
            cls.artifacts[make.__name__] = support.artifact(make(), make.__name__)
        cls.artifacts["default"] = support.artifact(default(), "default", "--keep-input", "c")
        for name, path in cls.artifacts.items():
            support.add_model(cls.repository, name, path)
        source = support.root("samples/digits/digits.onnx")
        cls.sizes = support.artifact(source, "sizes", "--dim", "batch=1,3,8")
        support.add_model(cls.repository, "sizes", cls.sizes)
        support.add_model(cls.repository, "three", cls.sizes, {"entry": "batch=3"})
        cls.ranges = support.artifact(source, "ranges", "--dim", "batch=1..8")
        support.add_model(cls.repository, "ranges", cls.ranges)
        os.unlink(os.path.join(cls.repository, "digits.erc", "config.pbtxt"))  # needs none
        cls.server = support.Server(cls.repository)
        cls.grpc, cls.http = cls.server.grpc_client(), cls.server.http_client()

    @classmethod
    def tearDownClass(cls):
        cls.grpc.close()
        cls.http.close()
        assert cls.server.stop() == 0, cls.server.log()

    def outputs(self, name):
        return [output.name for output in self.grpc.get_model_metadata(name).outputs]

    def random_inputs(self, name):
        made = {}
        for given in self.grpc.get_model_metadata(name).inputs:
            shape = [max(dim, 0) for dim in given.shape]  # -1 stands for a dim of 0
            values = numpy.random.default_rng(3).integers(0, 100, shape)
            made[given.name] = (values % 2 if given.datatype == "BOOL" else values).astype(
                {kind: name for name, kind in support.TYPES.items()}.get(given.datatype, given.datatype.lower())
            )
            if given.datatype == "FP32":
                made[given.name] = numpy.random.default_rng(4).standard_normal(shape, "float32")
        return made

    def check(self, result, wanted, names):
        for name in names:
            found = result.as_numpy(name)
            self.assertEqual((found.dtype, found.shape), (wanted[name].dtype, wanted[name].shape), name)
            self.assertEqual(found.tobytes(), wanted[name].tobytes(), name)

    def test_bits(self):
        cases = 0
        for name, path in self.artifacts.items():
            inputs, outputs = self.random_inputs(name), self.outputs(name)
            wanted = support.expected(path, inputs, outputs)
            ways = ["grpc", "binary"] + ([] if name == "float16" else ["json"])  # JSON has no 16-bit floats
            for way in ways:
                with self.subTest(model=name, way=way):
                    if way == "grpc":
                        result = self.grpc.infer(name, support.inputs_of(grpc, inputs))
                    else:
                        binary = way == "binary"
                        made = support.inputs_of(http, inputs, binary_data=binary)
                        asked = [http.InferRequestedOutput(output, binary_data=binary) for output in outputs]
                        result = self.http.infer(name, made, outputs=asked)
                    if wanted[outputs[0]].size or way != "json":
                        self.check(result, wanted, outputs)
                    cases += 1
        print(f"    {len(self.artifacts)} models, {cases} answers")
        self.assertGreaterEqual(cases, 50)

    def test_many_sizes_over_http(self):
        """The server gives the parts of a body in pieces, which begin anywhere."""
        name, copied = "many", self.server.metric("erc_copied_bytes_total", model="many")
        path = self.artifacts[name]
        inputs = self.random_inputs(name)
        wanted = support.expected(path, inputs, ["p", "q", "r"])
        for padding in range(17):
            request = support.inputs_of(http, inputs)
            result = self.http.infer(name, request, request_id="x" * padding)
            self.check(result, wanted, ["p", "q", "r"])
        self.assertIsNotNone(copied)

    def test_grpc_copies_nothing(self):
        inputs = self.random_inputs("network")
        before = self.server.metric("erc_copied_bytes_total", model="network")
        for _ in range(20):
            self.grpc.infer("network", support.inputs_of(grpc, inputs))
        self.server.wait_metric("erc_completed_total", 20, model="network")
        self.assertEqual(self.server.metric("erc_copied_bytes_total", model="network"), before)

    def test_sizes(self):
        """A request takes the entry of its sizes, or those sizes of a range."""
        name = self.outputs("sizes")[0]
        cases = [("sizes", size) for size in (8, 1, 3, 8)] + [("three", 3)]
        for model, batch in cases + [("ranges", size) for size in (8, 1, 5, 2, 7, 7)]:
            image = numpy.random.default_rng(batch).standard_normal([batch, 1, 8, 8], "float32")
            artifact = self.ranges if model == "ranges" else self.sizes
            wanted = support.expected(artifact, {"image": image}, [name])
            for client, kind in ((self.grpc, grpc), (self.http, http)):
                self.check(client.infer(model, support.inputs_of(kind, {"image": image})), wanted, [name])
        self.assertEqual([given.shape for given in self.grpc.get_model_metadata("sizes").inputs], [[-1, 1, 8, 8]])
        self.assertEqual([given.shape for given in self.grpc.get_model_metadata("three").inputs], [[3, 1, 8, 8]])
        self.assertEqual([given.shape for given in self.grpc.get_model_metadata("ranges").inputs], [[-1, 1, 8, 8]])
        nine = support.inputs_of(grpc, {"image": numpy.zeros([9, 1, 8, 8], "float32")})
        with self.assertRaisesRegex(Exception, r"'ranges'.*'image'.*9x1x8x8.*1\.\.8x1x8x8"):
            self.grpc.infer("ranges", nine)
        two = support.inputs_of(grpc, {"image": numpy.zeros([2, 1, 8, 8], "float32")})
        with self.assertRaisesRegex(Exception, r"'sizes'.*'image'.*2x1x8x8.*1x1x8x8.*3x1x8x8.*8x1x8x8"):
            self.grpc.infer("sizes", two)
        with self.assertRaisesRegex(Exception, r"'image'.*'three'.*3,1,8,8.*2,1,8,8"):  # the server's own words
            self.grpc.infer("three", two)

    def test_some_outputs(self):
        inputs = self.random_inputs("many")
        wanted = support.expected(self.artifacts["many"], inputs, ["p", "q", "r"])
        for names in (["q"], ["r", "p"], ["p", "q", "r"]):
            asked = [grpc.InferRequestedOutput(name) for name in names]
            result = self.grpc.infer("many", support.inputs_of(grpc, inputs), outputs=asked)
            self.check(result, wanted, names)
            self.assertEqual(len(result.get_response().outputs), len(names))

    def test_default_may_be_left_out(self):
        x = numpy.array([10, 20, 30], "float32")
        result = self.grpc.infer("default", support.inputs_of(grpc, {"x": x}))
        self.assertEqual(result.as_numpy("y").tolist(), [11, 22, 33])
        given = {"x": x, "c": numpy.zeros(3, "float32")}
        self.assertEqual(self.grpc.infer("default", support.inputs_of(grpc, given)).as_numpy("y").tolist(), x.tolist())
        left_out = support.inputs_of(grpc, {"c": x})
        with self.assertRaisesRegex(Exception, "'x'"):
            self.grpc.infer("default", left_out)

    def unregister(self):
        try:
            self.grpc.unregister_system_shared_memory()
        except InferenceServerException:
            return False
        return True

    def test_shared_memory(self):
        inputs = self.random_inputs("network")
        output = self.outputs("network")[0]
        wanted = support.expected(self.artifacts["network"], inputs, [output])
        (name, value), bytes_out = next(iter(inputs.items())), wanted[output].nbytes
        regions = {"in": value.nbytes, "out": bytes_out}
        handles = {}
        try:
            for region, size in regions.items():
                handles[region] = shared.create_shared_memory_region(region, f"/erc-{os.getpid()}-{region}", size)
                self.grpc.register_system_shared_memory(region, f"/erc-{os.getpid()}-{region}", size)
            shared.set_shared_memory_region(handles["in"], [value])
            given = grpc.InferInput(name, list(value.shape), "FP32")
            given.set_shared_memory("in", value.nbytes)
            asked = grpc.InferRequestedOutput(output)
            asked.set_shared_memory("out", bytes_out)
            self.grpc.infer("network", [given], outputs=[asked])
            found = shared.get_contents_as_numpy(handles["out"], "float32", wanted[output].shape)
            self.assertEqual(found.tobytes(), wanted[output].tobytes())
        finally:
            support.wait_for(self.unregister)  # the server lets go after its answer
            for handle in handles.values():
                shared.destroy_shared_memory_region(handle)

    def test_many_at_once(self):
        """Requests of all models at once: each gets its own answer."""
        cases = {}
        for name in ("digits.erc", "network", "many", "nonzero"):
            inputs = self.random_inputs(name)
            cases[name] = inputs, support.expected(self.artifacts[name], inputs, self.outputs(name))
        results, errors = [], []

        def end(name):
            return lambda result, error: errors.append(error) if error else results.append((name, result))

        for i in range(400):
            name = list(cases)[i % len(cases)]
            self.grpc.async_infer(name, support.inputs_of(grpc, cases[name][0]), end(name))
        support.wait_for(lambda: len(results) + len(errors) == 400)
        self.assertEqual(errors, [])
        for name, result in results:
            self.check(result, cases[name][1], cases[name][1].keys())
