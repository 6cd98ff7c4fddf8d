"""A gateway as a process of its own, which is killed, stopped, woken and started again."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.ports import free_port

ROOT = Path(__file__).parents[2]


class Process:
    """``python -m gateway serve`` with *config*, on one port whatever befalls it."""

    def __init__(self, config: Path) -> None:
        port = str(free_port())
        self.url = f"http://127.0.0.1:{port}"
        self.life = 0
        """How often it was started."""
        command = [sys.executable, "-m", "gateway", "serve"]
        self._command = [*command, "--config", str(config), "--port", port]
        self._log = config.with_suffix(".log").open("ab")
        self.start()

    def start(self) -> None:
        """Begin a life; it answers a few seconds later."""
        self.life += 1
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdout=self._log, stderr=self._log
        )

    def revive(self) -> None:
        """Begin a life where the last has ended at its beginning, since a server was away."""
        if self._process.poll() is not None:
            self.start()

    def kill(self) -> None:
        """End it as a crash would, and begin a new life."""
        self._process.kill()
        self._process.wait()
        self.start()

    def stop(self) -> None:
        """Have it do nothing until it is woken, as a machine does that is put to sleep."""
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """End it for good."""
        if self._process.poll() is None:
            self.wake()
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()
