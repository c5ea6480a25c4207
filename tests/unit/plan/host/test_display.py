"""What a profile gets of a login; the facts are made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from robenv.host.facts import EngineFacts, Facts, SessionFacts
from robenv.plan.host.display import plan_display, with_session, with_session_config, without_unseen
from robenv.plan.host.host import wanted_facts
from robenv.plan.host.requirements import Grant
from robenv.plan.models import Mount, RunPlan, User
from robenv.profile.schema.profile import Profile

FACTS = Facts(1000, 1000, "ann", "linux/amd64")
X11 = Mount("bind", "/tmp/.X11-unix", "/tmp/.X11-unix", read_only=True)
WSLG = Mount("bind", "/mnt/wslg", "/mnt/wslg")
DESKTOP = SessionFacts(
    x11=":0", x11_sockets=True, wayland="/run/user/1000/wayland-0", pulse="/p", pipewire="/q", ssh_agent="/a"
)
PLAN = RunPlan(
    project="picker",
    directory="/home/ann/picker",
    name="robenv-picker-abcdef",
    image="i",
    platform="linux/amd64",
    user=User("dev", 1000, 100, "/home/dev", "/bin/sh", sudo=False),
    working_dir="/workspace",
    entrypoint=(),
    command=("sleep", "infinity"),
    environment=(),
    mounts=(Mount("bind", "/home/ann/picker", "/workspace"),),
    home_volume="",
    labels=(),
)


def planned(*session: SessionFacts, **keys: Any) -> Grant:
    """On a desktop, or in another session."""
    facts = replace(FACTS, session=session[0] if session else DESKTOP)
    return plan_display(Profile.model_validate(keys), facts)


def test_a_profile_that_says_nothing_gets_nothing() -> None:
    assert planned() == Grant()
    assert "session" not in wanted_facts(Profile.model_validate({}))


def test_what_is_asked_for_is_looked_at() -> None:
    for asked in ({"display": "auto"}, {"audio": "auto"}, {"ssh_agent": "auto"}, {"git": True}):
        assert "session" in wanted_facts(Profile.model_validate(asked))


@pytest.mark.parametrize(
    ("asked", "parts", "mounts"),
    [
        ({"display": "auto"}, ("x11", "wayland"), (X11,)),
        ({"display": "required"}, ("x11", "wayland"), (X11,)),
        ({"display": "x11"}, ("x11",), (X11,)),
        ({"display": "wayland"}, ("wayland",), ()),
        ({"audio": "auto"}, ("pulseaudio", "pipewire"), ()),
        ({"audio": "pipewire"}, ("pipewire",), ()),
        ({"audio": "pulseaudio"}, ("pulseaudio",), ()),
        ({"ssh_agent": "auto"}, ("ssh_agent",), ()),
        ({"git": True}, ("git",), ()),
    ],
)
def test_parts(asked: dict[str, Any], parts: tuple[str, ...], mounts: tuple[Mount, ...]) -> None:
    assert planned(**asked) == Grant(session=parts, mounts=mounts)


def test_another_login_is_no_other_plan() -> None:
    keys = {"display": "auto", "audio": "auto", "ssh_agent": "auto"}
    other = SessionFacts(x11=":1", x11_sockets=True)
    none = SessionFacts(x11_sockets=True, problems=("SSH_AUTH_SOCK is /gone, and no agent answers there",))
    assert planned(other, **keys) == planned(**keys)
    assert replace(planned(none, **keys), notes=()) == planned(**keys)


def test_wslg_is_mounted_for_display_and_sound_once() -> None:
    grant = planned(replace(DESKTOP, wslg=True), display="auto", audio="auto")
    assert grant.mounts == (X11, WSLG)
    assert grant.session == ("x11", "wayland", "wslg", "pulseaudio", "pipewire")


@pytest.mark.parametrize(
    ("key", "words"), [("display", "X11 or Wayland"), ("audio", "PulseAudio or PipeWire"), ("ssh_agent", "ssh agent")]
)
def test_required_and_absent_is_a_lack(key: str, words: str) -> None:
    (requirement,) = planned(SessionFacts(), **{key: "required"}).unmet
    assert requirement.path == (key,)
    assert words in requirement.message
    assert requirement.hint
    assert planned(SessionFacts(), **{key: "auto"}).unmet == ()
    assert planned(**{key: "required"}).unmet == ()


def test_what_is_wrong_is_told_to_those_who_asked_for_it() -> None:
    problems = ("DISPLAY is 'banana', which names no display", "SSH_AUTH_SOCK is /gone, and no agent answers there")
    session = SessionFacts(problems=problems)
    assert planned(session, display="auto").notes == problems[:1]
    assert planned(session, display="wayland").notes == ()
    assert planned(session, ssh_agent="auto").notes == problems[1:]
    (requirement,) = planned(session, display="required").unmet
    assert "banana" in requirement.message


def test_a_display_of_ssh_needs_the_hosts_network() -> None:
    session = SessionFacts(x11="localhost:10.0")
    (note,) = planned(session, display="auto").notes
    assert "network_mode: host" in note
    assert "network_mode: host" in planned(session, display="required").unmet[0].message
    with_host = planned(session, display="required", run={"network_mode": "host"})
    assert (with_host.notes, with_host.unmet) == ((), ())
    assert planned(replace(session, wayland="/w"), display="required").unmet == ()


def test_nothing_reaches_an_engine_elsewhere() -> None:
    far = replace(FACTS, session=DESKTOP, engine=EngineFacts(local=False))
    assert plan_display(Profile.model_validate({}), far) == Grant()
    grant = plan_display(Profile.model_validate({"display": "auto", "git": True}), far)
    assert (grant.session, grant.mounts) == ((), ())
    assert "another machine" in grant.notes[0]
    (requirement,) = plan_display(Profile.model_validate({"ssh_agent": "required"}), far).unmet
    assert "another machine" in requirement.message


def test_a_plan_with_a_session_has_its_folder_and_its_settings() -> None:
    plan = with_session(replace(PLAN, session=("x11", "git")), "/run/user/1000/robenv")
    folder, runtime = plan.mounts[1:]
    assert folder == Mount("bind", "/run/user/1000/robenv/robenv-picker-abcdef", "/run/robenv", read_only=True)
    assert (runtime.kind, runtime.target) == ("tmpfs", "/run/user/1000")
    assert runtime.options == (("options", "uid=1000,gid=100,mode=0700"),)
    assert dict(plan.environment) == {"XDG_RUNTIME_DIR": "/run/user/1000", "QT_X11_NO_MITSHM": "1"}


def test_settings_that_depend_on_the_container() -> None:
    def environment(**changes: Any) -> dict[str, str]:
        return dict(with_session(replace(PLAN, **changes), "/base").environment)

    assert "QT_X11_NO_MITSHM" not in environment(session=("x11",), ipc="host")
    assert environment(session=("git",)) == {}
    assert environment(session=("git",), read_only=True) == {"GIT_CONFIG_SYSTEM": "/run/robenv/gitconfig"}
    own = (("XDG_RUNTIME_DIR", "/own"),)
    assert environment(session=("wayland",), environment=own) == dict(own)


def test_a_plan_without_a_session_stays_as_it_is() -> None:
    assert with_session(PLAN, "/base") is PLAN


def test_the_images_git_configuration_is_kept() -> None:
    ours = "[include]\n\tpath = /run/robenv/gitconfig\n"
    assert with_session_config(None) == ours
    assert with_session_config("[a]\n\tb = c\n") == f"[a]\n\tb = c\n{ours}"
    assert with_session_config("[a]\n\tb = c") == f"[a]\n\tb = c\n{ours}"


@pytest.mark.parametrize("network", ["", "host"])
def test_a_display_of_ssh_that_is_out_of_reach_names_what_reaches_it(network: str) -> None:
    session = SessionFacts(x11="localhost:30.0")
    run = {"network_mode": network} if network else {}
    required = planned(session, display="required", run=run)
    wanted = planned(session, display="auto", run=run)
    if network:
        assert required.unmet == ()
        assert wanted.notes == ()
        return
    (requirement,) = required.unmet
    assert "network_mode: host" in requirement.hint
    assert "log in" not in requirement.hint
    (note,) = wanted.notes
    assert "localhost:30.0" in note
    assert wanted.unmet == ()


def seen_as(
    path: str, source: str = "/run/user/1000/robenv", session: SessionFacts = DESKTOP, **keys: Any
) -> tuple[RunPlan, tuple[str, ...]] | None:
    """What is left of a plan on a desktop where the engine does not see ``path``."""
    profile = Profile.model_validate(keys)
    grant = plan_display(profile, replace(FACTS, session=session))
    plan = replace(PLAN, session=grant.session, mounts=(*PLAN.mounts, *grant.mounts))
    return without_unseen(with_session(plan, source), profile, path)


@pytest.mark.parametrize("path", ["/tmp/.X11-unix", "/tmp"])
def test_a_display_that_the_engine_does_not_see_is_left_away(path: str) -> None:
    found = seen_as(path, display="auto", ssh_agent="auto")
    assert found is not None
    assert (found[0].session, found[1]) == (("wayland", "ssh_agent"), ("display",))
    assert X11 not in found[0].mounts
    assert PLAN.mounts[0] in found[0].mounts


def test_a_session_folder_that_the_engine_does_not_see_is_left_away_with_all_in_it() -> None:
    found = seen_as("/run/user/1000/robenv/robenv-picker-abcdef", display="auto", audio="auto", git=True)
    assert found is not None
    assert (found[0].session, found[1]) == ((), ("display", "audio", "git"))
    assert found[0].mounts == (*PLAN.mounts, X11)


def test_wslg_that_the_engine_does_not_see_is_named_by_what_needs_it() -> None:
    session = replace(DESKTOP, wslg=True)
    found = seen_as("/mnt/wslg", session=session, display="auto")
    assert found is not None
    assert ("wslg" in found[0].session, WSLG in found[0].mounts, found[1]) == (False, False, ("display",))
    assert seen_as("/mnt/wslg", session=session, display="auto", audio="required") is None


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/tmp/.X11-unix", {"display": "x11"}),
        ("/tmp/.X11-unix", {"display": "required"}),
        ("/tmp/.X11-unix", {"display": "auto", "run": {"volumes": ["/tmp/.X11-unix:/tmp/.X11-unix"]}}),
        ("/run/user/1000", {"display": "auto", "ssh_agent": "required"}),
        ("/home/ann", {"display": "auto"}),
        ("/elsewhere", {"display": "auto"}),
    ],
)
def test_what_the_profile_insists_on_is_not_left_away(path: str, keys: dict[str, Any]) -> None:
    assert seen_as(path, **keys) is None
