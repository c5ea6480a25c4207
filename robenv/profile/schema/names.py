"""What names and references must look like: images, packages, repositories, users, labels. All matched end to end."""

from __future__ import annotations

import re
from typing import Annotated, Any

from robenv.profile.schema.types import TEXT_SCHEMA, Leaf, integer, one_of, pattern, take_line
from robenv.profile.yaml.parse_error import BadValue, did_you_mean
from robenv.util.sanitize import show

# Image references: the grammar of the distribution project's reference package.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:{_DOMAIN}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?",
    re.ASCII,
)


def _image(value: Any) -> str:
    expected = "an image such as `ubuntu:24.04`"
    reference = take_line(value, expected)
    if len(reference) > 512 or not _REFERENCE.fullmatch(reference):
        lower = reference.lower()
        hint = f"names of images are lower-case: {show(lower)}" if _REFERENCE.fullmatch(lower) else ""
        raise BadValue(f"{show(reference)} is not {expected}", hint)
    if reference.partition(":")[0] == "scratch":
        raise BadValue("`scratch` is empty: nothing could run in it", "name an image, or use base.bootstrap")
    return reference


# A host has a dot or a port, or is localhost: anything else would be a folder of Docker Hub's.
_REGISTRY = re.compile(rf"(?=[^/]*[.:]|localhost(?:/|$)){_DOMAIN}(?:/{_PART})*", re.ASCII)


def registry_prefix(value: Any) -> str:
    """What stands before an image's name, as ``docker push`` takes it. Raises BadValue."""
    expected = "a place in a registry such as `registry.example.org/team`"
    prefix = take_line(value, expected)
    bare = prefix.partition("://")[2] or prefix
    host, slash, path = bare.rstrip("/").partition("/")
    better = f"{host}{slash}{path.lower()}"
    if len(prefix) <= 180 and _REGISTRY.fullmatch(prefix):
        return prefix
    hint = ""
    if "@" in prefix:
        hint = "no login belongs here: `docker login` keeps it"
    elif better != prefix and _REGISTRY.fullmatch(better):
        hint = f"did you mean {show(better)}?"
    elif _REGISTRY.fullmatch(f"docker.io/{prefix}"):
        hint = f"begin it with the registry's host; Docker Hub's is {show('docker.io/' + prefix)}"
    elif _REFERENCE.fullmatch(prefix) and _REGISTRY.fullmatch(prefix.rpartition(":")[0]):
        hint = "leave the tag out: robenv's own is the content hash"
    raise BadValue(f"{show(prefix)} is not {expected}", hint)


# Debian Policy 5.6.1 and 5.6.12; `=version` and `/suite` as apt-get takes them.
_PACKAGE = re.compile(
    r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.](?::[a-z0-9][a-z0-9-]*)?"
    r"(?:=[0-9A-Za-z*?][0-9A-Za-z.+:~*?-]*|/[a-z0-9][a-z0-9._~-]*)?",
    re.ASCII,
)


def _package(value: Any) -> str:
    expected = "a package such as `git`, `git=1:2.39*` or `git/bookworm-backports`"
    package = take_line(value, expected)
    if _PACKAGE.fullmatch(package):
        return package
    hint = ""
    if package.startswith("-"):
        hint = "options of apt-get are not taken here"
    elif package.endswith("-"):
        hint = "packages can be added only: a `-` at the end would remove one"
    elif re.search(r"\s", package):
        hint = "one package an entry"
    elif _PACKAGE.fullmatch(package.lower().replace("==", "=")):
        hint = f"did you mean {show(package.lower().replace('==', '='))}?"
    raise BadValue(f"{show(package)} is not {expected}", hint)


_PIP_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_PIP_SPECIFIER = r"(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9*!+._-]+"
_PIP = re.compile(
    rf"{_PIP_NAME}\s*(?:\[\s*(?:{_PIP_NAME}(?:\s*,\s*{_PIP_NAME})*)?\s*\])?\s*"
    rf"(?:@\s*[a-z+]+://[^\s\\]+|{_PIP_SPECIFIER}(?:\s*,\s*{_PIP_SPECIFIER})*"
    rf"|\(\s*{_PIP_SPECIFIER}(?:\s*,\s*{_PIP_SPECIFIER})*\s*\))?\s*(?:;\s*[^\\]+)?"
    r"|(?:(?:git|hg|svn|bzr)\+)?[a-z]+://[^\s\\]+",
    re.ASCII,
)


def _requirement(value: Any) -> str:
    expected = "a requirement such as `numpy==2.1.3`"
    requirement = take_line(value, expected)
    if len(requirement) <= 1024 and _PIP.fullmatch(requirement):
        return requirement
    hint = ""
    if requirement.startswith("-"):
        hint = "options of pip are not taken here"
    elif requirement.startswith((".", "/", "~")):
        hint = "a package from a folder: copy it in with `files` and install it in a step"
    elif re.fullmatch(rf"{_PIP_NAME}=[^=].*", requirement):
        hint = "pip writes `==` for a version"
    raise BadValue(f"{show(requirement)} is not {expected}", hint)


# Architectures of Go's and Docker's names.
PLATFORMS = (
    "linux/amd64",
    "linux/amd64/v2",
    "linux/amd64/v3",
    "linux/arm64",
    "linux/arm64/v8",
    "linux/arm/v5",
    "linux/arm/v6",
    "linux/arm/v7",
    "linux/386",
    "linux/loong64",
    "linux/mips64le",
    "linux/ppc64le",
    "linux/riscv64",
    "linux/s390x",
)
_OTHER_NAMES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm/v7", "armv7l": "arm/v7"}


