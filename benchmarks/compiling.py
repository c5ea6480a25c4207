"""What it takes to compile for arm64 elsewhere: emulated, and with native compilers, beside native code."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.entering import remove_images
from benchmarks.measure import ROBENV, ROOT, Check, Group, run, seconds

_PLATFORMS = {"native": "linux/amd64", "arm64": "linux/arm64"}
_NATIVE, _PLAIN, _TUNED, _ACCELERATED = "native", "emulated, as installed", "emulated, QEMU set well", "accelerated"
_HEAVY = """\
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <vector>
template <int N> struct Table {
  static std::map<std::string, std::vector<int>> rows() {
    auto all = Table<N - 1>::rows();
    std::vector<int> row(N);
    std::sort(row.begin(), row.end(), [](int a, int b) { return a * N < b; });
    all["row" + std::to_string(N)] = row;
    return all;
  }
};
template <> struct Table<0> { static std::map<std::string, std::vector<int>> rows() { return {}; } };
int main() {
  std::regex words("([a-z]+)_(\\\\d+)");
  std::smatch match;
  std::string text = "robot_7";
  std::cout << std::regex_match(text, match, words) << Table<40>::rows().size() << std::endl;
}
"""
_FILE = """\
#include <string>
#include <vector>
int value_{0}(const std::string &text) {{
  std::vector<std::string> found(1, text + std::to_string({0}));
  return static_cast<int>(found.size()) + {0};
}}
"""
_CMAKE = """\
cmake_minimum_required(VERSION 3.13)
project(hundred CXX)
find_package(Threads REQUIRED)
include(CheckCXXSourceRuns)
check_cxx_source_runs("int main() { return 0; }" PROGRAMS_RUN)
file(GLOB files CONFIGURE_DEPENDS part_*.cpp)
add_library(parts STATIC ${files})
add_executable(hundred main.cpp)
target_link_libraries(hundred parts Threads::Threads)
"""
_STEPS = {
    "one heavy file": "g++ -O2 -o /tmp/heavy /workspace/heavy.cpp",
    "talker_listener": "rm -rf /tmp/tl && cp -r /workspace/talker_listener /tmp/tl && cd /tmp/tl && catkin_make",
    "CMake, 100 files": "rm -rf /tmp/b && cmake -S /workspace/hundred -B /tmp/b -G Ninja && cmake --build /tmp/b",
}


def measure(folder: Path, quick: bool) -> list[Group]:
    """A group for each thing that is compiled. The emulated ones, which take minutes, are taken once."""
    projects = {name: _project(folder / name, platform) for name, platform in _PLATFORMS.items()}
    with ExitStack() as undo:
        for project in projects.values():
            undo.callback(_forget, project)
            run([ROBENV, "up", "-d", "--quiet"], cwd=project)
        return [_group(title, script, projects, 1 if quick else 3) for title, script in _STEPS.items()]


def _project(project: Path, platform: str) -> Path:
    project.mkdir(parents=True)
    (project / "robenv.yaml").write_text(
        f"name: robenv-bench-compile-{project.name}\n"
        f"extends: ros/debian-bookworm\nplatforms: [{platform}]\napt: {{packages: [ninja-build]}}\n"
    )
    (project / "heavy.cpp").write_text(_HEAVY)
    hundred = project / "hundred"
    hundred.mkdir()
    (hundred / "CMakeLists.txt").write_text(_CMAKE)
    (hundred / "main.cpp").write_text(
        '#include <string>\nint value_7(const std::string &);\nint main() { return value_7("x") == 8 ? 0 : 1; }\n'
    )
    for number in range(100):
        (hundred / f"part_{number}.cpp").write_text(_FILE.format(number))
    ignored = shutil.ignore_patterns("build", "devel", "install", "log", "robenv.yaml", "CMakeLists.txt.link")
    shutil.copytree(ROOT / "examples" / "talker_listener", project / "talker_listener", ignore=ignored)
    return project


def _group(title: str, script: str, projects: dict[str, Path], rounds: int) -> Group:
    # What is emulated finds the root's own tools alone; a shell is emulated in all but the first.
    emulated = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; " + script
    actions: dict[str, tuple[int, Callable[[], object]]] = {
        _NATIVE: (rounds, lambda: _in(projects["native"], script)),
        _ACCELERATED: (rounds, lambda: _in(projects["arm64"], script)),
        _TUNED: (1, lambda: _in(projects["arm64"], emulated)),
        _PLAIN: (1, lambda: _in(projects["arm64"], f"unset QEMU_CPU; exec bash -c '{emulated}'")),
    }
    values = {name: [seconds(action) for _ in range(count)] for name, (count, action) in actions.items()}
    group = Group(f"Compiling for arm64: {title}", "s", values, reference=_NATIVE)
    accelerated = group.median(_ACCELERATED)
    group.checks = [Check("accelerated / emulated, QEMU set well", accelerated / group.median(_TUNED), 0.2)]
    if title != "talker_listener":
        group.checks.append(Check("accelerated / native", accelerated / group.median(_NATIVE), 1.5))
    return group


def _in(project: Path, script: str) -> str:
    return run([ROBENV, "exec", "--", "bash", "-ec", script], cwd=project)


def _forget(project: Path) -> None:
    run([ROBENV, "down", "--volumes"], cwd=project)
    remove_images(f"robenv/robenv-bench-compile-{project.name}")
