from __future__ import annotations

from robenv.catalog.suites import SUITES, find_suite, nearest_suite


def test_names_are_unique_and_found() -> None:
    names = [suite.name for suite in SUITES]
    assert len(names) == len(set(names))
    assert [find_suite(name) for name in names] == list(SUITES)
    assert find_suite("nope") is None


def test_ubuntus_other_architectures_are_on_ports() -> None:
    noble = find_suite("noble")
    assert noble is not None
    assert noble.mirror_for("amd64") == noble.mirror_for("i386") == "http://archive.ubuntu.com/ubuntu"
    assert noble.mirror_for("arm64") == noble.mirror_for("armhf") == "http://ports.ubuntu.com/ubuntu-ports"
    assert noble.components == ("main", "universe")


def test_debian_has_one_archive_for_all() -> None:
    bookworm = find_suite("bookworm")
    assert bookworm is not None
    assert bookworm.mirror_for("arm64") == bookworm.mirror_for("amd64") == "http://deb.debian.org/debian"
    assert (bookworm.updates, bookworm.security) == ("bookworm-updates", "bookworm-security")
    assert bookworm.components == ("main",)


def test_mirrors_have_no_trailing_slash() -> None:
    for suite in SUITES:
        assert not any(url.endswith("/") for url in (suite.mirror, suite.ports_mirror, suite.security_mirror))


def test_a_slip_finds_its_suite() -> None:
    assert nearest_suite("bokworm") == "bookworm"
    assert nearest_suite("nobel") == "noble"
    assert nearest_suite("qqqqqq") == ""
