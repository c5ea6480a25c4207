"""Mixins by the packages of the real archive: that what they promise is there, for whoever works inside."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.support.projects.project import Project

pytestmark = [pytest.mark.engine, pytest.mark.long]

PROFILE = """
extends: [mixins/ccache, mixins/clangd, mixins/gdb, mixins/opencv, mixins/rpi, mixins/vscode]
apt: {packages: [cmake, g++, make]}
user: {sudo: true}
"""
BUILD = """
set -e
printf '%s\\n' 'cmake_minimum_required(VERSION 3.16)' 'project(x CXX)' 'add_executable(x x.cpp)' > CMakeLists.txt
echo 'int main() { return 0; }' > x.cpp
for folder in one two; do cmake -S . -B build -D CMAKE_BUILD_TYPE=Debug; cmake --build build --clean-first; done
grep -q x.cpp build/compile_commands.json
ccache --print-stats | sed -n 's/^direct_cache_hit\\t//p'
"""


@pytest.mark.timeout(1800)
def test_tools_for_development_on_debian(project: Callable[..., Project]) -> None:
    mine = project(PROFILE)
    os.chown(mine.folder, 1000, 1000)
    mine.run("up", "-d", timeout=1500)
    hits = mine.run("exec", "--", "bash", "-c", BUILD).stdout.splitlines()[-1]
    assert int(hits) >= 1
    assert "exited normally" in mine.run("exec", "--", "gdb", "-batch", "-ex", "run", "build/x").stdout
    attach = 'sleep 60 & sudo gdb -p $! -batch -ex "info proc" && kill $!'
    assert "/usr/bin/sleep" in mine.run("exec", "--", "bash", "-c", attach).stdout
    assert "no leaks are possible" in mine.run("exec", "--", "valgrind", "./build/x").stderr
    mine.run("exec", "--", "python3", "-c", "import cv2, gpiod")
    mine.run("exec", "--", "clangd", "--check=x.cpp", "--compile-commands-dir=build")
