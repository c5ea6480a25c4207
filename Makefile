# Every target does all of its own set-up on Debian and Ubuntu, given git, make and python3, and may be repeated at will.

PYTHON := .venv/bin/python
SCRIPTS := scripts/setup .ci/run examples/minimal/verify examples/talker_listener/verify profiles/mixins/ros1-bridge.sh templates/export/make
ARGS :=
SECONDS := 600
# A file's tests share engines and images, so they stay together; those of the engine, which take longest, begin.
PYTEST := $(PYTHON) -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder
# The tests start robenv a thousand times, and not all of them may write what Python has compiled.
COMPILE := $(PYTHON) -m compileall -q robenv
# Rewriting the assertions of all tests takes ten seconds of each worker, unless pytest may keep the result.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo check test test-unit test-containerd test-engines test-faults test-native test-mixins test-catalogue \
	fuzz lint bench clean

help: ## says what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

demo: ## brings up examples/talker_listener and shows ROS messages flowing
	@scripts/setup demo
	@$(PYTHON) -m scripts.engine $(PYTHON) -m scripts.demo

check: lint test-unit ## what to run before every commit: lint, types, unit tests

test: lint ## every test, on a real Docker Engine; ARGS=… for pytest, such as ARGS="-n 0 -k PART" for one by one
	@$(COMPILE)
	@$(PYTHON) -m scripts.engine --root $(PYTEST) $(ARGS)

test-unit: ## the tests that need neither an engine nor other programs; ARGS=… for pytest
	@scripts/setup test
	@$(COMPILE)
	@$(PYTHON) -m pytest --numprocesses auto --dist worksteal tests/unit $(ARGS)

test-containerd: ## the tests of the engine, on a newer one with the containerd image store, as fresh installs have it
	@scripts/setup test
	@$(COMPILE)
	@$(PYTHON) -m tests.support.engines.main_engine $(PYTEST) -m "engine and not graph_driver and not long" $(ARGS)

test-engines: ## what users do, on every kind of engine: Docker and Podman, root's and rootless: a table; ARGS="-k podman"
	@scripts/setup test
	@$(COMPILE)
	@$(PYTHON) -m scripts.engine --root $(PYTHON) -m pytest --numprocesses 2 --dist loadgroup -m "long or engine" \
		tests/integration/engine/test_engines.py $(ARGS)

test-faults: ## robots in full: client, connection, engine or robot killed at each step of a deploy; ROS across two
	@scripts/setup test
	@$(PYTHON) -m scripts.engine --root $(PYTHON) -m pytest -m "long or engine" tests/integration/deploy/test_deploy_faults.py \
		tests/integration/deploy/test_stop_first.py tests/integration/deploy/test_deploy_ros.py $(ARGS)

test-native: ## arm64 on this machine in full: ROS compiled natively and run emulated, objects beside the own compiler's
	@scripts/setup test
	@$(PYTHON) -m scripts.engine --root $(PYTHON) -m pytest -m "long or engine" tests/integration/bases/test_native.py tests/integration/bases/test_native_ros.py $(ARGS)

test-mixins: ## mixins by the packages of Debian's archive; a workspace of ten packages on its ROS; run images on trixie
	@scripts/setup test
	@$(PYTHON) -m scripts.engine --root $(PYTHON) -m pytest -m long tests/integration/catalogue/test_mixins.py tests/integration/project/test_workspace.py \
		tests/integration/cli/test_examples.py $(ARGS)

test-catalogue: ## every target on every platform, through stand-ins for its hosts: a table; ARGS="-k arm64" for some
	@scripts/setup test
	@$(PYTHON) -m scripts.engine --root $(PYTHON) -m pytest --numprocesses auto --dist loadgroup -m "long or engine" --timeout 3600 \
		tests/integration/catalogue/test_catalogue.py $(ARGS)

fuzz: ## gives what reads profiles, locks, inventories and files from elsewhere what nobody should write; SECONDS=600
	@scripts/setup test
	@$(PYTHON) -m scripts.fuzz --seconds $(SECONDS) $(ARGS)

lint: ## ruff, mypy, the imports between the layers, shellcheck
	@scripts/setup test
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m ruff format --check --quiet . || { echo "lint: not formatted; run: ruff format ." >&2; exit 1; }
	@$(PYTHON) -m mypy
	@$(PYTHON) scripts/check_imports.py
	@shellcheck $(SCRIPTS)

bench: ## measures robenv beside its peers: a table, and JSON and a picture under benchmarks/results/
	@scripts/setup bench
	@$(PYTHON) -m scripts.engine $(PYTHON) -m benchmarks.run $(ARGS)

clean: ## removes what the other targets have put into this folder
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis benchmarks/.peers benchmarks/results
	@rm -rf examples/talker_listener/build examples/talker_listener/devel examples/talker_listener/src/CMakeLists.txt \
		examples/talker_listener/.catkin_workspace
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
