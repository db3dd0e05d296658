"""erc.compile: libercc through ctypes, as ercc.h declares it."""

import ctypes
import os
import queue
import shutil
import tempfile
import threading
import warnings
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from . import _errors, _library, _tensor

Texts = Union[str, Sequence[str]]
ERROR, WARNING, NOTE, PROGRESS = range(4)
KINDS = ("error", "warning", "note", "progress")
MessageFunction = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_char_p, c_uint32, c_uint32)


class Const(ctypes.Structure):
    _fields_ = [
        ("name", c_char_p),
        ("dtype", c_int),
        ("rank", c_uint32),
        ("dims", POINTER(c_int64)),
        ("data", c_void_p),
    ]


class Options(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("targets", POINTER(c_char_p)),
        ("target_count", c_uint32),
        ("budgets", POINTER(c_char_p)),
        ("budget_count", c_uint32),
        ("dims", POINTER(c_char_p)),
        ("dim_count", c_uint32),
        ("shapes", POINTER(c_char_p)),
        ("shape_count", c_uint32),
        ("const_texts", POINTER(c_char_p)),
        ("const_text_count", c_uint32),
        ("consts", POINTER(Const)),
        ("const_count", c_uint32),
        ("jobs", c_uint32),
        ("cc", c_char_p),
        ("kernel_dir", c_char_p),
        ("cache_dir", c_char_p),
        ("dump_after", c_char_p),
        ("stop_after", c_char_p),
        ("dump", c_void_p),
        ("no_debug", c_int),
        ("message", MessageFunction),
        ("user", c_void_p),
        ("cancel", POINTER(c_int)),
        ("max_iterations", c_uint64),
        ("max_nodes", c_uint64),
        ("keep_inputs", POINTER(c_char_p)),
        ("keep_input_count", c_uint32),
        ("strict", c_int),
        ("lengths", POINTER(c_char_p)),
        ("length_count", c_uint32),
        ("class_", c_int),
        ("level", c_uint32),
        ("deadline_us", c_uint64),
        ("expected_iterations", c_uint64),
    ]


_lib: Optional[ctypes.CDLL] = None


def library() -> ctypes.CDLL:
    """libercc, loaded when it is first needed: programs that only run artifacts do not need it."""
    global _lib
    if _lib is None:
        lib = _library.load("libercc.so")
        _library.declare(
            lib,
            {
                "ercc_compile": (c_int, c_char_p, c_char_p, POINTER(Options)),
                "ercc_status_text": (c_char_p, c_int),
                "ercc_version": (c_char_p,),
            },
        )
        _lib = lib
    return _lib


def _set_texts(options: Options, field: str, values: Texts) -> None:
    """Fills a list of strings and its count."""
    values = [values] if isinstance(values, str) else list(values)
    setattr(options, field, (c_char_p * len(values))(*(_library.text(value) for value in values)))
    setattr(options, field[:-1] + "_count", len(values))


def _add_consts(options: Options, consts: Mapping[str, Any]) -> List[Any]:
    """Arrays as they are; numbers, sequences of them and texts as the command takes them. Returns what must be kept."""
    texts, structs, kept = [], [], []
    for name, value in _library.pairs("consts", consts):
        if isinstance(value, (str, int, float)):
            texts.append(f"{name}={value}")
        elif isinstance(value, (list, tuple)):
            texts.append(f"{name}={','.join(str(element) for element in value)}")
        else:
            number, shape, address, keep = _tensor.describe(name, value)
            dims = (c_int64 * max(len(shape), 1))(*shape)
            structs.append(Const(name.encode(), number, len(shape), dims, address))
            kept += [keep, dims]
    _set_texts(options, "const_texts", texts)
    options.consts = (Const * len(structs))(*structs)
    options.const_count = len(structs)
    return kept


class _Compilation:
    """One call of ercc_compile, on a thread of its own, so that Ctrl-C and exceptions of callbacks can cancel it."""

    def __init__(self, options: Options, temporary: Mapping[str, str]) -> None:
        self.messages: "queue.SimpleQueue[Optional[Tuple[int, str, int, int]]]" = queue.SimpleQueue()
        self.temporary = temporary  # paths that messages must not show, and what to show instead
        self.cancelled = c_int(0)
        self.options = options
        self.message = options.message = MessageFunction(self._put)
        options.cancel = ctypes.pointer(self.cancelled)
        self.status = _errors.CompileStatus.INTERNAL

    def _put(self, _user: Any, kind: int, message: bytes, done: int, total: int) -> None:
        shown = message.decode(errors="replace")
        for path, name in self.temporary.items():
            shown = shown.replace(path, name)
        self.messages.put((kind, shown, done, total))

    def _work(self, model: str, output: str) -> None:
        try:
            status = library().ercc_compile(_library.text(model), _library.text(output), self.options)
            self.status = _errors.CompileStatus(status)
        finally:
            self.messages.put(None)

    def run(self, model: str, output: str, handle: Callable[[int, str, int, int], None]) -> None:
        thread = threading.Thread(target=self._work, args=(model, output), name="erc.compile")
        thread.start()
        try:
            for message in iter(self.messages.get, None):
                handle(*message)
        finally:
            self.cancelled.value = 1
            thread.join()