def _platform(value: Any) -> str:
    expected = "a platform such as `linux/amd64` or `linux/arm64`"
    platform = take_line(value, expected)
    if platform not in PLATFORMS:
        architecture = platform.removeprefix("linux/").lower()
        right = "linux/" + _OTHER_NAMES.get(architecture, architecture)
        hint = f"did you mean `{right}`?" if right in PLATFORMS else did_you_mean(platform, PLATFORMS)
        raise BadValue(f"{show(platform)} is not {expected}", hint)
    return platform


# capabilities(7)
_CAPABILITIES = (
    "ALL", "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN",
    "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE",
    "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST",
    "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT",
    "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG",
    "WAKE_ALARM",
)  # fmt: skip


def _capability(value: Any) -> str:
    named = take_line(value, "a kernel capability such as `NET_ADMIN`")
    capability = named.upper().removeprefix("CAP_")
    if capability not in _CAPABILITIES:
        hint = did_you_mean(capability, _CAPABILITIES)
        raise BadValue(f"{show(named)} is not a kernel capability such as `NET_ADMIN`", hint)
    return capability


def _label(value: Any) -> str:
    expected = "a label's name such as `org.example.team`"
    label = take_line(value, expected)
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?", label, re.ASCII):
        raise BadValue(f"{show(label)} is not {expected}")
    if label == "robenv" or label.startswith("robenv."):
        raise BadValue(f"the label {show(label)} is robenv's own", "labels that begin with `robenv.` cannot be set")
    return label


def _user_name(value: Any) -> str:
    expected = "a user's name such as `dev`: a-z, 0-9, `_` and `-`, at most 32"
    name = take_line(value, expected)
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", name, re.ASCII):
        raise BadValue(f"{show(name)} is not {expected}")
    if name == "root":
        raise BadValue("the user cannot be `root`", "give another name; `sudo: true` lets that user become root")
    return name


def _id(value: Any) -> int | str:
    if isinstance(value, str) and value == "host":
        return "host"
    number: int = integer(1, 2**31 - 1, "`host` or a number from 1 on").parse(value)
    return number


_IDS = r"(?:[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?|[0-9]{1,10})"
_WEB = r"[A-Za-z0-9._~:/?#@!$&()*+,;=%-]+"
_LOWER = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"

PROJECT_NAME = pattern(
    rf"(?=.{{1,63}}$){_LOWER}", "a project's name such as `picker`: a-z and 0-9, with single `.`, `_`, `-` between"
)
ProjectName = Annotated[str, PROJECT_NAME]
StageName = Annotated[
    str, pattern(r"(?=.{1,63}$)(?!scratch$)[a-z](?:[a-z0-9]|[._-](?=[a-z0-9]))*", "a stage's name such as `builder`")
]
IMAGE = Leaf(_image, TEXT_SCHEMA)
ImageReference = Annotated[str, IMAGE]
Registry = Annotated[str, Leaf(registry_prefix, TEXT_SCHEMA)]
PACKAGE = Leaf(_package, TEXT_SCHEMA)
Package = Annotated[str, PACKAGE]
PipRequirement = Annotated[str, Leaf(_requirement, TEXT_SCHEMA)]
Platform = Annotated[str, Leaf(_platform, {"enum": list(PLATFORMS)})]
Capability = Annotated[str, Leaf(_capability, {"type": "string", "examples": list(_CAPABILITIES)})]
LabelName = Annotated[str, Leaf(_label, TEXT_SCHEMA)]
UserName = Annotated[str, Leaf(_user_name, TEXT_SCHEMA)]
HostOrId = Annotated[int | str, Leaf(_id, {"anyOf": [{"enum": ["host"]}, {"type": "integer", "minimum": 1}]})]
UserReference = Annotated[str, pattern(rf"{_IDS}(?::{_IDS})?", "a user: NAME, UID or USER:GROUP", plain=True)]
VariableName = Annotated[
    str, pattern(r"[A-Za-z_][A-Za-z0-9_]*", "a variable's name: letters, digits and `_`, not beginning with a digit")
]
Suite = Annotated[str, pattern(r"[a-z0-9][a-z0-9._-]*", "a suite such as `bookworm`")]
AptSuite = Annotated[
    str,
    pattern(
        r"(?:\./|[A-Za-z0-9])(?:[A-Za-z0-9._~-]|/(?!/))*", "a suite such as `bookworm`, or a path that ends with `/`"
    ),
]
Component = Annotated[str, pattern(r"[A-Za-z0-9](?:[A-Za-z0-9._-]|/(?=[A-Za-z0-9]))*", "a component such as `main`")]
Architecture = Annotated[str, pattern(r"[a-z0-9][a-z0-9-]*", "a Debian architecture such as `amd64`")]
RepositoryName = Annotated[str, pattern(r"[A-Za-z0-9][A-Za-z0-9_-]*", "a name of letters, digits, `_` and `-`")]
WebAddress = Annotated[str, pattern(rf"https?://{_WEB}", "an address that begins with http:// or https://")]
ArchiveHost = Annotated[
    str,
    pattern(r"[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[A-Za-z0-9._~/-]*)?", "a host such as `packages.ros.org`, or a path on it"),
]
MirrorAddress = Annotated[
    str, pattern(rf"(?:https?|file)://{_WEB}", "an address that begins with http://, https:// or file://")
]
Checksum = Annotated[str, pattern(r"sha256:[0-9a-f]{64}", "a checksum: `sha256:` and 64 digits of 0-9, a-f")]
Mode = Annotated[str, pattern(r"[0-7]{3,4}", 'a mode such as `"0644"`', plain=True)]
Variant = Annotated[
    str,
    one_of(
        "apt", "buildd", "custom", "debootstrap", "essential", "extract", "important", "minbase", "required", "standard"
    ),
]
