"""The wheel, its types for type checkers, and the package without numpy, ml_dtypes or a C compiler."""

import glob
import os
import re
import subprocess
import sys
import tempfile
import unittest
import zipfile

import erc
import support

TYPED = """
import numpy
import erc

session = erc.Session("model.erca", real_time=True, deadline_us=2000)
outputs = session.run({"x": numpy.zeros(3)})
reveal_type(outputs)
reveal_type(session.run(None, {"x": numpy.zeros(3)}))
reveal_type(session.inputs[0].shape)
reveal_type(session.request().bind({"x": numpy.zeros(3)}).run())
erc.Runtime(policy=3)
session.no_such_method()
"""

WITHOUT_NUMPY = """
import sys
for name in ("numpy", "ml_dtypes"):
    sys.modules[name] = None
import array, erc
artifact = erc.compile(sys.argv[1])
with erc.Session(artifact) as session:
    x = array.array("f", [1, 2, 3, 4, 5, 6])
    y = session.run({"x": x})["y"]
    print(type(y).__name__, y.format, y.shape, y.tolist())
    out = bytearray(24)
    print(session.request().bind({"x": x}, {"y": out}).run()["y"] is out, memoryview(out).cast("f").tolist())
    try:
        session.run({"x": array.array("d", [1, 2, 3, 4, 5, 6])})
    except erc.Invalid as error:
        print(error)
    class Tensor:
        __dlpack__ = None
    try:
        session.run({"x": Tensor()})
    except erc.Invalid as error:
        print(error)
with erc.Session(erc.compile(sys.argv[2])) as session:
    y = session.run({"x": array.array("f", [0, 1, 0, 1, 1, 0])})["y"]
    print(y.shape, y.tolist())
    y = session.run({"x": bytes(24)})["y"]
    print(y.nbytes)
"""

WITHOUT_ML_DTYPES = """
import sys
sys.modules["ml_dtypes"] = None
import erc, numpy
for path, raw in zip(sys.argv[1:], ("uint16", "uint8", "uint8")):
    with erc.Session(erc.compile(path)) as session:
        info = session.inputs[0]
        x = numpy.arange(info.nbytes // numpy.dtype(raw).itemsize).astype(raw)
        y = session.run({"x": x if info.dtype == "int4" else x.reshape(info.shape)})["y"]
        print(info.dtype, y.dtype, y.shape, y.reshape(-1).tolist())
        try:
            session.run({"x": numpy.zeros(2, "float32")})
        except erc.Invalid as error:
            print(error)
"""