def compile(
    model: Any,
    output: "Optional[Union[str, os.PathLike[str]]]" = None,
    target: Texts = "native",
    *,
    budget: Texts = (),
    dims: Union[None, str, Mapping[str, Union[int, str, Sequence[int]]]] = None,
    shapes: Optional[Mapping[str, Sequence[int]]] = None,
    consts: Optional[Mapping[str, Any]] = None,
    lengths: Optional[Mapping[str, Union[int, str]]] = None,
    keep_inputs: Texts = (),
    jobs: int = 0,
    cc: Optional[str] = None,
    kernel_dir: Optional[str] = None,
    cache: Union[bool, str] = True,
    max_iterations: int = 0,
    max_nodes: int = 0,
    expected_iterations: int = 0,
    strict: bool = False,
    real_time: Optional[bool] = None,
    level: int = 0,
    deadline_us: int = 0,
    message: Optional[Callable[[str, str], object]] = None,
    progress: Optional[Callable[[int, int, str], object]] = None,
) -> Any:
    """Compiles an ONNX model: a path, its bytes, or an onnx.ModelProto. Returns the artifact's bytes, or `output`, the
    path that it was written to.

    The options are those of `erc compile`; cache: a folder, or False for none; real_time, level, deadline_us: what
    sessions are by default. Errors raise CompileError; their texts name the command's options: `--dim batch=1` stands for
    dims={"batch": 1}. Several sizes, as in dims={"batch": [1, 4, 8]}, make an entry for each combination, and a range,
    dims={"seq": "1..512"}, one for all its sizes. dims="auto" takes a range for each dim that the model names. Warnings go to message("warning", text) or, without it, to Python's
    warnings; notes to message alone; progress(done, total, step) gets the steps. Both are called on the calling thread; an
    exception of theirs, or Ctrl-C, cancels the compilation."""
    options = _library.with_size(
        Options,
        jobs=jobs,
        cc=_library.text(cc),
        kernel_dir=_library.text(kernel_dir),
        cache_dir=b"" if cache is False else None if cache is True else _library.text(cache),
        max_iterations=max_iterations,
        max_nodes=max_nodes,
        expected_iterations=expected_iterations,
        strict=strict,
        class_=0 if real_time is None else 1 + int(real_time),
        level=level,
        deadline_us=deadline_us,
    )
    _set_texts(options, "targets", target)
    _set_texts(options, "budgets", budget)
    sized = {} if dims == "auto" else dims or {}
    texts = [f"{name}={_sizes(size)}" for name, size in _library.pairs("dims", sized)]
    _set_texts(options, "dims", ["auto"] if dims == "auto" else texts)
    _set_texts(options, "shapes", [f"{name}:{'x'.join(map(str, shape))}" for name, shape in _library.pairs("shapes", shapes or {})])
    _set_texts(options, "lengths", [f"{name}={length}" for name, length in _library.pairs("lengths", lengths or {})])
    _set_texts(options, "keep_inputs", keep_inputs)
    kept = _add_consts(options, consts or {})
    folder = tempfile.mkdtemp(prefix="erc-")
    try:
        path, temporary = _model_path(model, folder)
        result = os.path.join(folder, "model.erca") if output is None else os.fspath(output)
        _run(_Compilation(options, temporary), path, result, message, progress)
        if output is not None:
            return result
        with open(result, "rb") as file:
            return file.read()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        del kept


def _sizes(size: Union[int, Sequence[int]]) -> str:
    return str(size) if isinstance(size, (int, str)) or not hasattr(size, "__iter__") else ",".join(map(str, size))


def _model_path(model: Any, folder: str) -> Tuple[str, Dict[str, str]]:
    """The model as a file, and how messages name it if it was none."""
    if isinstance(model, (str, os.PathLike)):
        return os.fspath(model), {}
    if hasattr(model, "SerializeToString"):
        model = model.SerializeToString()
    path = os.path.join(folder, "model.onnx")
    with open(path, "wb") as file:
        file.write(model)
    return path, {path: "model", folder: "."}


def _run(
    compilation: _Compilation,
    model: str,
    output: str,
    message: Optional[Callable[[str, str], object]],
    progress: Optional[Callable[[int, int, str], object]],
) -> None:
    failures: List[str] = []

    def handle(kind: int, text: str, done: int, total: int) -> None:
        if kind == PROGRESS:
            if progress:
                progress(done, total, text)
            return
        if kind == ERROR or (kind == NOTE and failures):
            failures.append(text if kind == ERROR else f"note: {text}")
        if message:
            message(KINDS[kind], text)
        elif kind == WARNING:
            warnings.warn(text, _errors.CompileWarning, stacklevel=5)

    compilation.run(model, output, handle)
    status = compilation.status
    if status == _errors.CompileStatus.TOOLCHAIN:
        failures.append("note: on Debian and Ubuntu: apt install gcc libc6-dev; erc.compile(cc=...) names another compiler")
    if status:
        failure = _errors.CompileError("\n".join(failures) or library().ercc_status_text(status).decode())
        failure.status = status
        raise failure
