"""What is wrong is refused, with its reason; all else goes on."""

import os
import unittest

import numpy
import support
import tritonclient.grpc as grpc
from onnx import TensorProto

DIGITS_INPUT = 'input [ { name: "image" data_type: TYPE_FP32 dims: [ 1, 1, 8, 8 ] } ]\n'
DIGITS_OUTPUT = 'output [ { name: "logits" data_type: TYPE_FP32 dims: [ 1, 10 ] } ]\n'


def damaged(path, where, name):
    """A copy with one changed byte, at a share of its length; or cut there, if `where` is below 0."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    if where < 0:
        del data[int(-where * len(data)) :]
    else:
        data[int(where * len(data))] ^= 0xFF
    with open(os.path.join(support.folder, name), "wb") as file:
        file.write(data)
    return file.name


class Refused(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.repository = os.path.join(support.folder, "refused")
        support.add_model(cls.repository, "good", support.digits())
        cls.server = support.Server(cls.repository)
        cls.client = cls.server.grpc_client()

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        assert cls.server.stop() == 0, cls.server.log()

    def good_goes_on(self):
        image = {"image": numpy.zeros([1, 1, 8, 8], "float32")}
        self.assertEqual(self.client.infer("good", support.inputs_of(grpc, image)).as_numpy("logits").shape, (1, 10))

    def refuse(self, path, words, parameters=None, config=""):
        support.add_model(self.repository, "bad", path, parameters, config)
        with self.assertRaises(Exception) as raised:
            self.client.load_model("bad")
        for word in words:
            self.assertIn(word, str(raised.exception))
        self.good_goes_on()

    def test_parameters(self):
        cases = [
            ({"clas": "rt"}, ["'bad'", "'clas' is not known", "class, level"]),
            ({"class": "urgent"}, ["'class' is 'urgent'", "rt, be or artifact"]),
            ({"level": "-1"}, ["'level' is '-1'"]),
            ({"level": "4294967295"}, ["'level'", "at most 4294967294"]),
            ({"deadline_us": "5 ms"}, ["'deadline_us' is '5 ms'"]),
            ({"deadline_us": ""}, ["'deadline_us' is ''"]),
            ({"shed": "1"}, ["'shed' is '1'", "true or false"]),
            ({"budget": "small"}, ["small"]),
            ({"entry": "other"}, ["other"]),
            ({"target": "cpu:x86-64-v9"}, ["cpu:x86-64-v9"]),
            ({"max_requests": "0"}, ["'max_requests' is 0"]),
        ]
        for parameters, words in cases:
            with self.subTest(parameters):
                self.refuse(support.digits(), words, parameters)

    def test_configurations(self):
        cases = [
            ("max_batch_size: 8\n", ["max_batch_size is 8"]),
            (DIGITS_OUTPUT + DIGITS_INPUT.replace("FP32", "FP16"), ["input 'image'", "TYPE_FP16", "TYPE_FP32"]),
            (DIGITS_OUTPUT + DIGITS_INPUT.replace("8, 8", "8"), ["input 'image'", "[1,1,8]", "[1,1,8,8]"]),
            (DIGITS_OUTPUT + DIGITS_INPUT.replace("8, 8", "8, 9"), ["input 'image'", "[1,1,8,9]"]),
            (DIGITS_OUTPUT + DIGITS_INPUT.replace("image", "picture"), ["input 'image'"]),
            (DIGITS_INPUT + DIGITS_OUTPUT.replace("logits", "classes"), ["no output 'classes'"]),
            ('default_model_filename: "other.erca"\n', ["other.erca", "No such file"]),
        ]
        for config, words in cases:
            with self.subTest(config):
                self.refuse(support.digits(), words, config=config)

    def test_types_that_the_server_lacks(self):
        f8 = TensorProto.FLOAT8E4M3FN
        made = support.model([("Identity", "x", "y")], [("x", f8, [4])], [("y", f8, [4])], opset=21)
        self.refuse(support.artifact(made, "f8"), ["input 'x'", "f8e4m3fn"])

    def test_damaged_artifacts(self):
        path, reasons = support.digits(), set()
        for where in (0.0, 0.0003, 0.002, 0.1, 0.3, 0.5, 0.7, -0.001, -0.5, -0.99):
            with self.subTest(where):
                bad = damaged(path, where, "damaged.erca")
                support.add_model(self.repository, "bad", bad, {"verify_weights": "true"})
                with self.assertRaisesRegex(Exception, "artifact invalid or corrupt") as raised:
                    self.client.load_model("bad")
                reasons.add(str(raised.exception).split("model.erca: ")[1].strip(";\n"))
                self.good_goes_on()
        print("    " + "\n    ".join(sorted(reasons)))
        self.assertGreaterEqual(len(reasons), 4)

    def test_requests(self):
        open_config = DIGITS_OUTPUT + DIGITS_INPUT.replace("1, 1, 8, 8", "-1, -1, -1, -1")
        support.add_model(self.repository, "open", support.digits(), config=open_config)
        self.client.load_model("open")
        wrong = support.inputs_of(grpc, {"image": numpy.zeros([2, 1, 8, 8], "float32")})
        with self.assertRaisesRegex(Exception, r"'open': input 'image' has dims \[2,1,8,8\]; wanted \[1,1,8,8\]"):
            self.client.infer("open", wrong)
        image = support.inputs_of(grpc, {"image": numpy.zeros([1, 1, 8, 8], "float32")})
        cases = [
            ({"erc_levle": 1}, "'erc_levle' is not known; there are erc_level, erc_deadline_us"),
            ({"erc_level": -1}, "'erc_level' is '-1'"),
            ({"erc_level": "high"}, "'erc_level' is 'high'"),
            ({"erc_level": "0" * 40 + "7"}, "'erc_level' is 'no whole number'"),
            ({"erc_level": True}, "'erc_level' is 'no whole number'"),
            ({"erc_deadline_us": 2**63 - 1}, "'erc_deadline_us' is '9223372036854775807'"),
        ]
        for parameters, words in cases:
            with self.subTest(parameters), self.assertRaisesRegex(Exception, words):
                self.client.infer("open", image, parameters=parameters)
        for parameters in ({"erc_level": 3}, {"erc_level": "3"}, {"erc_deadline_us": 1000000}, {"something": 1}):
            self.client.infer("open", image, parameters=parameters)

    def test_index_outside(self):
        made = support.model(
            [("Gather", "x i", "y")],
            [("x", support.F32, [4]), ("i", TensorProto.INT64, [2])],
            [("y", support.F32, [2])],
        )
        path = support.artifact(made, "gather")
        support.add_model(self.repository, "gather", path)
        support.add_model(self.repository, "clamping", path, {"clamp_indices": "true"})
        x = {"x": numpy.arange(4, dtype="float32"), "i": numpy.array([1, 9])}
        for name in ("gather", "clamping"):
            self.client.load_model(name)
        with self.assertRaisesRegex(Exception, "node 'y': index 9 is outside a dimension of 4"):
            self.client.infer("gather", support.inputs_of(grpc, x))
        self.assertEqual(self.client.infer("clamping", support.inputs_of(grpc, x)).as_numpy("y").tolist(), [1, 3])
        self.server.wait_metric("erc_failed_total", 1, model="gather")


class Backend(unittest.TestCase):
    def test_settings(self):
        repository = os.path.join(support.folder, "settings")
        support.add_model(repository, "good", support.digits())
        cases = [
            ({"policy": "nosuch"}, ["nosuch", "elastic"]),
            ({"polic": "fifo"}, ["'polic' is not known", "policy"]),
            ({"device": "tpu"}, ["tpu"]),
            ({"units": "many"}, ["'units' is 'many'"]),
            ({"cores": "0,"}, ["'cores' is '0,'"]),
            ({"cores": "0", "units": "2"}, ["1 cores for 2 units"]),
            ({"rt-slowdown": "0.1x"}, ["'rt-slowdown' is '0.1x'"]),
        ]
        for config, words in cases:
            options = {"config": config, "options": ["--exit-on-error=true"], "wait": False}
            with self.subTest(config), support.Server(repository, **options) as server:
                self.assertNotEqual(server.process.wait(timeout=30), 0)
                for word in words:
                    self.assertIn(word, server.log())

    def test_right_settings(self):
        repository = os.path.join(support.folder, "settings")
        support.add_model(repository, "good", support.digits())
        cases = [
            ({"policy": "partition", "units": "3", "rt-units": "1"}, "device cpu: 3 units"),
            ({"cores": "0", "be-units": "1", "rt-slowdown": "0.05", "be-bandwidth": "0.5"}, "device cpu: 1 units"),
        ]
        for config, words in cases:
            with self.subTest(config), support.Server(repository, config=config) as server:
                self.assertIn(words, server.log())
                self.assertEqual(server.get("/v2/models/good/ready"), "")
                self.assertEqual(server.stop(), 0)
