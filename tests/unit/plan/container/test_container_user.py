from __future__ import annotations

import io
import tarfile
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robenv.errors import OperationFailed, UsageError
from robenv.plan.container.container_user import account_archive, file_text, is_empty, plan_accounts
from robenv.plan.models import Mount, User

DEV = User("dev", 1000, 1000, "/home/dev", "/bin/bash", sudo=False)

NOBLE_PASSWD = """\
root:x:0:0:root:/root:/bin/bash
games:x:5:60:games:/usr/games:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
ubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash
"""
NOBLE_GROUP = """\
root:x:0:
adm:x:4:syslog,ubuntu
dialout:x:20:ubuntu
shadow:x:42:
video:x:44:dev
users:x:100:
games:x:60:
ubuntu:x:1000:
"""
NOBLE_SHADOW = "root:*:19000:0:99999:7:::\nubuntu:!:19000:0:99999:7:::\n"


def _uid_of(passwd: str, name: str) -> int:
    return int(next(line.split(":")[2] for line in passwd.splitlines() if line.startswith(f"{name}:")))


def test_the_uid_of_the_distributions_own_user_is_handed_over() -> None:
    accounts = plan_accounts(DEV, NOBLE_PASSWD, NOBLE_GROUP, NOBLE_SHADOW)
    lines = accounts.passwd.splitlines()
    assert lines[:4] == NOBLE_PASSWD.splitlines()[:4]
    assert lines[4] == "ubuntu:x:59999:1000:Ubuntu:/home/ubuntu:/bin/bash"
    assert lines[5:] == ["dev:x:1000:1000::/home/dev:/bin/bash"]
    assert accounts.group == NOBLE_GROUP, "the GID's group keeps its name"
    assert accounts.shadow == NOBLE_SHADOW + "dev:*::0:99999:7:::\n"
    assert accounts.sudoers == ""


def test_a_system_account_that_gives_way_stays_one() -> None:
    accounts = plan_accounts(replace(DEV, uid=33, gid=33), NOBLE_PASSWD, NOBLE_GROUP, NOBLE_SHADOW)
    assert "www-data:x:999:33:www-data:/var/www:/usr/sbin/nologin\n" in accounts.passwd
    assert _uid_of(accounts.passwd, "dev") == 33


def test_several_accounts_of_that_uid_all_give_way_to_different_ones() -> None:
    passwd = "a:x:1000:1::/:/bin/sh\nb:x:59999:1::/:/bin/sh\nc:x:1000:1::/:/bin/sh\n"
    accounts = plan_accounts(DEV, passwd, None, None)
    assert [_uid_of(accounts.passwd, name) for name in "abc"] == [59998, 59999, 59997]


def test_a_build_time_user_of_that_name_is_taken_over_with_its_groups_and_password() -> None:
    passwd = NOBLE_PASSWD + "dev:x:1001:1001:Build user:/srv/dev:/bin/dash\n"
    group = NOBLE_GROUP + "dev:x:1001:\n"
    shadow = NOBLE_SHADOW + "dev:$y$hash:19000:0:99999:7:::\n"
    accounts = plan_accounts(replace(DEV, uid=1234, gid=1234), passwd, group, shadow)
    assert accounts.passwd == NOBLE_PASSWD + "dev:x:1234:1234:Build user:/home/dev:/bin/bash\n"
    assert accounts.group == NOBLE_GROUP + "dev:x:1234:\n"
    assert "video:x:44:dev\n" in accounts.group
    assert accounts.shadow == shadow


def test_a_system_account_of_that_name_is_taken_over_and_its_group_is_left_alone() -> None:
    games = User("games", 1001, 1001, "/home/games", "/bin/bash", sudo=False)
    accounts = plan_accounts(games, NOBLE_PASSWD, NOBLE_GROUP, NOBLE_SHADOW)
    assert "games:x:1001:1001:games:/home/games:/bin/bash\n" in accounts.passwd
    assert accounts.passwd.count("\ngames:") == 1
    assert "games:x:60:\n" in accounts.group
    assert accounts.group.endswith("games-1001:x:1001:\n")


def test_a_group_of_the_host_that_is_another_one_in_the_image_keeps_the_images_name() -> None:
    """GID 20 is `staff` on macOS and `dialout` in Debian."""
    accounts = plan_accounts(replace(DEV, uid=501, gid=20), NOBLE_PASSWD, NOBLE_GROUP, NOBLE_SHADOW)
    assert accounts.group == NOBLE_GROUP
    assert "dev:x:501:20::/home/dev:/bin/bash\n" in accounts.passwd


