"""PyTorch's side of `make bench-gpu`: the model maker's networks as PyTorch modules of the same layer shapes (weights are
random: latency does not depend on them), in fp32 with TF32 off. Started by bench.py, one network per process. It reads
commands from stdin, one per line, and writes answers as lines of JSON:

    prepare eager|graph|compile     {"prepared": ...} or {"failed": ...}
    run eager|graph|compile S       {"samples_us": [...]}: one request at a time for S seconds
    gemm N                          {"samples_us": [...]}: torch.matmul of two N x N matrices on the device

A request does the same as a request of erc: it copies inputs from pinned host memory and outputs to pinned host memory,
and waits. Batch norms are folded into convolutions, attention is scaled_dot_product_attention. `graph` is the eager
form, recorded as a CUDA graph."""

import argparse
import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


# ---- networks ----

class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride, project):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1)
        self.conv3 = nn.Conv2d(width, 4 * width, 1)
        self.project = nn.Conv2d(inputs, 4 * width, 1, stride) if project else None

    def forward(self, x):
        y = self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))
        return F.relu(y + (self.project(x) if self.project else x))


class ResNet50(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 7, 2, 3)
        blocks, inputs = [], 64
        for stage, count in enumerate((3, 4, 6, 3)):
            for block in range(count):
                width = 64 << stage
                blocks.append(Bottleneck(inputs, width, 2 if stage and not block else 1, not block))
                inputs = 4 * width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(inputs, 1000)

    def forward(self, x):
        x = self.blocks(F.max_pool2d(F.relu(self.stem(x)), 3, 2, 1))
        return self.head(x.mean((2, 3)))


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, expansion, stride):
        super().__init__()
        wide = inputs * expansion
        layers = [nn.Conv2d(inputs, wide, 1), nn.ReLU6()] if expansion > 1 else []
        layers += [nn.Conv2d(wide, wide, 3, stride, 1, groups=wide), nn.ReLU6(), nn.Conv2d(wide, outputs, 1)]
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.layers(x) if self.residual else self.layers(x)


class MobileNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        layers, inputs = [nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU6()], 32
        for expansion, channels, count, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                                   (6, 160, 3, 2), (6, 320, 1, 1)):
            for block in range(count):
                layers.append(InvertedResidual(inputs, channels, expansion, 1 if block else stride))
                inputs = channels
        self.features = nn.Sequential(*layers, nn.Conv2d(inputs, 1280, 1), nn.ReLU6())
        self.head = nn.Linear(1280, 1000)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x, mask=None, causal=False):
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return self.out(y.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    """Layer norms before attention and feed-forward (GPT-2, ViT) or after them (BERT)."""

    def __init__(self, width, heads, inner, before, tanh):
        super().__init__()
        self.attention = Attention(width, heads)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.before, self.gelu = before, "tanh" if tanh else "none"

    def feed(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate=self.gelu))

    def forward(self, x, mask=None, causal=False):
        if self.before:
            x = x + self.attention(self.norm1(x), mask, causal)
            return x + self.feed(self.norm2(x))
        x = self.norm1(x + self.attention(x, mask, causal))
        return self.norm2(x + self.feed(x))


class Bert(nn.Module):
    def __init__(self, layers=12, width=768, heads=12, inner=3072, length=128):
        super().__init__()
        self.words, self.types = nn.Embedding(30522, width), nn.Embedding(2, width)
        self.places = nn.Parameter(torch.randn(1, length, width))
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width, heads, inner, False, False) for _ in range(layers))
        self.pooler = nn.Linear(width, width)

    def forward(self, ids, mask, types):
        x = self.norm(self.words(ids) + self.types(types) + self.places)
        mask = (1.0 - mask[:, None, None, :].float()) * torch.finfo(torch.float32).min
        for block in self.blocks:
            x = block(x, mask)
        return x, torch.tanh(self.pooler(x[:, 0]))


class Gpt2(nn.Module):
    def __init__(self, length=128):
        super().__init__()
        self.words = nn.Embedding(50257, 768)
        self.places = nn.Parameter(torch.randn(1, length, 768))
        self.blocks = nn.ModuleList(Block(768, 12, 3072, True, True) for _ in range(12))
        self.norm, self.head = nn.LayerNorm(768), nn.Linear(768, 50257, bias=False)

    def forward(self, ids):
        x = self.words(ids) + self.places
        for block in self.blocks:
            x = block(x, causal=True)
        return self.head(self.norm(x))


