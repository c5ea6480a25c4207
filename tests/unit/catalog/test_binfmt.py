"""What handlers of the kernel mean, and what is written to change them."""

from __future__ import annotations

import pytest

from robenv.catalog.binfmt import Handler, binfmt_state, parse_handler, plan_register, plan_unregister
from robenv.catalog.emulators import EMULATORS, Emulator, chosen_emulators, find_emulator, tiny_program
from robenv.errors import UsageError

ARM64 = next(emulator for emulator in EMULATORS if emulator.qemu == "aarch64")
DEBIAN = (  # as Debian 12's /usr/lib/binfmt.d/qemu-aarch64.conf makes it
    "enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: POF\noffset 0\n"
    "magic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n"
)
WSL = "enabled\ninterpreter /init\nflags: P\noffset 0\nmagic 4d5a\n"
QEMU = "/usr/bin/qemu-aarch64-static"


def _handler(name: str = "qemu-aarch64", flags: str = "POF", text: str = DEBIAN) -> Handler:
    return parse_handler(name, text.replace("flags: POF", f"flags: {flags}"))


def test_magic_and_mask_are_those_of_the_field() -> None:
    known = _handler()
    assert (ARM64.magic, ARM64.mask) == (known.magic, known.mask)
    assert (known.flags, known.interpreter, known.pinned, known.own) == (
        "POF", "/usr/libexec/qemu-binfmt/aarch64-binfmt-P", True, False,
    )  # fmt: skip


@pytest.mark.parametrize("emulator", EMULATORS, ids=lambda one: one.qemu)
def test_each_takes_its_own_program_and_no_other(emulator: Emulator) -> None:
    for other in EMULATORS:
        handler = Handler("any", True, QEMU, "F", emulator.magic, emulator.mask)
        assert handler.takes(other) == (other is emulator)
    assert tiny_program(emulator).startswith(emulator.magic)


def test_wsl_and_extensions_take_nothing_of_it() -> None:
    java = parse_handler("jar", "enabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n")
    assert binfmt_state(ARM64, (parse_handler("WSLInterop", WSL), java)).state == "missing"


def test_the_last_registered_counts() -> None:
    good, bad = _handler("robenv-aarch64", "F"), _handler(flags="P")
    assert (binfmt_state(ARM64, (good, bad)).state, binfmt_state(ARM64, (bad, good)).state) == ("works", "unfit")
    assert binfmt_state(ARM64, (good, bad)).hidden == (bad,)
    off = parse_handler("qemu-aarch64", DEBIAN.replace("enabled", "disabled"))
    assert binfmt_state(ARM64, (off,)).state == "missing"


@pytest.mark.parametrize(
    ("handlers", "options", "files"),
    [
        ((), {}, ["register"]),
        ((_handler(),), {}, []),
        ((_handler(),), {"credentials": True}, ["register"]),
        ((_handler(flags="POCF"),), {"credentials": True}, []),
        ((_handler(flags="P"),), {}, ["register"]),
        ((_handler(flags="P"),), {"repair": True}, ["qemu-aarch64", "register"]),
        ((_handler("robenv-aarch64", "F"), _handler(flags="P")), {"repair": True}, ["qemu-aarch64", "register"]),
        ((_handler(flags="P"), _handler("robenv-aarch64", "F")), {}, ["robenv-aarch64", "register"]),
        ((_handler("robenv-aarch64", "F"),), {"credentials": True}, ["robenv-aarch64", "register"]),
    ],
)
def test_what_is_written(handlers: tuple[Handler, ...], options: dict[str, bool], files: list[str]) -> None:
    assert [change.file for change in plan_register(ARM64, handlers, lambda: QEMU, **options)] == files


def test_mending_keeps_all_but_the_flags_and_can_be_undone() -> None:
    removed, made = plan_register(ARM64, (_handler(flags="P"),), lambda: QEMU, repair=True)
    assert removed.text == "-1"
    assert made.text.endswith(":/usr/libexec/qemu-binfmt/aarch64-binfmt-P:PF")
    assert removed.undo == made.text.removesuffix("F")


def test_only_robenvs_own_are_taken_back() -> None:
    handlers = (_handler(), _handler("robenv-aarch64", "F"), _handler("robenv-arm", "F"))
    assert [change.file for change in plan_unregister((ARM64,), handlers)] == ["robenv-aarch64"]


def test_names_of_all_kinds() -> None:
    machine = "linux/amd64"
    assert [emulator.qemu for emulator in chosen_emulators(("aarch64", "linux/arm64", "arm/v6"), machine)] == [
        "aarch64",
        "arm",
    ]
    assert "x86_64" not in {emulator.qemu for emulator in chosen_emulators((), machine)}
    assert "x86_64" in {emulator.qemu for emulator in chosen_emulators((), "linux/arm64")}
    assert find_emulator("loong64") is None


@pytest.mark.parametrize(
    ("name", "said"), [("loong64", "registers no"), ("amd64", "by itself"), ("386", "no"), ("arm46", "unknown")]
)
def test_what_cannot_be(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        chosen_emulators((name,), "linux/amd64")
    assert caught.value.hint