class Package(unittest.TestCase):
    def test_wheel(self):
        """auditwheel finds the tag right, and libercc shows the names of its header only."""
        audit = subprocess.run(
            [sys.executable, "-m", "auditwheel", "show", support.wheel], capture_output=True, text=True, check=True
        ).stdout
        tag = re.search(r'"(manylinux_2_\d+_x86_64)"', audit).group(1)
        self.assertIn(f"py3-none-{tag}.whl", support.wheel)
        self.assertLessEqual(int(tag.split("_")[2]), 36)
        names = zipfile.ZipFile(support.wheel).namelist()
        self.assertIn("erc/py.typed", names)
        self.assertTrue(any(name.startswith("erc/lib/LICENSE") for name in names))
        library = os.path.join(os.path.dirname(erc.__file__), "lib", "libercc.so")
        symbols = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True).stdout
        shown = {line.split()[-1] for line in symbols.splitlines()}
        with open(support.root("compiler/include/ercc.h")) as file:
            declared = set(re.findall(r"\b(ercc_\w+)\(", file.read()))
        self.assertEqual({name for name in declared if name in shown}, shown)

    def test_samples(self):
        """The samples use the package as it is typed. What they need besides is not installed here."""
        samples = glob.glob(support.root("samples/serve/*.py"))
        self.assertEqual(len(samples), 2)
        cache = os.path.join(support.folder, "mypy")
        for sample in samples:
            done = subprocess.run(
                [sys.executable, "-m", "mypy", "--check-untyped-defs", "--ignore-missing-imports", "--cache-dir", cache, sample],
                capture_output=True,
                text=True,
            )
            self.assertEqual(done.returncode, 0, done.stdout)

    def test_types(self):
        for path, wanted in (("strict", 0), ("program", 1)):
            with self.subTest(path), tempfile.TemporaryDirectory() as folder:
                program = os.path.join(folder, "program.py")
                with open(program, "w") as file:
                    file.write(TYPED)
                arguments = ["-p", "erc"] if path == "strict" else [program]
                done = subprocess.run(
                    [sys.executable, "-m", "mypy", "--strict", "--cache-dir", os.path.join(support.folder, "mypy"), *arguments],
                    capture_output=True,
                    text=True,
                    cwd=folder,
                )
                self.assertEqual(done.returncode, wanted, done.stdout)
                if wanted:
                    shown = re.findall(r'Revealed type is "(.*)"', done.stdout)
                    self.assertEqual(len(shown), 4, done.stdout)
                    self.assertTrue(shown[0].startswith("dict[") or "dict" in shown[0], shown)
                    self.assertIn("list", shown[1])
                    self.assertIn("tuple[", shown[2])
                    self.assertEqual(len(re.findall(": error:", done.stdout)), 2, done.stdout)

    def test_readme(self):
        """The example of README.md, as it stands there."""
        with open(support.root("README.md")) as file:
            section = file.read().split("### From Python")[1].split("\n### ")[0]
        (example,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
        program = f"import os; os.chdir({os.path.abspath(support.root('.'))!r})\n" + example
        code, out, err = support.python(program)
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"^\d\n2 \d+\.\d+\n$")

    def test_without_numpy(self):
        paths = [
            support.write(f"{make.__name__}.onnx", make().SerializeToString()) for make in (support.tiny, support.nonzero)
        ]
        code, out, err = support.python(WITHOUT_NUMPY, *paths)
        self.assertEqual(code, 0, err)
        lines = out.splitlines()
        self.assertEqual(lines[0], "memoryview f (2, 3) [[2.0, 4.0, 6.0], [8.0, 10.0, 12.0]]")
        self.assertEqual(lines[1], "True [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]")
        self.assertIn("input 'x': found float64 [6], wanted float32 [2, 3]", lines[2])
        self.assertIn("wanted numpy to be installed", lines[3])
        self.assertEqual(lines[4:], ["(2, 3) [[0, 1, 1], [1, 0, 1]]", "0"])

    def test_without_ml_dtypes(self):
        paths = []
        for name in ("BFLOAT16", "FLOAT8E5M2", "INT4"):
            number = getattr(support.TensorProto, name)
            value = [("x", number, [2, 3])], [("y", number, [3, 2])]
            made = support.model([("Transpose", "x", "y", {"perm": [1, 0]})], *value, opset=25)
            paths.append(support.write(f"{name}.onnx", made.SerializeToString()))
        code, out, err = support.python(WITHOUT_ML_DTYPES, *paths)
        self.assertEqual(code, 0, err)
        lines = out.splitlines()
        self.assertEqual(lines[0], "bfloat16 uint16 (3, 2) [0, 3, 1, 4, 2, 5]")
        self.assertIn("wanted bfloat16 [2, 3], or its bits as uint16", lines[1])
        self.assertEqual(lines[2], "float8_e5m2 uint8 (3, 2) [0, 3, 1, 4, 2, 5]")
        # 0x00 0x01 0x02 is 0 0 1 0 2 0; transposed: 0 0 0 2 1 0, packed again
        self.assertEqual(lines[4], "int4 uint8 (3,) [0, 32, 1]")
        self.assertIn("its packed bits as uint8 [3]", lines[5])

    def test_missing_library(self):
        code, _, err = support.python("import erc", environment={"ERC_LIBRARY_DIR": "/nowhere"})
        self.assertEqual(code, 1)
        self.assertIn("liberc.so cannot be loaded from /nowhere", err)

    def test_no_compiler(self):
        path = support.write("tiny.onnx", support.tiny().SerializeToString())
        code, _, err = support.python(
            "import erc, sys; erc.compile(sys.argv[1], cache=False)", path, environment={"PATH": "/nowhere", "CC": ""}
        )
        self.assertEqual(code, 1)
        self.assertIn("apt install gcc", err)