class Vit(nn.Module):
    def __init__(self, size=224):
        super().__init__()
        self.patches = nn.Conv2d(3, 768, 16, 16)
        self.first = nn.Parameter(torch.randn(1, 1, 768))
        self.places = nn.Parameter(torch.randn(1, (size // 16) ** 2 + 1, 768))
        self.blocks = nn.Sequential(*(Block(768, 12, 3072, True, False) for _ in range(12)))
        self.norm, self.head = nn.LayerNorm(768), nn.Linear(768, 1000)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.first.expand(x.shape[0], -1, -1), x), 1) + self.places
        return self.head(self.norm(self.blocks(x))[:, 0])


def tokens(length):
    return torch.randint(0, 30000, (1, length))


def make(name, size):
    """The module and its inputs in host memory."""
    if name in ("bert_base", "minilm"):
        length = size or 128
        shape = (12, 768, 12, 3072) if name == "bert_base" else (6, 384, 12, 1536)
        return Bert(*shape, length), [tokens(length), torch.ones(1, length, dtype=torch.int64), torch.zeros(1, length, dtype=torch.int64)]
    if name == "gpt2":
        return Gpt2(size or 128), [tokens(size or 128)]
    image = torch.randn(1, 3, size or 224, size or 224)
    if name == "vit_b16":
        return Vit(size or 224), [image]
    return {"resnet50": ResNet50, "mobilenetv2": MobileNetV2}[name](), [image]


# ---- one network, in several forms ----

def listed(outputs):
    return list(outputs) if isinstance(outputs, tuple) else [outputs]


class Partner:
    def __init__(self, name, size, device):
        self.device = device
        self.on_gpu = device != "cpu"
        module, inputs = make(name, size)
        self.module = module.eval().to(device)
        self.inputs = [x.pin_memory() if self.on_gpu else x for x in inputs]
        self.there = [x.to(device) for x in inputs]
        self.forms = {}
        self.outputs = [self.host(y) for y in listed(self.module(*self.there))]

    def host(self, y):
        return torch.empty(y.shape, dtype=y.dtype, pin_memory=self.on_gpu)

    def wait(self):
        if self.on_gpu:
            torch.cuda.synchronize()

    def prepare(self, how):
        if how == "eager":
            self.forms[how] = lambda: self.module(*self.there)
        elif how == "compile":
            compiled = torch.compile(self.module, mode="max-autotune")
            self.forms[how] = lambda: compiled(*self.there)
        else:
            self.forms[how] = self.record()
        for _ in range(10):
            self.request(self.forms[how])

    def record(self):
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            for _ in range(3):
                self.module(*self.there)
        side.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = self.module(*self.there)

        def replay():
            graph.replay()
            return outputs
        return replay

    def request(self, run):
        for there, here in zip(self.there, self.inputs):
            there.copy_(here, non_blocking=True)
        for here, y in zip(self.outputs, listed(run())):
            here.copy_(y, non_blocking=True)
        self.wait()

    def run(self, how, seconds):
        run, samples = self.forms[how], []
        for _ in range(3):
            self.request(run)
        now = time.perf_counter()
        end = now + seconds
        while now < end or not samples:
            self.request(run)
            before, now = now, time.perf_counter()
            samples.append((now - before) * 1e6)
        return samples


def gemm(n, device):
    """Microseconds of one product, measured seven times. Each time runs as many products as take about 20 ms."""
    a, b = torch.randn(n, n, device=device), torch.randn(n, n, device=device)
    out = torch.empty(n, n, device=device)

    def some(count):
        if device == "cpu":
            start = time.perf_counter()
            for _ in range(count):
                torch.matmul(a, b, out=out)
            return (time.perf_counter() - start) * 1e6 / count
        first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        first.record()
        for _ in range(count):
            torch.matmul(a, b, out=out)
        last.record()
        last.synchronize()
        return first.elapsed_time(last) * 1e3 / count

    some(3)
    count = max(1, min(1000, int(20000 / some(3))))
    return [some(count) for _ in range(7)]


def answer(partner, device, words):
    if words[0] == "gemm":
        return {"samples_us": gemm(int(words[1]), device)}
    if words[0] == "prepare":
        partner.prepare(words[1])
        return {"prepared": words[1]}
    return {"samples_us": partner.run(words[1], float(words[2]))}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("network", help="resnet50, mobilenetv2, bert_base, minilm, gpt2, vit_b16; none: products only")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    out, sys.stdout = sys.stdout, sys.stderr  # compilers may print to stdout, which is for answers
    with torch.no_grad():
        partner = None if arguments.network == "none" else Partner(arguments.network, arguments.size, arguments.device)
        facts = {"torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(),
                 "matmul_precision": torch.get_float32_matmul_precision(), "tf32": torch.backends.cudnn.allow_tf32}
        print(json.dumps(facts), file=out, flush=True)
        for line in sys.stdin:
            try:
                reply = answer(partner, arguments.device, line.split())
            except Exception as error:  # the process continues, because another form may work
                reply = {"failed": f"{type(error).__name__}: {error}"[:400]}
            print(json.dumps(reply), file=out, flush=True)


if __name__ == "__main__":
    main()
