"""Gives robenv's readers what nobody should have written, and says what they do not take as they should.

python -m scripts.fuzz [--seconds 600] [--target NAME …] [--seed N] [--executions N]

Inputs are the files of tests/corpus, and what ``scripts.fuzz_mutations`` makes of them: the same ones for one seed. A
crash is an exception that is none of robenv's own errors, more than 5 s or 512 MB for one input, or text for a terminal
that would command it. What crashes is made smaller, and kept as tests/corpus/FOLDER/crash-SHA, where the unit tests
read it from then on.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from robenv.errors import RobenvError
from robenv.profile.yaml.parse_error import BadValue
from scripts.fuzz_mutations import mutated
from scripts.fuzz_targets import Target, Unprintable, require_printable, targets

CORPUS = Path(__file__).resolve().parent.parent / "tests" / "corpus"
LONGEST = 5.0
"""Seconds of the processor for one input; six times as many may pass, for the machine may have other work."""
MOST = 512 << 20
"""Bytes for one input."""
_SMALLER = 10.0
"""Seconds in which an input is made smaller."""
_EACH = 10.0
"""Seconds between two lines of the report."""


class TooSlow(BaseException):
    """Not an Exception, so that nobody takes it for one of the target's own."""


@dataclass(frozen=True)
class Crash:
    """``where``: what two inputs with the same fault have in common."""

    target: Target
    data: bytes
    where: str
    details: str


@dataclass
class Fuzzer:
    """``counts``: inputs by target. ``crashes``: by what they have in common, each once."""

    seed: int = 0
    corpus: Path = CORPUS
    counts: dict[str, int] = field(default_factory=dict)
    crashes: dict[str, Crash] = field(default_factory=dict)

    def run(self, chosen: Sequence[Target], over: Callable[[int], bool], tell: Callable[[str], None] = print) -> None:
        """All inputs of the corpus, then new ones until it is ``over``, which is asked with how many there were."""
        seeds = {target.name: self.seeds(target) for target in chosen}
        chances = {target.name: random.Random(f"{self.seed} {target.name}") for target in chosen}  # noqa: S311
        for target in chosen:
            for data in seeds[target.name]:
                self._try(target, data, tell)
        done, start, said = 0, time.monotonic(), time.monotonic()
        while not over(done):
            target = chosen[done % len(chosen)]
            chance = chances[target.name]
            self._try(target, mutated(chance, seeds[target.name], target.shape), tell)
            done += 1
            if time.monotonic() - said > _EACH:
                said = time.monotonic()
                tell(self.report(said - start))

    def seeds(self, target: Target) -> list[bytes]:
        """In an order that is the same everywhere."""
        folder = self.corpus / target.folder
        return [path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()] if folder.is_dir() else []

    def report(self, seconds: float) -> str:
        each = ", ".join(f"{name} {count}" for name, count in self.counts.items())
        return f"{seconds:.0f} s: {sum(self.counts.values())} inputs, {len(self.crashes)} crashes ({each})"

    def _try(self, target: Target, data: bytes, tell: Callable[[str], None]) -> None:
        self.counts[target.name] = self.counts.get(target.name, 0) + 1
        crash = crash_of(target, data)
        if crash is None or crash.where in self.crashes:
            return
        crash = smaller(crash)
        self.crashes[crash.where] = crash
        path = self.corpus / target.folder / f"crash-{hashlib.sha256(crash.data).hexdigest()[:8]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(crash.data)
        tell(f"{target.name}: {crash.where}\n  kept as {path}\n{crash.details}")


def crash_of(target: Target, data: bytes) -> Crash | None:
    """What the input does that it should not."""
    try:
        with tempfile.TemporaryDirectory() as folder, _bounded():
            _run(target, data, Path(folder))
    except (Exception, TooSlow) as error:
        return Crash(target, data, _where(target, error), "".join(traceback.format_exception(error)[-12:])[-3000:])
    return None


def _run(target: Target, data: bytes, folder: Path) -> None:
    project = folder / "picker"
    project.mkdir()
    try:
        target.run(data, project)
    except BadValue as error:
        require_printable(error.message, error.hint)
    except RobenvError as error:
        require_printable(error.message, error.details, error.hint)
        for problem in error.problems:
            place = problem.location
            require_printable(problem.message, problem.hint, *((str(place), place.excerpt) if place else ()))


@contextmanager
def _bounded() -> Iterator[None]:
    """Raises TooSlow, or MemoryError, in what runs too long or takes too much."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MOST, hard))
    timers = ((signal.ITIMER_PROF, signal.SIGPROF, LONGEST), (signal.ITIMER_REAL, signal.SIGALRM, 6 * LONGEST))
    before = [(signal.signal(number, _too_slow), signal.setitimer(timer, seconds)) for timer, number, seconds in timers]
    try:
        yield
    finally:
        for (timer, number, _), (handler, left) in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)
            signal.setitimer(timer, *left)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _too_slow(number: int, frame: FrameType | None) -> None:
    raise TooSlow


def _where(target: Target, error: BaseException) -> str:
    """The kind of fault, and the innermost place of robenv's."""
    if isinstance(error, (TooSlow, RecursionError, MemoryError)):
        return f"{type(error).__name__} of {target.name}"
    frames = [one for one in traceback.extract_tb(error.__traceback__) if "/robenv/" in one.filename]
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    text = f": {error}" if isinstance(error, Unprintable) else ""
    return f"{type(error).__name__}{place if not text else ''}{text[:40]}"


def smaller(crash: Crash) -> Crash:
    """The same fault with less around it, as far as a few seconds go."""
    until = time.monotonic() + _SMALLER
    size = len(crash.data) // 2
    while size and time.monotonic() < until:
        at = 0
        while at < len(crash.data) and time.monotonic() < until:
            less = crash_of(crash.target, crash.data[:at] + crash.data[at + size :])
            if less is not None and less.where == crash.where:
                crash = less
            else:
                at += size
        size //= 2
    return crash


def main(arguments: Sequence[str] | None = None) -> int:
    known = {target.name: target for target in targets()}
    parser = argparse.ArgumentParser(prog="python -m scripts.fuzz", description="Fuzz what reads text from elsewhere.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--executions", type=int, help="how many new inputs, instead of how long")
    parser.add_argument("--target", action="append", choices=list(known), help="may be given several times")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    chosen = [known[name] for name in options.target or known]
    fuzzer, end = Fuzzer(options.seed, options.corpus), time.monotonic() + options.seconds
    start = time.monotonic()
    limit = options.executions
    fuzzer.run(chosen, (lambda done: done >= limit) if limit is not None else (lambda done: time.monotonic() > end))
    print(fuzzer.report(time.monotonic() - start))
    return 1 if fuzzer.crashes else 0


if __name__ == "__main__":
    sys.exit(main())
