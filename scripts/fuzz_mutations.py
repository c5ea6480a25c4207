"""What is made of the inputs of a corpus: bytes changed without knowing what they mean, and profiles of any key."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import yaml

from robenv.profile.schema.trust import KEYS
from tests.support.projects.profile_examples import EXAMPLES

MAX_SIZE = 1 << 16
"""Bytes of an input."""
_TOKENS: tuple[bytes, ...] = tuple(
    one.encode("utf-8", "surrogateescape")
    for one in (
        ": ", "- ", "\n", "\n  ", "{", "}", "[", "]", "'", '"', "|", ">-", "# ", ",", "&a ", "*a", "<<: *a", "? ",
        "---\n", "...\n", "%YAML 1.1\n", "%TAG ! !a\n", "!reset ", "!override ", "!!binary ",
        "!!python/object:os.system ", "! ", "${A}", "$A", "${A:-b}", "${A:?b}", "$${A}", "${", "${localEnv:A}",
        "{{ x }}", "$(id)", "`id`", "\\", "\0", "\x1b[2J", "\x1b]0;x\x07", "\r", "\t", "\x7f", "\u0085", "\u2028",
        "\u202e", "\u2066", "\u200b", "\ufeff", "\udced\udca0\udc80", "e\u0301", "\U0001f600", "\udcff",
        "99999999999999999999999", "-1", "0x7f", "0o17", "1e999", ".inf", ".nan", "1_000", "9" * 5000,
        "1" * 400 + "gb", "null", "~", "true", "no", "2020-01-01", "12:30:45", "../", "/", "//", "/..", ".git",
        "robenv.yaml", "./robenv.yaml", "a" * 300, "localhost:1/x", "[::1]", "sha256:", "@", "::", "--upload-pack=x",
        "=", "export ", "linux/amd64", "linux/arm64",
    )
)  # fmt: skip
_LEAVES: tuple[Any, ...] = (
    "", "x", "a b", "\n", "\0", "\u202e", "\x1b[2J", "'", '"', "$A", "${A}", "${A:?no}", "$${localEnv:A}", "$(id)",
    "{{ x }}", "-y", "\\", "../..", "/", "~", "./a", "/dev/null", "host", "auto", "required", "git", "80:80", "1gb",
    "30s", "*", "a:b", "debian:bookworm", "linux/amd64", "0", 0, 1, -1, 2**31, 2**63, 10**400, 1.5, float("inf"),
    float("nan"), True, False, None, "é" * 70, "a" * 5000, "CMD", "NET_ADMIN", "./robenv.yaml", "ros/debian-bookworm",
    "http://[", "\ud800",
)  # fmt: skip
_WORDS = ("x", "1", "true", "/x", "./a", "debian:bookworm", "http://example.org/x", "5s", "1mb", "auto", "numpy", ["x"])
"""Of some kind that most keys take."""
_NAMES = (
    "x",
    "lan",
    "linux/amd64",
    "linux/arm64",
    "nofile",
    "a.b",
    "A",
    "",
    "ubuntu",
    "debian",
    "$A",
    "\u202e",
    "1",
    "tools",
)
_KEYS = [key.split(".") for key in KEYS]
_LISTS = ("steps", "files", "volumes", "devices", "env_file", "udev", "secrets", "config", "weight_device")

_PLATFORMS = ("linux/amd64", "linux/arm64")

Mutation = Callable[[random.Random, bytes, Sequence[bytes]], bytes]


def mutated(chance: random.Random, seeds: Sequence[bytes], shape: str = "") -> bytes:
    """An input that nobody has written, of any of the seeds. ``shape``: see Target."""
    data = chance.choice(seeds) if seeds else b""
    if shape and chance.random() < 0.85:
        data = {"profile": profile, "document": document, "tree": tree}[shape](chance, data, seeds)
        if chance.random() < 0.9:
            return data[:MAX_SIZE]
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        data = chance.choice(_MUTATIONS)(chance, data, seeds)
    return data[:MAX_SIZE]


def _flip(chance: random.Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(chance: random.Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    first, last = sorted((chance.randint(0, len(data)), chance.randint(0, len(data))))
    return data[:first] + data[last:]


def _insert(chance: random.Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(_TOKENS) + data[at:]


def _replace(chance: random.Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    """One word or number by another thing."""
    words = data.replace(b"\n", b" ").split(b" ")
    word = chance.choice(words)
    return data.replace(word, chance.choice(_TOKENS), 1) if word else data


def _repeat(chance: random.Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    first, last = sorted((chance.randint(0, len(data)), chance.randint(0, len(data))))
    return data[:last] + data[first:last] * chance.choice((1, 2, 50)) + data[last:]


def _swell(chance: random.Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    """So many of one thing that what looks at each from each takes too long."""
    thing = chance.choice((chance.choice(_TOKENS), chance.choice(data.split(b"\n")) + b"\n", b" ", b"a"))
    at = chance.randint(0, len(data))
    return data[:at] + thing * ((MAX_SIZE - len(data)) // len(thing)) + data[at:]


def _splice(chance: random.Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    other = chance.choice(seeds)
    return data[: chance.randint(0, len(data))] + other[chance.randint(0, len(other)) :]


def _swap_lines(chance: random.Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    lines = data.split(b"\n")
    chance.shuffle(lines)
    return b"\n".join(lines)


_MUTATIONS: tuple[Mutation, ...] = (
    _flip,
    _cut,
    _insert,
    _insert,
    _replace,
    _replace,
    _repeat,
    _swell,
    _splice,
    _swap_lines,
)


class _Tagged:
    def __init__(self, tag: str, value: Any) -> None:
        self.tag, self.value = tag, value


class _Loader(yaml.SafeLoader):
    """Takes every tag."""


_Loader.add_multi_constructor("", lambda loader, suffix, node: None)


def profile(chance: random.Random, seed: bytes, seeds: Sequence[bytes]) -> bytes:
    """A profile by the schema, of keys that may stand there and values that may not."""
    whole: dict[str, Any] = {"name": "picker"}
    if chance.random() < 0.6:
        _merge(whole, _read(seed))
    whole.setdefault("base", {"image": "debian:bookworm"})
    for _ in range(chance.randrange(4)):
        _merge(whole, _read(chance.choice(EXAMPLES)))
    for _ in range(chance.choice((0, 0, 1, 1, 1, 2))):
        _put(chance, whole, chance.choice(_KEYS))
    return text_of(whole).encode("utf-8", "surrogatepass")


def document(chance: random.Random, seed: bytes, seeds: Sequence[bytes]) -> bytes:
    """YAML or JSON with other things in some of its places."""
    whole = _read(seed)
    for _ in range(chance.choice((1, 1, 2, 3))):
        level: Any = whole
        while True:
            keys = list(level) if isinstance(level, dict) else list(range(len(level)))
            key = chance.choice(keys) if keys else None
            below = level[key] if keys else None
            if not isinstance(below, (dict, list)) or not below or chance.random() < 0.3:
                break
            level = below
        _change(chance, level, key)
    return text_of(whole).encode("utf-8", "surrogatepass")


def _change(chance: random.Random, level: Any, key: Any) -> None:
    if isinstance(level, list):
        level.insert(key or 0, _value(chance))
    elif key is None or chance.random() < 0.3:
        level[chance.choice((*_NAMES, *_WORDS[:-1]))] = level[key] if key is not None else _value(chance)
    elif chance.random() < 0.1:
        del level[key]
    else:
        level[key] = _value(chance)


def tree(chance: random.Random, seed: bytes, seeds: Sequence[bytes]) -> bytes:
    """A tree as ``tests.support.servers.raw_git`` has it, of parts of several, where names meet that should not."""
    entries: list[Any] = []
    for _ in range(chance.choice((1, 2, 2, 3))):
        found = _entries(chance.choice(seeds))
        entries += chance.sample(found, chance.randint(0, len(found)))
    for _ in range(chance.randrange(4)):
        mode, content = chance.choice((*_BLOBS, ("40000", _below(chance, entries))))
        name = chance.choice((*(entry[1] for entry in entries), *_TREE_NAMES))
        entries.insert(chance.randint(0, len(entries)), [mode, name, content])
    return json.dumps({"tree": entries}).encode()


def _entries(seed: bytes) -> list[Any]:
    try:
        found: list[Any] = json.loads(seed)["tree"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []  # a raw one
    return found


def _below(chance: random.Random, entries: Sequence[Any]) -> list[Any]:
    return [["100644", "x", "x"], *chance.sample(entries, min(len(entries), chance.randrange(3)))]


_TREE_NAMES = (
    "a", "A", "b", "h", "..", ".", ".git", "GIT~1", "robenv.yaml", "a/b", "\u00e9", "e\u0301", "x" * 256, "\n",
)  # fmt: skip
_LINKS = ("b", "a", "..", "../..", "a/..", "h/../..", "/etc", ".", "x" * 3000, "", "a/b/c", "../tree/a")
_BLOBS = (*(("120000", link) for link in _LINKS), ("100644", "x"), ("100755", "x"), ("160000", "0" * 40), ("20000", ""))


def _read(text: bytes | str) -> dict[str, Any]:
    try:
        found = yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _merge(whole: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        known = whole.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
        else:
            whole[key] = value


def _put(chance: random.Random, whole: dict[str, Any], steps: Sequence[str]) -> None:
    """Any value at the place of a key, with whatever has to stand above it."""
    level = whole
    for step in steps[:-1]:
        names = _PLATFORMS if level is whole.get("per_platform") and chance.random() < 0.9 else _NAMES
        name = chance.choice(names) if step == "*" else step
        below = level.get(name)
        if isinstance(below, list) and below and isinstance(below[-1], dict):
            below = below[-1]
        elif not isinstance(below, dict):
            below = {}
            level[name] = [below] if step in _LISTS and chance.random() < 0.9 else below
        level = below
    last = chance.choice(_NAMES) if steps[-1] == "*" else steps[-1]
    level[last] = _value(chance)


def _value(chance: random.Random) -> Any:
    kind = chance.random()
    if kind < 0.2:
        found: Any = chance.choice(_WORDS)
    elif kind < 0.7:
        found = chance.choice(_LEAVES)
    elif kind < 0.9:
        found = [chance.choice(_LEAVES) for _ in range(chance.randrange(4))]
    else:
        found = {chance.choice(_NAMES): chance.choice(_LEAVES) for _ in range(chance.randrange(3))}
    return _Tagged(chance.choice(("!reset", "!override")), found) if chance.random() < 0.1 else found


_DEEPEST = 16
"""Levels that are written out: an anchor may lead into itself."""


def text_of(value: Any, level: int = 0) -> str:
    """YAML in one line."""
    below = level + 1
    if level > _DEEPEST:
        return "null"
    if isinstance(value, _Tagged):
        return f"{value.tag} {text_of(value.value, below)}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text_of(str(key))}: {text_of(one, below)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(text_of(one, below) for one in value) + "]"
    if isinstance(value, float):
        return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(str(value), str(value))
    if value is None or isinstance(value, (bool, int)):
        return json.dumps(value)
    return json.dumps(str(value), ensure_ascii=any(one < " " for one in str(value)))
