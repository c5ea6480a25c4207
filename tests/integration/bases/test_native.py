"""arm64 on another machine: emulated, and compiled by native tools that leave no trace.

One image and one container serve all of this file; a Debian is made from the archive for each of the two architectures.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.protocol import Engine
from robenv.plan.image.cross_compilers import Toolchain
from robenv.plan.image.mirrors import MirrorRule, Mirrors
from robenv.plan.models import Base
from robenv.project.image.cross_compilers import make_tools
from tests.support.images.elf import AARCH64, X86_64, image_files, machine_of
from tests.support.images.emulation import ensure_emulated
from tests.support.images.tiny import tiny_images
from tests.support.projects.project import Project
from tests.support.servers.site.web import Web, bridge

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(1200),
]

NATIVE = "/dev/robenv-native"
OWN = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Before a command: it finds no native tools."""
PROFILE = """\
platforms: [linux/arm64]
apt: {packages: [g++, cmake, ninja-build, zlib1g-dev, python3-dev, python3-pip, python3-setuptools, python3-wheel]}
files: [{source: made.cpp, target: /opt/}, {source: extension, target: /opt/extension}]
steps:
  - {name: extension, run: pip install --no-index --no-build-isolation --break-system-packages -v /opt/extension}
  - {name: compile, run: g++ -v -O2 -o /opt/made /opt/made.cpp 2> /opt/how && /opt/made > /opt/said && env > /opt/env}
"""
SOURCES = {
    "made.cpp": """\
#include <iostream>
#include <map>
#include <string>
int main() { std::map<std::string, int> all{{"made", 1}}; for (auto &one : all) std::cout << one.first << std::endl; }
""",
    "part.c": '#include <stdio.h>\nint part(int n) { char s[9]; return snprintf(s, sizeof s, "%d", n) + n; }\n',
    "whole.c": '#include <stdio.h>\nint part(int);\nint main(void) { printf("%d\\n", part(40)); return 0; }\n',
    "extension/setup.py": """\
from setuptools import Extension, setup
setup(name="quick", version="1", ext_modules=[Extension("quick", ["quick.cpp"])])
""",
    "extension/quick.cpp": """\
#include <Python.h>
static PyObject *twice(PyObject *, PyObject *number) { return PyLong_FromLong(2 * PyLong_AsLong(number)); }
static PyMethodDef methods[] = {{"twice", twice, METH_O, ""}, {}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "quick", "", -1, methods};
PyMODINIT_FUNC PyInit_quick() { return PyModule_Create(&module); }
""",
    "cmake/CMakeLists.txt": """\
cmake_minimum_required(VERSION 3.13)
project(generated C CXX)
find_package(ZLIB REQUIRED)
find_package(Threads REQUIRED)
try_run(ran built ${CMAKE_BINARY_DIR}/try ${CMAKE_SOURCE_DIR}/probe.cpp RUN_OUTPUT_VARIABLE said)
message(STATUS "try_run: ${built} ${ran} ${said}")
message(STATUS "crossing: '${CMAKE_CROSSCOMPILING}' for ${CMAKE_SYSTEM_PROCESSOR} on ${CMAKE_HOST_SYSTEM_PROCESSOR}")
message(STATUS "zlib: ${ZLIB_LIBRARIES}")
add_executable(generator generator.cpp)
add_custom_command(OUTPUT table.h COMMAND generator > table.h DEPENDS generator)
add_executable(program program.cpp table.h)
target_include_directories(program PRIVATE ${CMAKE_BINARY_DIR})
target_link_libraries(program ZLIB::ZLIB Threads::Threads)
install(TARGETS program DESTINATION bin)
""",
    "cmake/probe.cpp": '#include <cstdio>\nint main() { std::printf("pointers of %zu", sizeof(void *)); return 0; }\n',
    "cmake/generator.cpp": """\
#include <iostream>
int main() {
#ifdef __aarch64__
  std::cout << "#define MADE_BY \\"arm64\\"\\n";
#endif
}
""",
    "cmake/program.cpp": """\
#include <zlib.h>
#include <iostream>
#include "table.h"
int main() { std::cout << MADE_BY << ' ' << (zlibVersion()[0] == '1') << std::endl; }
""",
}


