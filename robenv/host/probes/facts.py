"""Reads a machine's facts when asked, never at import."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from robenv.host.facts import EngineFacts, Facts
from robenv.host.host import Host, LocalHost
from robenv.host.probes.timezone import read_timezone


def read_facts(
    engine_platform: str,
    *,
    rootless: bool = False,
    wanted: frozenset[str] = frozenset(),
    engine: EngineFacts = EngineFacts(),  # noqa: B008 (frozen)
    host: Host | None = None,
) -> Facts:
    """Who works on this machine, the engine's platform in Docker's normal form (``linux/arm64``), and the ``wanted``
    sections (of ``robenv.host.facts.SECTIONS``) of ``host``, by default this machine. Nothing else is read.

    The one who works is the process's effective user. SUDO_UID is not looked at: under ``sudo`` it is root who reads
    the profile, opens the engine and writes the caches, and a container that alone believed otherwise would have a home
    and files that the rest of robenv could not share. Who needs sudo only for the engine's socket joins its group.

    ``rootless``: the engine runs in this user's own user namespace, where this user is UID 0 and every other UID is a
    subordinate one; files in the workspace then belong to this user only if root writes them inside.

    Raises UsageError for a platform that nobody knows.
    """
    from robenv.catalog.platforms import normalize

    host = host or LocalHost()
    uid, gid, name = host.apart().user()
    facts = Facts(
        uid=0 if rootless else uid,
        gid=0 if rootless else gid,
        user_name=name,
        platform=normalize(engine_platform),
        timezone=read_timezone(host.apart()),
        read=wanted,
    )
    return replace(facts, **_sections(host, wanted, engine)) if wanted else facts


def _sections(host: Host, wanted: frozenset[str], engine: EngineFacts) -> dict[str, Any]:
    """Each probe is imported where its section is wanted: most profiles want none, and entering has to be quick."""
    fields: dict[str, Any] = {}
    if "engine" in wanted:
        fields["engine"] = engine
        if engine.podman and engine.local:
            from robenv.host.probes.podman import read_lacks

            unmet = (*engine.podman_lacks, *read_lacks(host, engine.rootless))
            fields["engine"] = engine = replace(engine, podman_lacks=unmet)
    if "kernel" in wanted:
        from robenv.host.probes.engine_process import read_engine_process
        from robenv.host.probes.kernel import read_kernel

        fields["kernel"] = read_kernel(host)
        if engine.local and "engine" in wanted:
            fields["engine"] = replace(engine, **read_engine_process(host, engine.endpoint))
    if "distribution" in wanted:
        from robenv.host.probes.distribution import read_distribution

        fields["distribution"] = read_distribution(host)
    if "gpu" in wanted:
        from robenv.host.probes.gpu import read_gpu

        fields["gpu"] = read_gpu(host, engine.cdi_spec_dirs)
    if "devices" in wanted:
        from robenv.host.probes.devices import read_devices

        fields |= read_devices(host)
    if "session" in wanted:
        from robenv.host.probes.session import read_session

        # It changes from one command to the next; `robenv.fast.replay` looks at what a plan may depend on.
        fields["session"] = read_session(host.apart())
    return fields
