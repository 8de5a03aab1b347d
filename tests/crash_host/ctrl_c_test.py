"""Ctrl+C at a terminal while a program waits for a pool. Usage: ctrl_c_test.py PROGRAM

One exception in the parent, no text from the workers, all of them reaped, the exit code is the program's; a second
Ctrl+C, and the first one of a program that does not ask for the exception, end it at once.
"""

import os
import pty
import select
import signal
import sys
import termios
import time
import unittest
from collections.abc import Callable

PROGRAM = sys.argv.pop()
PATIENCE_S = 30.0
GONE_BY_S = 2.0        # what a dead parent leaves
SECOND_BY_S = 1.0      # from the second Ctrl+C to the end
INTERRUPTED = "interrupted by SIGINT (Ctrl+C)"


class Terminal:
    """The program, alone at a terminal of its own."""

    def __init__(self, *args: str) -> None:
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            attributes = termios.tcgetattr(0)
            attributes[3] &= ~termios.ECHO
            termios.tcsetattr(0, termios.TCSANOW, attributes)
            os.execv(PROGRAM, [PROGRAM, *args])
        self.text = ""

    def read_until(self, wanted: str) -> bool:
        end = time.monotonic() + PATIENCE_S
        while wanted not in self.text:
            if not self.read_some(end - time.monotonic()):
                return False
        return True

    def read_some(self, timeout_s: float) -> bool:
        ready, _, _ = select.select([self.terminal], [], [], max(0.0, timeout_s))
        if not ready:
            return False
        try:
            data = os.read(self.terminal, 4096)
        except OSError:  # the last one at the terminal has left
            return False
        self.text += data.decode().replace("\r\n", "\n")
        return bool(data)

    def press_ctrl_c(self) -> None:
        os.write(self.terminal, b"\x03")

    def workers(self) -> list[int]:
        line = self.text.splitlines()[0].split()
        assert line[0] == "ready", self.text
        return [int(pid) for pid in line[1:]]

    def wait(self) -> int:
        """The status as a shell has it; negative for a signal."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                while self.read_some(0.0):
                    pass
                os.close(self.terminal)
                return os.waitstatus_to_exitcode(status)
            self.read_some(0.01)
        os.kill(self.pid, signal.SIGKILL)
        raise AssertionError(f"does not end; it said: {self.text}")


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class CtrlC(unittest.TestCase):
    def until_none_left(self, workers: list[int]) -> float:
        """Seconds until all are gone."""
        self.assertGreaterEqual(len(workers), 1)
        begin = time.monotonic()
        while any(alive(pid) for pid in workers):
            self.assertLess(time.monotonic(), begin + PATIENCE_S, f"alive: {[pid for pid in workers if alive(pid)]}")
            time.sleep(0.005)
        return time.monotonic() - begin

    def best_of_three(self, attempt: Callable[[], list[tuple[float, float]]]) -> None:
        """An attempt tells what it took, each with its bound: a busy machine may be late twice."""
        late: list[list[tuple[float, float]]] = []
        while len(late) < 3:
            took = attempt()
            if all(seconds < bound_s for seconds, bound_s in took):
                return
            late.append(took)
        self.fail(f"seconds and their bounds: {late}")

    def start(self, *args: str) -> Terminal:
        program = Terminal(*args)
        self.assertTrue(program.read_until("\n"), program.text)
        time.sleep(0.05)  # so that it is in its wait, mostly
        return program

    def test_one_exception_in_every_wait(self) -> None:
        for way in ("map", "imap", "join", "result", "as_completed", "wait", "shutdown", "unwind"):
            with self.subTest(way):
                program = self.start(way)
                begin = time.monotonic()
                program.press_ctrl_c()
                self.assertEqual(program.wait(), 130, program.text)
                self.assertLess(time.monotonic() - begin, 5.0)
                self.assertEqual(program.text.splitlines()[1:], [INTERRUPTED], "and nothing from the workers")
                for pid in program.workers():
                    self.assertFalse(os.path.exists(f"/proc/{pid}"), "reaped by the program itself")

    def test_the_second_one_ends_it_at_once(self) -> None:
        def attempt() -> list[tuple[float, float]]:
            program = self.start("stubborn")
            program.press_ctrl_c()
            self.assertTrue(program.read_until(INTERRUPTED), program.text)
            begin = time.monotonic()
            program.press_ctrl_c()
            self.assertEqual(program.wait(), -signal.SIGINT)
            second_s = time.monotonic() - begin
            self.assertEqual(program.text.splitlines()[1:], [INTERRUPTED])
            return [(second_s, SECOND_BY_S), (self.until_none_left(program.workers()), GONE_BY_S)]

        self.best_of_three(attempt)

    def test_without_a_scope_the_first_one_ends_it(self) -> None:
        for way in ("map", "imap", "result", "wait"):
            def attempt(way: str = way) -> list[tuple[float, float]]:
                program = self.start(way, "plain")
                program.press_ctrl_c()
                self.assertEqual(program.wait(), -signal.SIGINT)
                self.assertEqual(program.text.splitlines()[1:], [])
                return [(self.until_none_left(program.workers()), GONE_BY_S)]

            with self.subTest(way):
                self.best_of_three(attempt)


if __name__ == "__main__":
    unittest.main()