def test_root_stays_as_it_is() -> None:
    root = User("root", 0, 0, "/root", "/bin/zsh", sudo=True)
    accounts = plan_accounts(root, NOBLE_PASSWD, NOBLE_GROUP, NOBLE_SHADOW)
    assert (accounts.passwd, accounts.group, accounts.shadow) == (NOBLE_PASSWD, NOBLE_GROUP, NOBLE_SHADOW)
    assert accounts.sudoers == "", "root needs no sudo"


def test_an_image_without_any_accounts() -> None:
    accounts = plan_accounts(DEV, None, None, None)
    assert accounts.passwd == "root:*:0:0:root:/root:/bin/sh\ndev:*:1000:1000::/home/dev:/bin/bash\n"
    assert accounts.group == "dev:x:1000:\n"
    assert accounts.shadow is None
    assert "etc/shadow" not in _members(account_archive(accounts, DEV))
    root = plan_accounts(User("root", 0, 0, "/root", "/bin/sh", sudo=False), None, None, None)
    assert (root.passwd, root.group) == ("root:*:0:0:root:/root:/bin/sh\n", "root:x:0:\n")


def test_lines_that_make_no_sense_stay() -> None:
    junk = "# comment\n:::\nhalf:x\nnumber:x:ten:ten::/:/bin/sh\nform\ffeed:x:1000\n+@netgroup::::::\n\udcff:x:7\n"
    accounts = plan_accounts(DEV, junk, junk, junk)
    for text in (accounts.passwd, accounts.group, accounts.shadow or ""):
        for line in junk.split("\n"):
            if "1000" not in line:
                assert line in text.split("\n")


def test_without_that_shell_in_the_image_there_is_always_sh() -> None:
    accounts = plan_accounts(replace(DEV, shell="/usr/bin/zsh"), NOBLE_PASSWD, None, None, shell_exists=False)
    assert accounts.passwd.endswith("dev:*:1000:1000::/home/dev:/bin/sh\n")


@pytest.mark.parametrize("value", ["", "a:b", "a\nroot::0:0::/:/bin/sh", "a\rb", "a\0b"])
def test_nothing_can_smuggle_another_field_or_line_in(value: str) -> None:
    for user in (replace(DEV, name=value), replace(DEV, home=value), replace(DEV, shell=value)):
        with pytest.raises(UsageError):
            plan_accounts(user, NOBLE_PASSWD, NOBLE_GROUP, NOBLE_SHADOW)


_names = st.sampled_from(["root", "dev", "games", "ubuntu", "dev-x", "#", ""])
_numbers = st.sampled_from(["0", "5", "33", "999", "1000", "1001", "59999", "65534", "4294967294", "x", "", "-1"])
_passwd_lines = st.tuples(_names, st.just("x"), _numbers, _numbers, st.just(""), st.just("/"), st.just("/bin/sh"))
_texts = st.lists(_passwd_lines.map(":".join) | st.text("ab:#\t", max_size=8)).map("\n".join) | st.none()
_ids = st.sampled_from([5, 33, 999, 1000, 1001, 59999, 65534, 4294967293])


@given(passwd=_texts, group=_texts, shadow=_texts, uid=_ids, gid=_ids, sudo=st.booleans())
def test_whatever_the_image_says_the_user_is_there_and_alone(
    passwd: str | None, group: str | None, shadow: str | None, uid: int, gid: int, sudo: bool
) -> None:
    user = User("dev", uid, gid, "/home/dev", "/bin/bash", sudo)
    accounts = plan_accounts(user, passwd, group, shadow)
    people = [line.split(":") for line in accounts.passwd.splitlines()]
    whole = [fields for fields in people if len(fields) == 7]
    assert [fields[0] for fields in whole if fields[2] == str(uid)] == ["dev"]
    own = [fields for fields in people if fields[0] == "dev"]
    assert [fields[2:4] + fields[5:] for fields in own] == [[str(uid), str(gid), "/home/dev", "/bin/bash"]]
    assert next(fields for fields in people if fields[0] == "root" and fields[2:3] == ["0"])
    assert any(line.split(":")[2:3] == [str(gid)] for line in accounts.group.splitlines())
    assert {line for line in (passwd or "").splitlines() if line and ":" not in line} <= set(
        accounts.passwd.splitlines()
    )
    again = plan_accounts(user, accounts.passwd, accounts.group, accounts.shadow)
    assert again == accounts


