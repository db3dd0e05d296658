"""Trains the digits model and writes digits.onnx and the twelve test images.

Needs numpy, scikit-learn (for its copy of the data) and onnx; nothing else in the project
needs Python. A small convolutional network by hand: forward, backward, Adam. Seeded; takes
about a minute on one core.

    python3 -m venv venv && venv/bin/pip install numpy scikit-learn onnx
    venv/bin/python train.py
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits

HERE = pathlib.Path(__file__).parent
EPOCHS, BATCH, RATE = 40, 64, 2e-3
CHANNELS = [1, 16, 32, 32]
POOL_AFTER = {1, 2}  # 8x8 -> 4x4 -> 2x2
BN_EPSILON, BN_MOMENTUM = 1e-5, 0.9


def columns(x):
    """[n, c, h, w] -> [n*h*w, c*9]: the 3x3 neighbourhood of each pixel, zero-padded."""
    n, c, h, w = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * h * w, c * 9)


def columns_backward(grad, shape):
    n, c, h, w = shape
    grad = grad.reshape(n, h, w, c, 3, 3)
    padded = np.zeros((n, c, h + 2, w + 2), grad.dtype)
    for i in range(3):
        for j in range(3):
            padded[:, :, i : i + h, j : j + w] += grad[:, :, :, :, i, j].transpose(0, 3, 1, 2)
    return padded[:, :, 1:-1, 1:-1]


class Block:
    """Convolution 3x3, batch normalisation, ReLU, and optionally a 2x2 maximum pool."""

    def __init__(self, rng, inputs, outputs, pool):
        self.weight = (rng.standard_normal((outputs, inputs, 3, 3)) * np.sqrt(2 / (9 * inputs))).astype(np.float32)
        self.gamma, self.beta = np.ones(outputs, np.float32), np.zeros(outputs, np.float32)
        self.mean, self.var = np.zeros(outputs, np.float32), np.ones(outputs, np.float32)
        self.pool = pool

    def parameters(self):
        return [self.weight, self.gamma, self.beta]

    def forward(self, x, training):
        n, _, h, w = x.shape
        self.shape, self.columns = x.shape, columns(x)
        y = self.columns @ self.weight.reshape(len(self.weight), -1).T
        if training:
            mean, var = y.mean(0), y.var(0)
            self.mean = BN_MOMENTUM * self.mean + (1 - BN_MOMENTUM) * mean
            self.var = BN_MOMENTUM * self.var + (1 - BN_MOMENTUM) * var
        else:
            mean, var = self.mean, self.var
        self.deviation = np.sqrt(var + BN_EPSILON)
        self.normal = (y - mean) / self.deviation
        y = np.maximum(self.normal * self.gamma + self.beta, 0)
        self.active = y > 0
        y = y.reshape(n, h, w, -1).transpose(0, 3, 1, 2)
        if not self.pool:
            return y
        windows = y.reshape(n, -1, h // 2, 2, w // 2, 2)
        y = windows.max((3, 5))
        self.chosen = windows == y[:, :, :, None, :, None]
        return y

    def backward(self, grad):
        n, _, h, w = self.shape
        if self.pool:
            grad = (self.chosen * grad[:, :, :, None, :, None]).reshape(n, -1, h, w)
        grad = grad.transpose(0, 2, 3, 1).reshape(n * h * w, -1) * self.active
        gamma, beta = (grad * self.normal).sum(0), grad.sum(0)
        grad = grad * self.gamma
        grad = (grad - grad.mean(0) - self.normal * (grad * self.normal).mean(0)) / self.deviation
        weight = (grad.T @ self.columns).reshape(self.weight.shape)
        grad = columns_backward(grad @ self.weight.reshape(len(self.weight), -1), self.shape)
        return grad, [weight, gamma, beta]


class Network:
    def __init__(self, rng):
        self.blocks = [Block(rng, CHANNELS[i], CHANNELS[i + 1], i in POOL_AFTER) for i in range(len(CHANNELS) - 1)]
        self.weight = (rng.standard_normal((10, CHANNELS[-1] * 4)) * 0.05).astype(np.float32)
        self.bias = np.zeros(10, np.float32)

    def parameters(self):
        return sum((block.parameters() for block in self.blocks), []) + [self.weight, self.bias]

    def forward(self, x, training=False):
        for block in self.blocks:
            x = block.forward(x, training)
        self.flat_shape, self.flat = x.shape, x.reshape(len(x), -1)
        return self.flat @ self.weight.T + self.bias

    def backward(self, grad):
        grads = [grad.T @ self.flat, grad.sum(0)]
        grad = (grad @ self.weight).reshape(self.flat_shape)
        for block in reversed(self.blocks):
            grad, more = block.backward(grad)
            grads = more + grads
        return grads


class Adam:
    def __init__(self, parameters):
        self.first = [np.zeros_like(p) for p in parameters]
        self.second = [np.zeros_like(p) for p in parameters]
        self.step = 0

    def update(self, parameters, grads, rate):
        self.step += 1
        for p, g, m, v in zip(parameters, grads, self.first, self.second):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            p -= rate * (m / (1 - 0.9**self.step)) / (np.sqrt(v / (1 - 0.999**self.step)) + 1e-8)


def shifted(rng, x):
    """Moves each image by up to one pixel: more kinds of hands than the data holds."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    moves = rng.integers(0, 3, (len(x), 2))
    return np.stack([image[:, i : i + 8, j : j + 8] for image, (i, j) in zip(padded, moves)])


