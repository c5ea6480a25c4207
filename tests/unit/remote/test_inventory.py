from __future__ import annotations

from pathlib import Path

import pytest

from robenv.errors import ProfileError, UsageError
from robenv.remote.inventory import Inventory, Robot, read_inventory
from robenv.remote.ssh_errors import login_failed

FLEET = """\
all:
  vars: {ansible_user: dev}
  hosts:
    lab: {ansible_host: 10.0.0.9, ansible_port: 2222}
  children:
    rovers:
      vars: {ansible_user: rover, ansible_ssh_common_args: "-J gate -o 'ServerAliveInterval 5'"}
      hosts:
        rover[08:10]: {}
        rover08: {ansible_user: root, robenv_docker_host: unix:///run/docker-own.sock}
      children:
        night: {hosts: {rover09: }}
    arms:
      hosts: {arm: {ansible_ssh_private_key_file: /keys/arm}}
"""


def read(folder: Path, text: str) -> Inventory:
    (folder / "robots.yaml").write_text(text)
    return read_inventory(folder / "robots.yaml")


def by_name(inventory: Inventory) -> dict[str, Robot]:
    return {robot.name: robot for robot in inventory.robots}


def test_hosts_groups_and_variables(tmp_path: Path) -> None:
    robots = by_name(read(tmp_path, FLEET))
    assert list(robots) == ["lab", "rover08", "rover09", "rover10", "arm"]
    assert (robots["lab"].host, robots["lab"].user, robots["lab"].port) == ("10.0.0.9", "dev", 2222)
    assert (robots["rover08"].user, robots["rover09"].user, robots["arm"].user) == ("root", "rover", "dev")
    assert robots["rover08"].docker_host == "/run/docker-own.sock"
    assert robots["rover10"].ssh_options == ("-J", "gate", "-o", "ServerAliveInterval 5")
    assert robots["arm"].ssh_options == ("-i", "/keys/arm")
    assert robots["rover09"].groups == ("all", "rovers", "night")
    assert robots["lab"].login == "-p 2222 dev@10.0.0.9"


def test_selecting(tmp_path: Path) -> None:
    fleet = read(tmp_path, FLEET)
    assert [robot.name for robot in fleet.select(["night", "rovers"])] == ["rover09", "rover08", "rover10"]
    assert [robot.name for robot in fleet.select([], True)] == ["lab", "rover08", "rover09", "rover10", "arm"]
    assert fleet.select(["dev@somewhere.lan"]) == (Robot("dev@somewhere.lan", "somewhere.lan", "dev"),)
    for names in ([], ["-oProxyCommand=id"], ["a b"], [""]):
        with pytest.raises(UsageError):
            fleet.select(names)
    with pytest.raises(UsageError, match="no robots"):
        Inventory().select([], True)


def test_a_host_that_nobody_knows_may_be_a_robot_that_was_misspelt(tmp_path: Path) -> None:
    fleet = read(tmp_path, FLEET)
    said = "ssh: Could not resolve hostname rover8: Name or service not known"
    (meant,), (new,) = fleet.select(["rover8"]), fleet.select(["desk"])
    assert login_failed(meant, said).hint == (
        "did you mean `rover08`? Else name it in robots.yaml (ansible_host) or in ~/.ssh/config"
    )
    assert login_failed(new, said).hint.startswith("name it in robots.yaml")


def test_a_key_of_a_user_that_is_not_there_is_left_to_ssh(tmp_path: Path) -> None:
    path = tmp_path / "robots.yaml"
    path.write_text('all: {hosts: {a: {ansible_private_key_file: "~nobody-has-this-name/id"}}}\n')
    assert read_inventory(path).robots[0].ssh_options == ("-i", "~nobody-has-this-name/id")


def test_no_file_is_no_robots(tmp_path: Path) -> None:
    assert read_inventory(tmp_path / "robots.yaml") == Inventory()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[a, b]\n", "mapping of groups"),
        ("all: [a]\n", "not a mapping"),
        ("all: {host: {a: }}\n", "did you mean `hosts`"),
        ("all: {hosts: [a]}\n", "`hosts` is not a mapping"),
        ("all: {vars: 3}\n", "variables are a mapping"),
        ("all: {hosts: {'a b': }}\n", "no name of a robot"),
        ("all: {hosts: {a: {ansible_port: x}}}\n", "is not a port"),
        ('"\u202e": {hosts: {a: {}}}\n', "`\\u202e` is no name of a group"),
        ('all: {hosts: {a: {ansible_ssh_common_args: "-4 \\0"}}}\n', "what no terminal shows: `\\x00`"),
        ('all: {hosts: {a: {ansible_ssh_extra_args: "-oX=\\e]0;x"}}}\n', "what no terminal shows: `-oX=\\x1b]0;x`"),
        ('all: {hosts: {a: {ansible_private_key_file: "\u202e"}}}\n', "what no terminal shows"),
        ("all: {hosts: {a: {ansible_host: -oProxyCommand=id}}}\n", "not a host"),
        ('all: {hosts: {a: {ansible_ssh_common_args: "\'"}}}\n', "No closing quotation"),
        ("all: {hosts: {a: {robenv_docker_host: tcp://x}}}\n", "path of a socket"),
        ("all: {children: {b: {children: {b: {hosts: {x: }}}}}}\n", "inside itself"),
        ("all: {hosts: {a: }}\nall: {}\n", "set twice"),
    ],
)
def test_what_is_wrong_has_its_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read(tmp_path, text)
    problem = caught.value.problems[0]
    assert words in f"{problem.message} {problem.hint}"
    assert problem.location is not None and problem.location.file == "robots.yaml"