@pytest.fixture(scope="module", params=["bookworm", pytest.param("trixie", marks=pytest.mark.long)])
def arm(request: pytest.FixtureRequest, docker_api: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project, its container up; of the release before and the one after GCC's programs moved."""
    assert platform.machine() != "aarch64", "there is nothing foreign about arm64 here"
    ensure_emulated()
    one = Project(tmp_path_factory.mktemp("native") / "project", "")
    for name, text in SOURCES.items():
        (one.folder / name).parent.mkdir(exist_ok=True)
        (one.folder / name).write_text(text)
    (one.folder / "robenv.yaml").write_text(
        f"name: {one.name}\nbase: {{bootstrap: {{suite: {request.param}}}}}\n{PROFILE}"
    )
    try:
        (one.folder / "how").write_text(one.run("up", "-d", timeout=1100).stderr)
        yield one
    finally:
        one.close(docker_api)


@pytest.fixture(autouse=True)
def _emulated() -> None:
    ensure_emulated()


def _sh(one: Project, script: str, check: int | None = 0) -> str:
    done = one.run("exec", "--", "bash", "-ec", script, check=check)
    return done.stdout + done.stderr


def _machine(one: Project, path: str) -> int:
    with (one.folder / path).open("rb") as file:
        return machine_of(file.read(20))


def test_it_is_up_and_says_how_it_was_built(arm: Project) -> None:
    how = (arm.folder / "how").read_text()
    assert "building for linux/arm64 with native compilers, since no builder for it is named; everything else" in how
    assert _sh(arm, "uname -m; dpkg --print-architecture; echo $QEMU_CPU") == "aarch64\narm64\nmax,pauth-impdef=on\n"
    assert arm.run("run", "--", "uname", "-m").stdout == "aarch64\n"


def test_a_step_compiled_natively_and_its_program_ran(arm: Project) -> None:
    assert f"{NATIVE}/" in _sh(arm, "grep cc1plus /opt/how")
    assert _sh(arm, "cat /opt/said") == "made\n"
    assert "QEMU_CPU=max,pauth-impdef=on" in _sh(arm, "cat /opt/env")


def test_the_image_has_nothing_of_the_tools(arm: Project, docker_api: Any, engine: Engine) -> None:
    (image,) = engine.images({"robenv.project": arm.name})
    assert image.platform == "linux/arm64"
    found = docker_api.inspect_image(image.id)
    assert not [one for one in found["Config"]["Env"] or [] if one.startswith(("QEMU", "PATH=/dev", "APT_CONFIG"))]
    files = list(image_files(docker_api, image.tags[0]))
    machines = {machine for _, machine in files}
    assert AARCH64 in machines
    assert [path for path, machine in files if machine not in (0, AARCH64)] == []
    assert X86_64 not in machines
    # Of x86_64 the kernel's headers may be there: since Debian 13 one package has those of every architecture.
    left = re.compile(r"robenv-native|^usr/aarch64-linux-gnu|^(?!usr/include/).*x86_64-linux|ld-linux-x86-64")
    assert [path for path, _ in files if left.search(path)] == []


def test_what_was_there_before_is_the_same_outside_of_the_tools(arm: Project) -> None:
    """The root's own compiler and linker work as if nothing had been there."""
    script = f"{OWN}; cc -O1 -o /tmp/own part.c whole.c && /tmp/own && type -p cc && ! [ -e /usr/aarch64-linux-gnu ]"
    assert _sh(arm, script) == "42\n/usr/bin/cc\n"


def test_an_extension_of_python_made_by_pip(arm: Project) -> None:
    script = "cd /; python3 -c 'import quick; print(quick.__file__, quick.twice(21))'"
    assert re.search(r"/quick\.cpython-\d+-aarch64-linux-gnu\.so 42$", _sh(arm, script).strip())


def test_cmake_finds_what_the_root_has_and_runs_what_it_compiles(arm: Project) -> None:
    said = _sh(arm, "cmake -S cmake -B build/cmake -G Ninja && cmake --build build/cmake -v && build/cmake/program")
    assert "try_run: TRUE 0 pointers of 8" in said
    assert "crossing: 'FALSE' for aarch64 on aarch64" in said
    assert "zlib: /usr/lib/aarch64-linux-gnu/libz.so" in said
    assert said.endswith("arm64 1\n"), "a program that generates code ran, and so does what was made of it"
    assert _machine(arm, "build/cmake/program") == AARCH64
    install = "cmake --install build/cmake --prefix build/installed > build/log; grep -r robenv- build/installed || :"
    assert _sh(arm, install) == "", "what is installed knows nothing of the tools"
    assert _machine(arm, "build/installed/bin/program") == AARCH64


def test_link_time_optimization(arm: Project) -> None:
    script = """
        mkdir -p build/lto && cd build/lto
        gcc -O2 -flto -c ../../part.c ../../whole.c && gcc-ar rcs libpart.a part.o
        gcc -O2 -flto -o lto whole.o libpart.a && ./lto && nm lto | grep -c ' T part$' || true
    """
    assert _sh(arm, script) == "42\n0\n", "the part was drawn into the whole"
    assert _machine(arm, "build/lto/lto") == AARCH64


def test_a_debug_build_names_its_lines(arm: Project) -> None:
    script = """
        mkdir -p build && g++ -g -O0 -o build/debug made.cpp && build/debug
        addr2line -f -e build/debug 0x$(nm build/debug | sed -n 's/^0*\\([0-9a-f]*\\) T main$/\\1/p')
        readelf --debug-dump=info build/debug | grep -m1 -o '/workspace$'
    """
    assert _sh(arm, script) == "made\nmain\n/workspace/made.cpp:4\n/workspace\n"
    dumped = _sh(arm, "readelf --debug-dump=line build/debug")
    assert NATIVE not in dumped, "a debugger finds the sources of headers, without the tools"


@pytest.mark.parametrize(
    "flags", ["-O2", *(pytest.param(more, marks=pytest.mark.long) for more in ("-O0 -g", "-O3 -fPIC -std=c++20"))]
)
def test_objects_are_those_of_the_roots_own_compiler(arm: Project, flags: str) -> None:
    """But for the comment with the compiler's name, which has the revision of its package."""
    script = f"""
        mkdir -p build/same && cd build/same && rm -f *
        g++ {flags} -c -o native.o ../../made.cpp
        ({OWN}; g++ {flags} -c -o own.o ../../made.cpp)
        readelf -p .comment native.o own.o | grep GCC
        for one in native own; do objcopy --remove-section=.comment $one.o $one.bare; done
        cmp native.bare own.bare
    """
    native, own = re.findall(r"GCC: \(Debian (\S+)\) (\S+)", _sh(arm, script))
    assert native[1] == own[1]


def test_a_compiler_of_another_release_is_not_stood_for(arm: Project) -> None:
    """In a container that goes away the root's compiler is said to be another."""
    version = _sh(arm, "gcc -dumpversion").strip()
    ours = _sh(arm, f"sed -n 's/^gcc=\\([^ ]*\\) .*/\\1/p' {NATIVE}/settings").strip()
    other = rf"/^Package: g\(cc\|++\)-{version}$/,/^$/s/^Version: .*/Version: {version}.9.0-1/"
    script = f"""
        sed -i '{other}' /var/lib/dpkg/status
        {NATIVE}/bin/enter g++ -v -c -o /tmp/x.o part.c 2>&1 | grep -e robenv: -e /cc1
    """
    said = arm.run("run", "--", "bash", "-ec", script).stdout.splitlines()
    assert ours.startswith(f"{version}.")
    note = f"robenv: compiling is emulated: the native compiler is gcc {ours}, and the one here is {version}.9.0-1"
    assert said[0] == note
    assert re.match(rf" /usr/lib(exec)?/gcc/aarch64-linux-gnu/{version}/cc1plus ", said[1])


def test_clean_leaves_the_tools_that_the_container_has(arm: Project, docker_api: Any) -> None:
    (container,) = docker_api.containers(filters={"label": f"robenv.project={arm.name}"})
    volume = next(one["Name"] for one in container["Mounts"] if one["Destination"] == NATIVE)
    told = arm.run("clean", "--dry-run").stdout
    assert volume not in told
    assert f"robenv/tools:{volume.rpartition('-')[2]}" not in told


def test_without_acceleration(arm: Project) -> None:
    (arm.folder / "plain.yaml").write_text(
        f"name: {arm.name}\nbase: {{bootstrap: {{suite: bookworm}}}}\nplatforms: [linux/arm64]\n"
        f"steps: [{{name: look, run: 'ls /dev > /opt/dev; echo $PATH > /opt/path'}}]\n"
    )
    done = arm.run(
        "-f", "plain.yaml", "run", "--no-accel", "--", "sh", "-c", "ls /dev; cat /opt/dev /opt/path; echo $PATH"
    )
    assert "building for linux/arm64 under emulation: as asked" in done.stderr
    assert "robenv-native" not in done.stdout


def test_an_image_of_a_distribution_without_such_tools(
    engine: Engine, project: Callable[..., Project], tmp_path: Path
) -> None:
    name = f"robenvtest-native-tiny:{tmp_path.name.replace('_', '-')}"
    with tiny_images(engine, {"linux/arm64": name}):
        one = project("platforms: [linux/arm64]\nfiles: [{source: robenv.yaml, target: /x}]\n", name)
        said = one.run("build").stderr
    assert "compiling for linux/arm64 is emulated: robenv has native tools for Debian and Ubuntu, and" in said


def test_a_step_that_wants_a_gpu(project: Callable[..., Project]) -> None:
    failed = project("steps: [{name: look at the GPU, run: nvidia-smi}]\n").run("build", check=5)
    assert "A build has no GPU and no driver of one" in failed.stderr


@pytest.mark.long
def test_the_tools_are_made_through_mirrors(engine: Engine, docker_api: Any, base_image: str) -> None:
    """By a mirror that has what the archive itself has, so that what it makes can be used."""
    web = Web(bridge(docker_api))
    web.passes_on["lab/"] = "http://deb.debian.org/"
    mirrors = Mirrors(apt=(MirrorRule("http://deb.debian.org/", f"{web.address}/lab/"),))
    own = Toolchain(Base(base_image, image=base_image), "linux/amd64", "aarch64-linux-gnu", "arm64")
    name = "robenvtest-tools:mirrored"
    try:
        make_tools(engine, own, name, lambda event: None, mirrors)
        assert "lab/debian/dists/bookworm/InRelease" in web.asked
        assert any("/g++-12-aarch64-linux-gnu_" in path for path in web.asked)
        files = [path for path, machine in image_files(docker_api, name) if machine == X86_64]
        assert any(path.endswith("aarch64-linux-gnu-g++-12") for path in files), files[:20]
        saved = b"".join(docker_api.get_image(name))
        assert web.address.removeprefix("http://").encode() not in saved
    finally:
        web.close()
        if engine.find_image(name) is not None:
            engine.remove_image(name, force=True)