def train(rng, x, labels):
    network = Network(rng)
    adam = Adam(network.parameters())
    for epoch in range(EPOCHS):
        order, rate = rng.permutation(len(x)), RATE * 0.5 * (1 + np.cos(np.pi * epoch / EPOCHS))
        for start in range(0, len(x), BATCH):
            chosen = order[start : start + BATCH]
            logits = network.forward(shifted(rng, x[chosen]), training=True)
            likely = np.exp(logits - logits.max(1, keepdims=True))
            likely /= likely.sum(1, keepdims=True)
            likely[np.arange(len(chosen)), labels[chosen]] -= 1
            adam.update(network.parameters(), network.backward((likely / len(chosen)).astype(np.float32)), rate)
    return network


def model(network):
    """The trained network as an exporter would write it: batch norms and scaling are nodes of their own."""
    nodes, tensors = [], []

    def constant(name, value):
        tensors.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    nodes.append(helper.make_node("Div", ["image", constant("levels", 16)], ["scaled"], "scale"))
    value = "scaled"
    for i, block in enumerate(network.blocks):
        name = f"block{i}"
        names = [constant(f"{name}.bn.{key}", getattr(block, key)) for key in ("gamma", "beta", "mean", "var")]
        weight = constant(f"{name}.conv.weight", block.weight)
        nodes.append(helper.make_node("Conv", [value, weight], [f"{name}.conv"], f"{name}/Conv", kernel_shape=[3, 3],
                                      pads=[1, 1, 1, 1], strides=[1, 1], dilations=[1, 1], group=1))
        nodes.append(helper.make_node("BatchNormalization", [f"{name}.conv", *names], [f"{name}.bn"],
                                      f"{name}/BatchNormalization", epsilon=BN_EPSILON, momentum=BN_MOMENTUM))
        nodes.append(helper.make_node("Relu", [f"{name}.bn"], [f"{name}.relu"], f"{name}/Relu"))
        value = f"{name}.relu"
        if block.pool:
            nodes.append(helper.make_node("MaxPool", [value], [f"{name}.pool"], f"{name}/MaxPool",
                                          kernel_shape=[2, 2], strides=[2, 2]))
            value = f"{name}.pool"
    nodes.append(helper.make_node("Flatten", [value], ["flat"], "Flatten", axis=1))
    parts = [constant("head.weight", network.weight), constant("head.bias", network.bias)]
    nodes.append(helper.make_node("Gemm", ["flat", *parts], ["logits"], "head/Gemm", transB=1))
    graph = helper.make_graph(
        nodes, "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])], tensors)
    result = helper.make_model(graph, producer_name="erc samples/digits/train.py",
                               opset_imports=[helper.make_opsetid("", 17)])
    result.ir_version = 8
    onnx.checker.check_model(result, full_check=True)
    return result


def write_images(images, labels, rng):
    """One held-out image of each digit and two more, as PGM text: 8x8, 16 levels."""
    order = rng.permutation(len(labels))
    chosen = [next(i for i in order if labels[i] == digit) for digit in range(10)]
    chosen += [i for i in order if i not in chosen][:2]
    for number, i in enumerate(chosen):
        rows = "\n".join(" ".join(f"{int(v):2d}" for v in row) for row in images[i, 0])
        path = HERE / "images" / f"{number:02d}-is-{labels[i]}.pgm"
        path.write_text(f"P2\n8 8\n16\n{rows}\n")


def main():
    rng = np.random.default_rng(7)
    data = load_digits()
    images, labels = data.images.astype(np.float32)[:, None], data.target
    order = rng.permutation(len(labels))
    test, rest = order[:360], order[360:]
    network = train(rng, images[rest] / 16, labels[rest])
    right = (network.forward(images[test] / 16).argmax(1) == labels[test]).sum()
    onnx.save(model(network), HERE / "digits.onnx")
    write_images(images[test], labels[test], rng)
    print(f"{len(rest)} images for training, {len(test)} held out: {right} right ({100 * right / len(test):.1f} %)")


if __name__ == "__main__":
    main()