def test_all_problems_at_once(tmp_path: Path) -> None:
    with pytest.raises(ProfileError) as caught:
        read(tmp_path, "all: {hosts: {a: {ansible_port: x}, b: {ansible_port: y}}, what: }\n")
    assert len(caught.value.problems) == 3


def test_what_messages_say_after_ssh_can_be_pasted() -> None:
    robot = Robot("rover", "10.0.0.3", "dev", 2222, ("-J", "gate", "-o", "ProxyCommand=nc %h"))
    assert robot.login == "-J gate -o 'ProxyCommand=nc %h' -p 2222 dev@10.0.0.3"
    assert robot.place == "-p 2222 dev@10.0.0.3"
    assert robot.known_as == "'[10.0.0.3]:2222'"
    assert (Robot("rover", "rover").login, Robot("rover", "rover").known_as) == ("rover", "rover")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("robenv_docker_sock", "did you mean `robenv_docker_host`?"),
        ("robenv_files", "it reads robenv_docker_host"),
        ("ansible_hots", "did you mean `ansible_host`?"),
        ("ansible_usr", "did you mean `ansible_user`?"),
        ("ansible_ssh_privat_key_file", "did you mean `ansible_ssh_private_key_file`?"),
        ("ansibel_host", "did you mean `ansible_host`?"),
        ("robnev_docker_host", "did you mean `robenv_docker_host`?"),
    ],
)
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("all:\n  vars:\n    {name}: x\n  hosts: {{rover: }}\n", (3, 5)),
        ("all:\n  hosts:\n    rover[01:03]: {{ansible_port: 22, {name}: x}}\n", (3, 38)),
    ],
)
def test_a_variable_that_was_meant_to_be_another_is_told(
    name: str, hint: str, text: str, place: tuple[int, int], tmp_path: Path
) -> None:
    (warning,) = read(tmp_path, text.format(name=name)).warnings
    assert f"`{name}` is" in warning.message
    assert warning.hint == hint
    assert warning.location is not None
    assert (warning.location.file, warning.location.line, warning.location.column) == ("robots.yaml", *place)


@pytest.mark.parametrize(
    "name",
    [
        "ansible_become", "ansible_python_interpreter", "ansible_connection", "ansible_winrm_port", "ansible_ssh_host",
        "ansible_distribution", "site", "host", "user", "http_port", "domain_id",
    ],
)  # fmt: skip
def test_others_are_nobodys_business(name: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"all: {{hosts: {{rover: {{{name}: x}}}}}}").warnings == ()


def test_ansibles_older_name_of_the_host(tmp_path: Path) -> None:
    (robot,) = read(tmp_path, "all: {hosts: {rover: {ansible_ssh_host: 10.0.0.7}}}").robots
    assert robot.host == "10.0.0.7"


@pytest.mark.parametrize(
    ("variable", "why"),
    [
        ("ansible_host: [10.0.0.7]", "`ansible_host` is a single value"),
        ("ansible_user: {name: dev}", "`ansible_user` is a single value"),
        ("ansible_host: '{{ net }}.7'", "`ansible_host` is a template of Ansible's"),
        ("ansible_ssh_common_args: '-J {{ gate }}'", "`ansible_ssh_common_args` is a template of Ansible's"),
        ("robenv_docker_host: '/run/{{ user }}.sock'", "`robenv_docker_host` is a template of Ansible's"),
    ],
)
def test_a_value_that_cannot_be_read_is_not_passed_over(variable: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ProfileError) as caught:
        read(tmp_path, f"all: {{hosts: {{rover: {{{variable}}}}}}}")
    (problem,) = caught.value.problems
    assert problem.message.startswith(why)
    assert problem.location is not None


def test_templates_of_ansibles_own_variables_are_its_business(tmp_path: Path) -> None:
    (robot,) = read(tmp_path, "all: {hosts: {rover: {ansible_become_pass: '{{ vault }}', sites: [a, b]}}}").robots
    assert robot.host == "rover"
