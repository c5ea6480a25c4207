"""The few protobuf messages that a build's trace is made of, described at run time: no generated code to keep in step.

Source of names, numbers and types: ``StatusResponse`` and its parts in BuildKit's api/services/control/control.proto.
Two liberties, neither of which changes a byte on the wire: text is declared ``bytes``, because BuildKit does not
promise UTF-8 and protobuf would refuse the whole record; and ``google.protobuf.Timestamp`` is described here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_PACKAGE = "moby.buildkit.v1"
_SCALARS = {
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "int32": FieldDescriptorProto.TYPE_INT32,
}

# message -> field -> (type, number); ``*`` after a type means repeated, a capital letter means a message.
_MESSAGES: Mapping[str, Mapping[str, tuple[str, int]]] = {
    "Timestamp": {"seconds": ("int64", 1), "nanos": ("int32", 2)},
    "Vertex": {
        "digest": ("bytes", 1),
        "inputs": ("bytes*", 2),
        "name": ("bytes", 3),
        "cached": ("bool", 4),
        "started": ("Timestamp", 5),
        "completed": ("Timestamp", 6),
        "error": ("bytes", 7),
    },
    "VertexStatus": {
        "ID": ("bytes", 1),
        "vertex": ("bytes", 2),
        "name": ("bytes", 3),
        "current": ("int64", 4),
        "total": ("int64", 5),
        "timestamp": ("Timestamp", 6),
        "started": ("Timestamp", 7),
        "completed": ("Timestamp", 8),
    },
    "VertexLog": {"vertex": ("bytes", 1), "timestamp": ("Timestamp", 2), "stream": ("int64", 3), "msg": ("bytes", 4)},
    "VertexWarning": {"vertex": ("bytes", 1), "level": ("int64", 2), "short": ("bytes", 3), "detail": ("bytes*", 4)},
    "StatusResponse": {
        "vertexes": ("Vertex*", 1),
        "statuses": ("VertexStatus*", 2),
        "logs": ("VertexLog*", 3),
        "warnings": ("VertexWarning*", 4),
    },
}


def _describe() -> FileDescriptorProto:
    file = FileDescriptorProto(name="robenv/buildkit_control.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (kind, number) in fields.items():
            base = kind.removesuffix("*")
            described = message.field.add(
                name=field,
                number=number,
                type=_SCALARS.get(base, FieldDescriptorProto.TYPE_MESSAGE),
                label=FieldDescriptorProto.LABEL_REPEATED if kind != base else FieldDescriptorProto.LABEL_OPTIONAL,
            )
            if base not in _SCALARS:
                described.type_name = f".{_PACKAGE}.{base}"
    return file


def _status_response() -> Any:
    pool = DescriptorPool()  # one of its own: nothing else in the process can clash with these names
    pool.AddSerializedFile(_describe().SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.StatusResponse"))


StatusResponse: Any = _status_response()
"""The message class: what the ``aux`` of a ``moby.buildkit.trace`` record holds."""
