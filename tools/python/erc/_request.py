"""Request: memory and bindings for runs of a session, one run at a time."""

import ctypes
from typing import TYPE_CHECKING, Any, Dict, Generator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from . import _errors, _handle, _library
from ._library import check, error, lib, pairs, with_size
from ._reaper import end_of
from ._tensor import Port, ports_of_request, shape_of

if TYPE_CHECKING:
    from ._runtime import Runtime
    from ._session import Core

_POLL_US = 100_000  # between two looks at the signals, so that Ctrl-C ends a wait
_TIMEOUT = int(_errors.Status.TIMEOUT)
_bind_input = lib.erc_request_bind_input
_bind_output = lib.erc_request_bind_output
_submit = lib.erc_request_submit
_wait = lib.erc_request_wait
_cancel = lib.erc_request_cancel
_output_dims = lib.erc_request_output_dims


class Timing(NamedTuple):
    """Times of a run by the device's clock, as in `struct erc_request_timing`."""

    arrival_ns: int
    submitted_ns: int
    visible_ns: int
    started_ns: int
    granted_ns: int
    finished_ns: int
    granted_units: int
    preemptions: int


class Request(_handle.Handle):
    """Made by Session.request. One thread uses it at a time; `wait` and `cancel` may be called by others.

    Arrays that are bound are used in place and stay referenced. Outputs that are not bound get memory of the request's
    own, which the next run overwrites."""

    def __init__(self, core: "Core", owner: Any) -> None:
        core._hold()
        pointer = ctypes.c_void_p()
        try:
            check(lib.erc_request_create(core._pointer, pointer))
        except BaseException:
            core._drop()
            raise
        self._owner = owner  # a session lives as long as its requests
        self._core = core
        self._address = pointer.value or 0
        self._ports = core.ports  # of its present entry
        self._has_choice = len(core.ports_of) > 1 or core.ports.has_ranges
        self._kept_inputs: List[Any] = [None] * len(self._ports.inputs)
        self._kept_outputs: List[Any] = [None] * len(self._ports.outputs)
        self._bound_outputs: List[Any] = [None] * len(self._ports.outputs)
        self._rank = ctypes.c_uint32()
        self._dims = (ctypes.c_int64 * _library.MAX_RANK)()
        self._outputs: Optional[Dict[str, Any]] = None
        self._is_awaited = False
        self._open(pointer, core)

    def __repr__(self) -> str:
        return f"<erc.Request of {self._core!r}>"

    def _cancel(self) -> None:
        _cancel(self._address)

    def _destroy(self) -> None:
        _wait(self._address, _library.NO_LIMIT)  # an unfinished run was cancelled; its result does not matter
        check(lib.erc_request_destroy(self._address))

    # ---- bindings ----

    def bind(self, inputs: Optional[Mapping[str, Any]] = None, outputs: Optional[Mapping[str, Any]] = None) -> "Request":
        """Binds arrays by name, until others are bound. Inputs that are not contiguous are copied, now."""
        with self._held():
            if self._has_choice:
                self._choose_entry(inputs or {})
            for name, value in pairs("inputs", inputs or {}):
                self._bind_input(self._ports.port(name, "input"), value)
            for name, value in pairs("outputs", outputs or {}):
                port = self._ports.port(name, "output")
                address, keep, shown = port.take_writable(value)
                check(_bind_output(self._address, port.index, address, port.nbytes))
                self._kept_outputs[port.index] = keep
                self._bound_outputs[port.index] = shown
        return self

    def _choose_entry(self, inputs: Mapping[str, Any]) -> None:
        """Takes the entry for the shapes of these arrays. What has other shapes there is bound no more."""
        try:
            for name, value in pairs("inputs", inputs):
                shape = shape_of(value)
                if shape is None:
                    continue
                index = self._ports.port(name, "input").index
                check(lib.erc_request_set_dims(self._address, index, len(shape), (ctypes.c_int64 * len(shape))(*shape)))
        finally:  # some may have been taken before one was refused
            self._take_ports()

    def _take_ports(self) -> None:
        before, self._ports = self._ports, self._core.ports_of[lib.erc_request_entry(self._address)]
        if self._ports.has_ranges:
            self._ports = ports_of_request(self._address, self._ports)
        if before is self._ports:
            return
        for old, new in zip(before.inputs + before.outputs, self._ports.inputs + self._ports.outputs):
            if old.shape == new.shape:
                continue
            if new.kind == "input":
                self._kept_inputs[new.index] = None
            else:
                self._kept_outputs[new.index] = self._bound_outputs[new.index] = None

    def _bind_input(self, port: Port, value: Any) -> None:
        address, keep = port.take(value)
        status = _bind_input(self._address, port.index, address, port.nbytes)
        if status:
            raise error(status)
        self._kept_inputs[port.index] = keep

    def _bind_defaults(self) -> None:
        """Inputs that nobody gave take the model's own values."""
        for port, kept in zip(self._ports.inputs, self._kept_inputs):
            if kept is None and port.default:
                check(_bind_input(self._address, port.index, port.default, port.nbytes))
            elif kept is None:
                missing = [p.name for p, k in zip(self._ports.inputs, self._kept_inputs) if k is None and not p.default]
                raise _errors.Invalid(f"input {', '.join(map(repr, missing))} is missing")

    def _make_outputs(self, anew: bool) -> None:
        for port in self._ports.outputs:
            if anew or self._kept_outputs[port.index] is None:
                address, memory = port.make(not self._core.computes)
                status = _bind_output(self._address, port.index, address, port.nbytes)
                if status:
                    raise error(status)
                self._kept_outputs[port.index] = memory

    # ---- runs ----

    def submit(
        self, level: Optional[int] = None, deadline_us: Optional[int] = None, arrival_ns: Optional[int] = None
    ) -> "Request":
        """Queues one run. Level and deadline are the session's if they are None."""
        with self._held():
            self._prepare()
            self._queue(level, deadline_us, arrival_ns, False)
        return self

    def _prepare(self) -> None:
        self._bind_defaults()
        self._make_outputs(False)

    def _queue(
        self, level: Optional[int], deadline_us: Optional[int], arrival_ns: Optional[int], report: bool
    ) -> None:
        self._outputs = None
        if level is None and deadline_us is None and arrival_ns is None and not report:
            check(_submit(self._address))
            return
        fields = 0 if arrival_ns is None else _library.SUBMIT_ARRIVAL
        fields |= 0 if level is None else _library.SUBMIT_LEVEL
        fields |= 0 if deadline_us is None else _library.SUBMIT_DEADLINE
        options = with_size(
            _library.SubmitOptions,
            fields=fields,
            level=level or 0,
            deadline_us=deadline_us or 0,
            arrival_ns=arrival_ns or 0,
            report=report,
        )
        check(lib.erc_request_submit_with(self._address, options))

    def wait(self, timeout: Optional[float] = None) -> Dict[str, Any]:
        """Waits for the end of the run and returns its outputs. timeout: in seconds; after Timeout the run goes on."""
        with self._held():
            if self._is_awaited:
                raise _errors.Busy("a task awaits this run")
            self._await(timeout)
            self._outputs = self._collect()
        return self._outputs

    def _await(self, timeout: Optional[float]) -> None:
        if not self._core.computes:  # a virtual device: its clock advances in this call
            check(_wait(self._address, _library.NO_LIMIT if timeout is None else int(timeout * 1e6)))
            return
        left_us = None if timeout is None else max(int(timeout * 1e6), 0)
        while True:
            slice_us = _POLL_US if left_us is None else min(left_us, _POLL_US)
            status = _wait(self._address, slice_us)
            if not status:
                return
            if status != _TIMEOUT or (left_us is not None and left_us <= slice_us):
                failure = error(status)
                if status == _TIMEOUT:
                    failure.args = (f"the run had not ended after {timeout} s",)
                raise failure
            if left_us is not None:
                left_us -= slice_us

    def _collect(self) -> Dict[str, Any]:
        outputs = {}
        for port in self._ports.outputs:
            shape = self._true_shape(port) if port.runtime_dims else port.shape
            bound = self._bound_outputs[port.index]
            if bound is not None:
                outputs[port.name] = port.present_bound(bound, shape)
            else:
                outputs[port.name] = port.present(self._kept_outputs[port.index], shape)
        return outputs

    def _true_shape(self, port: Port) -> Tuple[int, ...]:
        check(_output_dims(self._address, port.index, self._rank, self._dims))
        return tuple(self._dims[: self._rank.value])

    def run(self, level: Optional[int] = None, deadline_us: Optional[int] = None) -> Dict[str, Any]:
        """submit, then wait. The run is cancelled if the wait is interrupted."""
        self._hold()
        try:
            self._prepare()
            self._queue(level, deadline_us, None, False)
            self._outputs = self._finish()
        finally:
            self._drop()
        return self._outputs

    def _finish(self) -> Dict[str, Any]:
        """Waits and returns the outputs. A signal's handler may interrupt it: then the run is cancelled."""
        try:
            self._await(None)
        except BaseException:
            _cancel(self._address)
            _wait(self._address, _library.NO_LIMIT)
            raise
        return self._collect()

    def cancel(self) -> None:
        """Ends the run at the next tile boundary; `wait` then raises Cancelled."""
        with self._held():
            check(_cancel(self._address))

    @property
    def outputs(self) -> Optional[Dict[str, Any]]:
        """What the last `wait` returned; None if it did not."""
        return self._outputs

    @property
    def timing(self) -> Timing:
        """Of the last run that was waited for."""
        values = with_size(_library.RequestTiming)
        with self._held():
            check(lib.erc_request_timing(self._address, values))
        return Timing(*(getattr(values, field) for field in Timing._fields))

    async def run_async(self, level: Optional[int] = None, deadline_us: Optional[int] = None) -> Dict[str, Any]:
        """run for asyncio; `await request` is the same. If the task is cancelled, so is the run."""
        with self._held():
            self._prepare()
            await end_of(self, lambda: self._queue(level, deadline_us, None, True))
            self._outputs = self._collect()
        return self._outputs

    def __await__(self) -> Generator[Any, None, Dict[str, Any]]:
        return self.run_async().__await__()

    @property
    def runtime(self) -> "Runtime":
        return self._core.runtime

    # ---- one run of a request that its session keeps ----

    def _run_once(self, feeds: Mapping[str, Any], level: Optional[int], deadline_us: Optional[int]) -> Dict[str, Any]:
        """A run with these inputs and new outputs, of which the request keeps nothing."""
        self._hold()
        try:
            self._bind_once(feeds)
            self._queue(level, deadline_us, None, False)
            return self._finish()
        finally:
            self._forget()
            self._drop()

    async def _run_once_async(
        self, feeds: Mapping[str, Any], level: Optional[int], deadline_us: Optional[int]
    ) -> Dict[str, Any]:
        self._hold()
        try:
            self._bind_once(feeds)
            await end_of(self, lambda: self._queue(level, deadline_us, None, True))
            return self._collect()
        finally:
            if not self._is_awaited:  # else the run uses the arrays until its end
                self._forget()
            self._drop()

    def _bind_once(self, feeds: Mapping[str, Any]) -> None:
        if self._has_choice:
            self._choose_entry(feeds)
        ports = self._ports.inputs_by_name
        for name, value in pairs("inputs", feeds):
            self._bind_input(ports.get(name) or self._ports.port(name, "input"), value)
        self._bind_defaults()
        self._make_outputs(True)

    def _forget(self) -> None:
        self._kept_inputs = [None] * len(self._kept_inputs)
        self._kept_outputs = [None] * len(self._kept_outputs)
