"""A program in a pseudo-terminal, its screen read by an independent terminal emulator."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyte


class Terminal:
    """Runs `command` in a pseudo-terminal of `columns` × `lines` and keeps what it shows."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 120,
        lines: int = 40,
        env: Mapping[str, str],
        cwd: Path,
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(command[0], list(command), dict(env))
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, size)

    @property
    def text(self) -> str:
        """What is on the screen now."""
        return "\n".join(self.screen.display)

    def send(self, keys: str) -> None:
        """Type `keys`."""
        os.write(self._fd, keys.encode())

    def wait_for(self, condition: Callable[[str], bool], timeout_s: float = 60.0) -> str:
        """Read until the screen meets `condition`; its text. Fails showing the screen."""
        deadline = time.monotonic() + timeout_s
        while not condition(self.text):
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"the screen never got there:\n{self.text}")
        return self.text

    def wait_for_exit(self, timeout_s: float = 30.0) -> int:
        """Read until the program ends; its exit code."""
        deadline = time.monotonic() + timeout_s
        while self._read(deadline - time.monotonic()):
            pass
        ended, status = os.waitpid(self.pid, os.WNOHANG if time.monotonic() > deadline else 0)
        if not ended:
            raise AssertionError(f"the program did not end:\n{self.text}")
        return os.waitstatus_to_exitcode(status)

    def kill(self) -> None:
        """End the program whatever it does."""
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass

    def _read(self, timeout_s: float) -> bool:
        if timeout_s <= 0 or not select.select([self._fd], [], [], timeout_s)[0]:
            return False
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            return False
        if not data:
            return False
        self.raw += data
        self._stream.feed(data)
        return True
