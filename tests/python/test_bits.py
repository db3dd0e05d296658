"""The package computes the same bits as the command, from the same artifact bytes."""

import os
import subprocess
import unittest

import erc
import numpy
import support


class Bits(unittest.TestCase):
    def compare(self, name, path, **options):
        flags = [flag for dim, size in options.get("dims", {}).items() for flag in ("--dim", f"{dim}={size}")]
        artifact = os.path.join(support.folder, f"{name}.erca")
        support.command("compile", path, "-o", artifact, "--quiet", "--target", "native", *flags)
        made = erc.compile(path, **options)
        with open(artifact, "rb") as file:
            self.assertEqual(file.read(), made, "artifacts differ")
        inputs, arguments = {}, []
        with erc.Session(artifact, real_time=True) as session:
            for info in session.inputs:
                inputs[info.name] = numpy.random.default_rng(1).random(info.shape).astype(info.dtype)
                numpy.save(os.path.join(support.folder, f"{info.name}.npy"), inputs[info.name])
                arguments += ["--input", f"{info.name}=@{support.folder}/{info.name}.npy"]
            for info in session.outputs:
                arguments += ["--output", f"{info.name}=@{support.folder}/out-{info.name}.npy"]
            support.command("run", artifact, *arguments)
            outputs = session.run(inputs)
        for output, value in outputs.items():
            expected = numpy.load(f"{support.folder}/out-{output}.npy")
            self.assertEqual(value.dtype, expected.dtype)
            self.assertEqual(value.shape, expected.shape)
            self.assertEqual(value.tobytes(), expected.tobytes(), f"{name}: {output}")
            self.assertTrue(numpy.isfinite(value).all() and value.any())

    def test_digits(self):
        self.compare("digits", support.root("samples/digits/digits.onnx"), dims={"batch": 3})

    def test_networks(self):
        for network in ("mobilenetv2", "squeezenet"):
            with self.subTest(network):
                path = os.path.join(support.folder, f"{network}.onnx")
                maker = os.path.join(support.build, "make_model")
                subprocess.run([maker, network, path, "--size", "96"], check=True)
                self.compare(network, path)

    def test_runtime_dims(self):
        path = support.write("nonzero.onnx", support.nonzero().SerializeToString())
        self.compare("nonzero", path)

    def test_digit_images(self):
        """Eleven of the twelve images of the sample are read as the digit that they show."""
        right = 0
        with erc.Session(support.artifact(support.digits, dims={"batch": 1})) as session:
            for name in os.listdir(support.root("samples/digits/images")):
                with open(support.root(f"samples/digits/images/{name}")) as file:
                    pixels = file.read().split()[-64:]
                image = numpy.array(pixels, "float32").reshape(1, 1, 8, 8)
                right += f"is-{session.run({'image': image})['logits'].argmax()}" in name
        self.assertEqual(right, 11)
