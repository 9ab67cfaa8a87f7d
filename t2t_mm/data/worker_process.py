"""A second Python process that answers requests: pickles over its standard input and output, each after its length.

Unlike multiprocessing's, it does not import the program that started it, so it starts in about 0.2 s even if that
program imports TensorFlow or has no `if __name__ == "__main__"`; and it ends when the program does, however that ends.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from t2t_mm.errors import UserError

_SIZE = struct.Struct("<Q")


class WorkerProcess:
    """A process that runs `function()` of `module`, which must call `answer_requests`."""

    def __init__(self, module: str, function: str):
        path = [os.path.abspath(entry) for entry in sys.path]
        script = f"import sys; sys.path[:] = {path!r}; from {module} import {function}; {function}()"
        self._process = subprocess.Popen([sys.executable, "-c", script],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, request: Any) -> Any:
        """Sends a request and waits for the answer; an exception that is the answer is raised."""
        try:
            _write(self._process.stdin, pickle.dumps(request, pickle.HIGHEST_PROTOCOL))
            content = _read(self._process.stdout)
        except BrokenPipeError:
            content = None
        if content is None:
            raise UserError(f"A worker process died with exit status {self._process.wait()}; perhaps memory ran out. "
                            "Its own message, if any, is above. Try again with one process.")
        answer = pickle.loads(content)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def close(self) -> None:
        """Ends the process and waits for its end."""
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        self._process.stdout.close()
        self._process.wait()


def answer_requests(answer: Callable[[Any], Any]) -> None:
    """In the worker process: answers each request with `answer(request)` or its exception, until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the program, and with it our input
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what user code prints must not mix with the answers
    while (content := _read(sys.stdin.buffer)) is not None:
        try:
            reply = pickle.dumps(answer(pickle.loads(content)), pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            reply = pickle.dumps(_sendable(error))
        try:
            _write(answers, reply)
        except BrokenPipeError:
            return


def _write(pipe: BinaryIO, content: bytes) -> None:
    pipe.write(_SIZE.pack(len(content)))
    pipe.write(content)
    pipe.flush()


def _read(pipe: BinaryIO) -> bytes | None:
    """The next message, or None at the end."""
    head = pipe.read(_SIZE.size)
    content = pipe.read(_SIZE.unpack(head)[0]) if len(head) == _SIZE.size else b""
    return content if len(head) == _SIZE.size and len(content) == _SIZE.unpack(head)[0] else None


def _sendable(error: Exception) -> Exception:
    """The exception itself if it survives pickling, else one with its text."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
