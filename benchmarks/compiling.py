"""What it takes to compile for arm64 elsewhere: emulated, and with native compilers, beside native code."""

from __future__ import annotations

import shutil
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
  struct Key {
    std::string text;
    bool operator<(const Key &other) const { return text < other.text; }
  };
  static std::size_t rows(const std::string &text) {
    std::regex words("([a-z]+)_([0-9]+)");
    std::smatch match;
    std::map<Key, std::vector<double>> found;
    if (std::regex_match(text, match, words)) found[Key{match[1]}].push_back(N);
    auto &row = found[Key{text}];
    std::sort(row.begin(), row.end(), [](double a, double b) { return a * N < b; });
    std::stable_sort(row.begin(), row.end(), [](double a, double b) { return a < b * N; });
    return found.size() + Table<N - 1>::rows(text);
  }
};
template <> struct Table<0> {
  static std::size_t rows(const std::string &) { return 0; }
};
int main() { std::cout << Table<8>::rows("robot_7") << std::endl; }
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
_HEAVIEST, _WORKSPACE = "one heavy file", "talker_listener"
_STEPS = {
    _HEAVIEST: "g++ -O2 -o /tmp/heavy /workspace/heavy.cpp",
    _WORKSPACE: "rm -rf /tmp/tl && cp -r /workspace/talker_listener /tmp/tl && cd /tmp/tl && catkin_make",
    "CMake, 100 files": "rm -rf /tmp/b && cmake -S /workspace/hundred -B /tmp/b -G Ninja && cmake --build /tmp/b",
}


def measure(folder: Path, quick: bool) -> list[Group]:
    """A group for each thing that is compiled. What is emulated is taken once, and as installed for the first alone
    where it is to go quickly: it is slower for programs that authenticate pointers, and Debian 12's do not."""
    projects = {name: _project(folder / name, platform) for name, platform in _PLATFORMS.items()}
    with ExitStack() as undo:
        for project in projects.values():
            undo.callback(_forget, project)
            run([ROBENV, "up", "-d", "--quiet"], cwd=project)
        return [_group(title, script, projects, quick) for title, script in _STEPS.items()]


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


def _group(title: str, script: str, projects: dict[str, Path], quick: bool) -> Group:
    # What is emulated finds the root's own tools alone; a shell is emulated in all but the first.
    emulated = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; " + script
    values: dict[str, list[float]] = {_NATIVE: [], _ACCELERATED: []}
    for _ in range(1 if quick else 3):  # in turns, so that what else the machine does meets both
        values[_NATIVE].append(seconds(lambda: _in(projects["native"], script)))
        values[_ACCELERATED].append(seconds(lambda: _in(projects["arm64"], script)))
    values[_TUNED] = [seconds(lambda: _in(projects["arm64"], emulated))]
    if not quick or title == _HEAVIEST:
        plain = f"unset QEMU_CPU; exec bash -ec '{emulated}'"
        values[_PLAIN] = [seconds(lambda: _in(projects["arm64"], plain))]
    group = Group(f"Compiling for arm64: {title}", "s", values, reference=_NATIVE)
    accelerated = group.median(_ACCELERATED)
    group.checks = [Check("accelerated / emulated, QEMU set well", accelerated / group.median(_TUNED), 0.2)]
    if title != _WORKSPACE:  # of a workspace most is catkin's Python, which stays emulated
        group.checks.append(Check("accelerated / native", accelerated / group.median(_NATIVE), 1.5))
    return group


def _in(project: Path, script: str) -> str:
    return run([ROBENV, "exec", "--", "bash", "-ec", script], cwd=project)


def _forget(project: Path) -> None:
    run([ROBENV, "down", "--volumes"], cwd=project)
    remove_images(f"robenv/robenv-bench-compile-{project.name}")
