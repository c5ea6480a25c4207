"""`make fuzz`: the corpus is taken as it should be, and what is not is found, made smaller and kept."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import pytest

from robenv.errors import UsageError
from robenv.profile.yaml.parse_error import BadValue
from scripts import fuzz
from scripts.fuzz import CORPUS, Fuzzer, crash_of, main
from scripts.fuzz_mutations import MAX_SIZE, mutated
from scripts.fuzz_targets import Target, targets

TARGETS = {target.name: target for target in targets()}


@pytest.mark.parametrize("name", TARGETS)
def test_every_input_of_the_corpus_is_taken_or_refused(name: str) -> None:
    inputs = Fuzzer().seeds(TARGETS[name])
    assert inputs
    assert [crash.details for data in inputs if (crash := crash_of(TARGETS[name], data))] == []


def test_every_folder_of_the_corpus_has_a_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} == {target.folder for target in TARGETS.values()}


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_made_of_the_corpus_is_the_same_for_one_seed(name: str) -> None:
    seeds = Fuzzer().seeds(TARGETS[name])

    def inputs(seed: int) -> list[bytes]:
        chance = random.Random(seed)
        return [mutated(chance, seeds, TARGETS[name].shape) for _ in range(40)]

    first = inputs(1)
    assert first == inputs(1) != inputs(2)
    assert all(len(data) <= MAX_SIZE for data in first)


def test_a_few_new_inputs_of_each_kind_are_taken_or_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fuzz, "smaller", lambda crash: crash)
    shutil.copytree(CORPUS, tmp_path / "corpus")
    fuzzer = Fuzzer(1, tmp_path / "corpus")
    fuzzer.run(list(TARGETS.values()), lambda done: done >= 5 * len(TARGETS), lambda text: None)
    assert not fuzzer.crashes, [crash.details for crash in fuzzer.crashes.values()]


def careless(data: bytes, folder: Path) -> None:
    if b"\x07" in data:
        raise KeyError("a bug")


def _fuzzer(tmp_path: Path) -> Fuzzer:
    (tmp_path / "things").mkdir()
    (tmp_path / "things" / "one").write_bytes(b"x" * 300 + b"\x07" + b"y" * 300)
    return Fuzzer(corpus=tmp_path)


def test_a_crash_is_told_made_smaller_and_kept_once(tmp_path: Path) -> None:
    fuzzer = _fuzzer(tmp_path)
    told: list[str] = []
    fuzzer.run([Target("careless", "things", careless)], lambda done: done >= 5, told.append)
    (crash,) = fuzzer.crashes.values()
    assert crash.data == b"\x07"
    kept = [path.read_bytes() for path in (tmp_path / "things").glob("crash-*")]
    assert kept == [b"\x07"]
    (text,) = told
    assert "KeyError" in text


def test_what_is_slow_or_large_or_would_command_a_terminal_is_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(data: bytes, folder: Path) -> None:
        time.sleep(30)

    def large(data: bytes, folder: Path) -> None:
        bytearray(fuzz.MOST + (64 << 20))

    def endless(data: bytes, folder: Path) -> None:
        endless(data, folder)

    def commanding(data: bytes, folder: Path) -> None:
        raise UsageError("x", hint="run \x1b]0;x\x07")

    monkeypatch.setattr(fuzz, "LONGEST", 0.2)
    found = []
    for run in (slow, large, endless, commanding):
        crash = crash_of(Target("bad", "things", run), b"")
        assert crash is not None
        found.append(crash.where.partition(":")[0])
    assert found == ["TooSlow of bad", "MemoryError of bad", "RecursionError of bad", "Unprintable"]


@pytest.mark.parametrize("error", [UsageError("no", hint="try"), BadValue("no", "try")])
def test_what_is_refused_is_no_crash(error: Exception) -> None:
    def refuse(data: bytes, folder: Path) -> None:
        raise error

    assert crash_of(Target("good", "things", refuse), b"") is None


def test_the_command_fails_where_something_crashed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def careful(data: bytes, folder: Path) -> None:
        """Takes everything."""

    _fuzzer(tmp_path)
    for run, code in ((careful, 0), (careless, 1)):
        monkeypatch.setattr(fuzz, "targets", lambda run=run: iter([Target("one", "things", run)]))
        assert main(["--executions", "0", "--corpus", str(tmp_path)]) == code
        assert f"1 inputs, {code} crashes (one 1)" in capsys.readouterr().out