def _members(archive: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        return {member.name: member for member in members}


def _skel() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, kind, data, link in [
            ("skel/", tarfile.DIRTYPE, b"", ""),
            ("skel/.bashrc", tarfile.REGTYPE, b"alias ll='ls -l'\n", ""),
            ("skel/.config", tarfile.DIRTYPE, b"", ""),
            ("skel/.config/rc", tarfile.SYMTYPE, b"", "../.bashrc"),
            ("skel/.profile", tarfile.LNKTYPE, b"", "skel/.bashrc"),
            ("skel/pipe", tarfile.FIFOTYPE, b"", ""),
            ("skel/../../etc/evil", tarfile.REGTYPE, b"x", ""),
        ]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size, info.mode, info.mtime = kind, link, len(data), 0o640, 1234567890
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def test_the_archive_holds_the_files_with_their_owners_and_the_home() -> None:
    user = replace(DEV, uid=1234567, gid=1234, sudo=True)
    archive = account_archive(plan_accounts(user, NOBLE_PASSWD, NOBLE_GROUP, NOBLE_SHADOW), user, _skel())
    members = _members(archive)
    facts = {name: (oct(one.mode), one.uid, one.gid, one.type) for name, one in members.items()}
    mine, file, folder = (1234567, 1234), tarfile.REGTYPE, tarfile.DIRTYPE
    assert facts == {
        "etc/passwd": ("0o644", 0, 0, file),
        "etc/group": ("0o644", 0, 0, file),
        "etc/shadow": ("0o640", 0, 42, file),
        "etc/sudoers.d": ("0o750", 0, 0, folder),
        "etc/sudoers.d/robenv": ("0o440", 0, 0, file),
        "home/dev": ("0o755", *mine, folder),
        "home/dev/.bashrc": ("0o640", *mine, file),
        "home/dev/.config": ("0o640", *mine, folder),
        "home/dev/.config/rc": ("0o640", *mine, tarfile.SYMTYPE),
        "home/dev/.profile": ("0o640", *mine, tarfile.LNKTYPE),
    }
    assert members["home/dev/.config/rc"].linkname == "../.bashrc"
    assert members["home/dev/.profile"].linkname == "home/dev/.bashrc"
    assert members["home/dev/.bashrc"].mtime == 1234567890
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        sudoers = opened.extractfile("etc/sudoers.d/robenv")
        bashrc = opened.extractfile("home/dev/.bashrc")
        assert sudoers and sudoers.read() == b"dev ALL=(ALL:ALL) NOPASSWD: ALL\n"
        assert bashrc and bashrc.read() == b"alias ll='ls -l'\n"


def test_the_same_arguments_give_the_same_bytes() -> None:
    accounts = plan_accounts(DEV, NOBLE_PASSWD, NOBLE_GROUP, NOBLE_SHADOW)
    assert account_archive(accounts, DEV, _skel()) == account_archive(accounts, DEV, _skel())


def test_a_home_that_is_there_already_gets_no_skeleton() -> None:
    accounts = plan_accounts(DEV, NOBLE_PASSWD, NOBLE_GROUP, NOBLE_SHADOW)
    assert set(_members(account_archive(accounts, DEV))) == {"etc/passwd", "etc/group", "etc/shadow", "home/dev"}


def test_folders_that_lead_to_a_mount_inside_the_home_are_the_users() -> None:
    accounts = plan_accounts(DEV, NOBLE_PASSWD, NOBLE_GROUP, NOBLE_SHADOW)
    mounts = [
        Mount("volume", "home", "/home/dev"),
        Mount("bind", "/a", "/home/dev/ros/ws/src"),
        Mount("bind", "/b", "/home/dev/.ssh/config"),
        Mount("bind", "/c", "/home/developer/x/y"),
        Mount("bind", "/d", "/workspace"),
    ]
    members = _members(account_archive(accounts, DEV, None, mounts))
    folders = {name: (one.uid, oct(one.mode)) for name, one in members.items() if name.startswith("home")}
    assert folders == {
        "home/dev": (1000, "0o755"),
        "home/dev/.ssh": (1000, "0o700"),
        "home/dev/ros": (1000, "0o755"),
        "home/dev/ros/ws": (1000, "0o755"),
    }


def test_a_home_that_is_a_folder_of_the_host_is_not_touched() -> None:
    accounts = plan_accounts(DEV, NOBLE_PASSWD, NOBLE_GROUP, NOBLE_SHADOW)
    archive = account_archive(accounts, DEV, _skel(), [Mount("bind", "/srv/home", "/home/dev/")])
    assert set(_members(archive)) == {"etc/passwd", "etc/group", "etc/shadow"}


def test_roots_home_is_left_as_the_image_has_it() -> None:
    root = User("root", 0, 0, "/root", "/bin/bash", sudo=False)
    accounts = plan_accounts(root, NOBLE_PASSWD, NOBLE_GROUP, NOBLE_SHADOW)
    assert set(_members(account_archive(accounts, root))) == {"etc/passwd", "etc/group", "etc/shadow"}


def test_what_steps_left_in_a_home_reaches_roots() -> None:
    root = User("root", 0, 0, "/root", "/bin/bash", sudo=False)
    accounts = plan_accounts(root, NOBLE_PASSWD, NOBLE_GROUP, NOBLE_SHADOW)
    left = _members(account_archive(accounts, root, _skel()))
    below = {name: (member.uid, member.gid) for name, member in left.items() if name.startswith("root")}
    assert "root/.bashrc" in below and set(below.values()) == {(0, 0)}
    assert "root" not in below, "the folder itself is the image's"


def test_any_bytes_of_a_file_survive() -> None:
    text = "root:x:0:0:::\njürgen:x:7:7:\udcff\udcfe:/:/bin/sh\n"
    accounts = plan_accounts(DEV, text, None, None)
    stored = file_text(account_archive(accounts, DEV))
    assert stored == accounts.passwd
    assert text in stored
    assert file_text(None) is None


def test_an_empty_home_is_told_from_one_that_holds_something() -> None:
    assert is_empty(None)
    assert not is_empty(_skel())
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo("dev/")
        info.type = tarfile.DIRTYPE
        archive.addfile(info)
    assert is_empty(stream.getvalue())


def _group_of(group: str, name: str) -> list[str]:
    return next(line.split(":")[3].split(",") for line in group.splitlines() if line.startswith(f"{name}:"))


def test_a_device_group_is_the_one_of_that_number_whatever_its_name() -> None:
    accounts = plan_accounts(DEV, NOBLE_PASSWD, NOBLE_GROUP, NOBLE_SHADOW, groups=(20, 44, 7321, 20))
    assert _group_of(accounts.group, "dialout") == ["ubuntu", "dev"]
    assert _group_of(accounts.group, "video") == ["dev"], "once"
    assert (
        accounts.group == NOBLE_GROUP.replace("dialout:x:20:ubuntu", "dialout:x:20:ubuntu,dev") + "gid7321:x:7321:dev\n"
    )


def test_a_device_group_that_is_the_users_own_needs_no_membership() -> None:
    accounts = plan_accounts(replace(DEV, gid=44), NOBLE_PASSWD, NOBLE_GROUP, NOBLE_SHADOW, groups=(44,))
    assert accounts.group == NOBLE_GROUP


def test_a_device_group_beside_a_group_that_happens_to_have_its_name() -> None:
    accounts = plan_accounts(DEV, None, "gid7:x:1:\ndialout:x:20\n", None, groups=(7, 20))
    assert accounts.group == "gid7:x:1:\ndialout:x:20:dev\ndev:x:1000:\ngid7_:x:7:dev\n"


def test_root_gains_device_groups_too() -> None:
    root = User("root", 0, 0, "/root", "/bin/bash", sudo=False)
    assert _group_of(plan_accounts(root, NOBLE_PASSWD, NOBLE_GROUP, None, groups=(20,)).group, "dialout") == [
        "ubuntu",
        "root",
    ]


@given(
    st.text(alphabet="ab:,\n0123", max_size=80),
    st.lists(st.integers(1, 50), max_size=5),
)
def test_whatever_the_image_says_the_user_is_in_every_group(group: str, gids: list[int]) -> None:
    lines = plan_accounts(DEV, None, group, None, groups=gids).group.splitlines()
    records = [line.split(":") for line in lines]
    for gid in gids:
        first = next(fields for fields in records if len(fields) > 2 and fields[2].isdigit() and int(fields[2]) == gid)
        assert "dev" in first[3].split(",")


def test_a_tar_of_the_engine_that_cannot_be_read_is_told_in_words() -> None:
    bomb = tarfile.TarInfo("etc/passwd")
    bomb.type, bomb.size = tarfile.XHDTYPE, 1 << 40
    for archive in (b"x" * 700, bomb.tobuf(), b""):
        for read in (file_text, is_empty):
            with pytest.raises(OperationFailed, match="cannot be read"):
                read(archive)
