"""How the help of one command looks: its arguments as they are typed, its options, examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.core import TyperArgument, TyperCommand

if TYPE_CHECKING:
    from collections.abc import Sequence

ARGUMENTS = {
    "init": "[PROFILE]",
    "profiles": "[list [WORD] | show NAME]",
    "validate": "[FILE]...",
    "up": "[-- COMMAND...]",
    "exec": "[--] COMMAND...",
    "run": "[-- COMMAND...]",
    "update": "[WHAT]...",
    "save": "FILE",
    "load": "FILE",
    "export": "compose|devcontainer|kubernetes|dockerfile",
    "deploy": "[ROBOT]...",
    "rollback": "[ROBOT]...",
    "robots": "[ROBOT]...",
    "trust": "[PROFILE]",
    "binfmt": "[status|register|unregister] [ARCH]...",
}
"""What stands behind the options, as it is typed."""

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "init": (("robenv init ros/jazzy", "for ROS 2 Jazzy"), ("robenv init", "from what is in this folder")),
    "profiles": (
        ("robenv profiles rviz", "those whose name has rviz in it"),
        ("robenv profiles show ros/jazzy", "with where each value comes from"),
    ),
    "validate": (("robenv validate", "this project"), ("robenv validate mixins/*.yaml", "several files")),
    "render": (("robenv render | less", "read the Dockerfile"), ("robenv render -o out", "with its build context")),
    "plan": (("robenv plan", "before `robenv up`"), ("robenv plan --request", "what the engine is told")),
    "build": (("robenv build --platform linux/arm64", "for a robot"), ("robenv build --no-cache", "from nothing")),
    "up": (("robenv up", "a shell"), ("robenv up -- colcon build", "one command"), ("robenv up -d", "only start it")),
    "exec": (("robenv exec ros2 topic list", "from another terminal"),),
    "shell": (("robenv shell", "a second terminal"), ("robenv shell -r rover", "on a robot")),
    "run": (("robenv run -- pytest", "in a fresh container"),),
    "ps": (("robenv ps --all", "of every project on this engine"),),
    "logs": (("robenv logs -f", "follow"), ("robenv logs -r rover -n 50", "of a robot")),
    "start": (("robenv start", "after `robenv stop`"), ("robenv start -r rover", "on a robot")),
    "stop": (("robenv stop", "`robenv up` starts it again"), ("robenv stop -r rover", "on a robot")),
    "restart": (("robenv restart -r rover", "the release on a robot"),),
    "down": (
        ("robenv down", "keeps the home folder"),
        ("robenv down --volumes", "removes it too"),
        ("robenv down -r rover", "takes the project off a robot"),
    ),
    "lock": (("robenv lock", "write the pins"), ("robenv lock --check", "in CI")),
    "update": (("robenv update --dry-run", "only show"), ("robenv update repos", "the workspace's repositories")),
    "push": (("robenv push --platform linux/amd64,linux/arm64", "for both"),),
    "pull": (("robenv pull", "instead of building"),),
    "save": (("robenv save picker.robenv", "for a site with no network"),),
    "load": (("robenv load picker.robenv --to picker", "into a folder"),),
    "export": (("robenv export compose", "for docker compose"), ("robenv export devcontainer", "for VS Code")),
    "deploy": (("robenv deploy rover", "one robot"), ("robenv deploy --all --dry-run", "only show")),
    "rollback": (("robenv rollback rover", "the release before this one"),),
    "robots": (("robenv robots", "all of robots.yaml"),),
    "trust": (("robenv trust", "show, and ask"), ("robenv trust --list", "what was approved")),
    "binfmt": (("robenv binfmt", "what is registered"), ("robenv binfmt register arm64", "as root")),
    "doctor": (("robenv doctor", "check"), ("robenv doctor --fix", "fix what robenv can, after asking")),
    "schema": (("robenv schema > robenv.schema.json", "for an editor"),),
    "clean": (("robenv clean --dry-run", "only show"), ("robenv clean --build-cache", "the engine's cache too")),
}


class Command(TyperCommand):
    """A command whose help shows arguments as they are typed, and examples."""

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        formatter.write_usage(ctx.command_path, " ".join(filter(None, ("[OPTIONS]", ARGUMENTS.get(self.name or "")))))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        shown = [param for param in self.params if isinstance(param, TyperArgument) and param.help and not param.hidden]
        _section(formatter, "Arguments", [(one.metavar or (one.name or "").upper(), one.help or "") for one in shown])
        options = (param.get_help_record(ctx) for param in self.get_params(ctx) if not isinstance(param, TyperArgument))
        _section(formatter, "Options", [record for record in options if record])
        _section(formatter, "Examples", EXAMPLES.get(self.name or "", ()))


def _section(formatter: Any, title: str, rows: Sequence[tuple[str, str]]) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows)
