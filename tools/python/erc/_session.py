"""Session: an artifact with a class, a level or weight, and a budget."""

import ctypes
import mmap
import os
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union, overload

from . import _errors, _handle, _library
from ._library import check, lib, text, with_size
from ._request import Request
from ._runtime import Runtime, default_runtime
from ._tensor import Port, TensorInfo, ports_of_entry

Artifact = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview]


class SessionStats(NamedTuple):
    """Counts since the session was made, and latencies from arrival to end, as in `struct erc_session_stats`."""

    submitted: int
    completed: int
    missed: int
    shed: int
    cancelled: int
    failed: int
    preemptions: int
    launches: int
    tiles: int
    unit_ns: int
    units: int
    p50_us: float
    p90_us: float
    p99_us: float
    p999_us: float
    most_us: float
    real_time: bool
    level: int
    deadline_us: int


class Core(_handle.Handle):
    """The C handles of a model and its only session."""

    _what = "session"

    def __init__(self, runtime: Runtime, artifact: Artifact, target: Optional[str], verify: bool, options: Any) -> None:
        runtime._hold()
        self._model = ctypes.c_void_p()
        self._memory: Any = None
        pointer = ctypes.c_void_p()
        try:
            self._load(runtime, artifact, with_size(_library.ModelOptions, target=text(target), verify_weights=verify))
            check(lib.erc_session_create(self._model, options, pointer))
            self.entry = int(lib.erc_session_entry(pointer))
        except BaseException:
            lib.erc_model_unload(self._model)
            runtime._drop()
            raise
        self._open(pointer, runtime)
        self.runtime = runtime
        self.computes = runtime.computes
        entries = [self.entry] if options.entry else range(lib.erc_model_entry_count(self._model))
        self.ports_of = {entry: ports_of_entry(self._model, entry) for entry in entries}
        self.ports = self.ports_of[self.entry]  # where requests begin

    def _load(self, runtime: Runtime, artifact: Artifact, options: Any) -> None:
        if isinstance(artifact, (str, os.PathLike)):
            check(lib.erc_model_load(runtime._pointer, text(artifact), options, self._model))
            return
        data = memoryview(artifact).cast("B")
        self._memory = mmap.mmap(-1, max(data.nbytes, 1))  # its pages stay until the model is unloaded
        self._memory[: data.nbytes] = data
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        check(lib.erc_model_load_memory(runtime._pointer, address, data.nbytes, options, self._model))

    def __repr__(self) -> str:
        def listed(ports: Sequence[Port]) -> str:
            return ", ".join(f"{port.name}: {port.dtype}{list(port.shape)}" for port in ports)

        return f"<erc.Session ({listed(self.ports.inputs)}) -> ({listed(self.ports.outputs)}){' closed' if self.closed else ''}>"

    def _destroy(self) -> None:
        check(lib.erc_session_destroy(self._pointer))
        check(lib.erc_model_unload(self._model))


class Session(_handle.Unique):
    """A tenant of a runtime: runs one model.

    artifact: a path, or the bytes, which are copied. The options are those of `struct erc_session_options` in erc.h;
    class, level and deadline are what the artifact says if they are None. Without `entry`, the shapes of the inputs of
    each run choose one of the artifact's entries."""

    def __init__(
        self,
        artifact: Artifact,
        real_time: Optional[bool] = None,
        level: Optional[int] = None,
        deadline_us: Optional[int] = None,
        weight: int = 0,
        budget: Optional[str] = None,
        units: int = 0,
        in_flight: int = 0,
        shed: bool = False,
        name: Optional[str] = None,
        entry: Optional[str] = None,
        runtime: Optional[Runtime] = None,
        clamp_indices: bool = False,
        target: Optional[str] = None,
        verify_weights: bool = False,
    ) -> None:
        options = with_size(
            _library.SessionOptions,
            entry=text(entry),
            class_=_library.ARTIFACT_CLASS if real_time is None else int(real_time),
            level=_library.ARTIFACT_LEVEL if level is None else level,
            deadline_us=_library.ARTIFACT_DEADLINE if deadline_us is None else deadline_us,
            weight=weight,
            budget=text(budget),
            units=units,
            in_flight=in_flight,
            shed=shed,
            name=text(name),
            clamp_indices=clamp_indices,
        )
        if runtime is not None and not isinstance(runtime, Runtime):
            raise _errors.Invalid(f"runtime: found a {type(runtime).__name__}, wanted an erc.Runtime")
        self._idle: List[Request] = []
        self._runtime = runtime or default_runtime()
        self._core = Core(self._runtime, artifact, target, verify_weights, options)

    # ---- what it is ----

    def __repr__(self) -> str:
        return repr(self._core)

    @property
    def runtime(self) -> Runtime:
        return self._runtime

    @property
    def inputs(self) -> Tuple[TensorInfo, ...]:
        """Of the first entry; the shapes of others differ."""
        return tuple(port.info for port in self._core.ports.inputs)

    @property
    def outputs(self) -> Tuple[TensorInfo, ...]:
        return tuple(port.info for port in self._core.ports.outputs)

    @property
    def target(self) -> str:
        """The target that was chosen, such as "cpu:x86-64-v3"."""
        with self._core._held():
            return str(lib.erc_model_target(self._core._model).decode())

    @property
    def entries(self) -> Tuple[str, ...]:
        """The entries that the model has for this target."""
        with self._core._held():
            model = self._core._model
            names = (lib.erc_model_entry_name(model, i) for i in range(lib.erc_model_entry_count(model)))
            return tuple(name.decode() for name in names)

    def stats(self) -> SessionStats:
        values = with_size(_library.SessionStats)
        with self._core._held():
            check(lib.erc_session_stats(self._core._pointer, values))
        values.real_time = values.class_ == _library.REAL_TIME
        return SessionStats(*(getattr(values, field) for field in SessionStats._fields))

    def set_units(self, units: int) -> None:
        """Its maximum number of units from now on, also for runs that are under way; 0 pauses the session."""
        _library.fits("units", units, ctypes.c_uint32(units).value)
        with self._core._held():
            check(lib.erc_session_set_units(self._core._pointer, units))

    def set_budget(self, budget: Optional[str]) -> None:
        with self._core._held():
            check(lib.erc_session_set_budget(self._core._pointer, text(budget)))

    # ---- runs ----

    @overload
    def run(
        self, feeds: Mapping[str, Any], /, *, level: Optional[int] = None, deadline_us: Optional[int] = None
    ) -> Dict[str, Any]: ...

    @overload
    def run(
        self,
        names: Optional[Sequence[str]],
        feeds: Mapping[str, Any],
        /,
        *,
        level: Optional[int] = None,
        deadline_us: Optional[int] = None,
    ) -> List[Any]: ...

    def run(
        self, names: Any, feeds: Any = None, /, *, level: Optional[int] = None, deadline_us: Optional[int] = None
    ) -> Any:
        """run({name: array}) returns a dict of all outputs; run(names, {name: array}), with None for all, a list of
        them, as ONNX Runtime does. Level and deadline are the session's if they are None. May be called by many
        threads: each run has its own request, which is kept."""
        is_dict = feeds is None
        if is_dict:
            names, feeds = None, names
        for name in names or ():
            self._core.ports.port(name, "output")
        request = self._take()
        try:
            outputs = request._run_once(feeds, level, deadline_us)
        finally:
            self._idle.append(request)
        if is_dict:
            return outputs
        return list(outputs.values()) if names is None else [outputs[name] for name in names]

    async def run_async(
        self, feeds: Mapping[str, Any], level: Optional[int] = None, deadline_us: Optional[int] = None
    ) -> Dict[str, Any]:
        """run for asyncio: other tasks go on meanwhile. The arrays must not change until it returns. If the task is
        cancelled, so is the run."""
        request = self._take()
        try:
            outputs = await request._run_once_async(feeds, level, deadline_us)
        except _errors.Error:
            self._idle.append(request)
            raise
        except BaseException:
            request.close()  # it may still be running: the thread that learns of the end frees it
            raise
        self._idle.append(request)
        return outputs

    def _take(self) -> Request:
        """A request that no other run uses."""
        try:
            return self._idle.pop()
        except IndexError:
            return Request(self._core, None)

    def request(self) -> Request:
        """For bindings that many runs use, and for runs in the background."""
        return Request(self._core, self)

    # ---- its end ----

    @property
    def closed(self) -> bool:
        return self._core.closed

    def close(self) -> None:
        """Cancels what runs and frees the session with its requests. May be called more than once."""
        core = getattr(self, "_core", None)
        if core:
            core.close()
            self._idle.clear()

    def __del__(self) -> None:
        self.close()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
