"""The commands, as a table: the help of `robenv` alone, shell completion and the loading of modules read it."""

from __future__ import annotations

GROUPS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    # title, then of each command: name, module, what it does
    (
        "Environment",
        (
            ("init", "init", "Write a robenv.yaml for a target, or from what is in this folder"),
            ("up", "up", "Build what is missing, then open a shell or run a command"),
            ("shell", "shell", "Open another shell in the running container"),
            ("exec", "exec", "Run a command in the running container"),
            ("run", "run", "Run a command in a throw-away container"),
            ("ps", "ps", "List containers"),
            ("logs", "logs", "Show the output of the container's main process"),
            ("start", "start", "Start the container that was stopped"),
            ("stop", "stop", "Stop the container and keep it"),
            ("restart", "restart", "Stop the container and start it again"),
            ("down", "down", "Remove the container; --volumes also removes the home folder"),
        ),
    ),
    (
        "Build",
        (
            ("plan", "plan", "Show what `up` would do, and why"),
            ("validate", "validate", "Check robenv.yaml and report every problem with its position"),
            ("profiles", "profiles", "List or search the built-in profiles, or show one"),
            ("build", "build", "Build the image"),
            ("render", "render", "Print the Dockerfile, or write it with its build context"),
            ("export", "export", "Export to Compose, devcontainer, Kubernetes or a Dockerfile"),
            ("schema", "schema", "Print the JSON Schema of robenv.yaml"),
        ),
    ),
    (
        "Share",
        (
            ("lock", "lock", "Pin tags, branches and base images in robenv.lock"),
            ("update", "update", "Update the pins in robenv.lock and show what changed"),
            ("push", "push", "Push the image to the team's registry"),
            ("pull", "pull", "Pull the project's image from the team's registry"),
            ("save", "save", "Save image, profile and lock as one file"),
            ("load", "load", "Load a file that `save` wrote"),
            ("trust", "trust", "Review host access that other people's profiles ask for"),
        ),
    ),
    (
        "Robots",
        (
            ("robots", "robots", "List the robots and what runs there"),
            ("deploy", "deploy", "Deploy to robots; roll back where the release is unhealthy"),
            ("rollback", "rollback", "Go back to an earlier release on robots"),
        ),
    ),
    (
        "This machine",
        (
            ("doctor", "doctor", "Check this machine and show how to fix problems"),
            ("binfmt", "binfmt", "Show, register or remove emulation of other architectures"),
            ("clean", "clean", "Remove images, containers and caches that nothing uses"),
        ),
    ),
)
COMMANDS: tuple[tuple[str, str, str], ...] = tuple(command for _, commands in GROUPS for command in commands)

OTHER_NAMES = {
    "status": "ps", "list": "ps", "ls": "ps", "enter": "shell", "attach": "shell",
    "create": "init", "new": "init", "import": "init", "search": "profiles", "compile": "build", "rm": "down",
    "remove": "down", "delete": "down", "destroy": "down", "kill": "stop", "check": "doctor", "prune": "clean",
    "upgrade": "update", "freeze": "lock", "ssh": "shell", "dockerfile": "render", "config": "plan",
}  # fmt: skip
"""What other tools call some of these, by the word that people try."""

OPTIONS_WITH_VALUE = ("-C", "--directory", "-f", "--file")


def command_of(arguments: list[str]) -> str:
    """The command's name among the arguments; "" where there is none."""
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in OPTIONS_WITH_VALUE:
            skip = True
        elif not argument.startswith("-"):
            return argument
    return ""


def root_help() -> str:
    """The help of `robenv` itself, at most 80 columns wide."""
    width = max(len(name) for name, _, _ in COMMANDS)
    lines = [
        "Usage: robenv [-C DIR] [-f FILE] COMMAND [ARGS]…",
        "",
        "Robotics development environments from one YAML file.",
    ]
    for title, commands in GROUPS:
        lines += ["", f"{title}:", *(f"  {name:<{width}}  {text}" for name, _, text in commands)]
    return "\n".join(
        [
            *lines,
            "",
            "Options:",
            "  -C, --directory DIR   Work as if started in DIR",
            "  -f, --file FILE       The project's file, instead of robenv.yaml here or above",
            "  -v, --verbose         Show decisions and commands; -vv: engine requests too",
            "  --version             Print the version",
            "  --install-completion  Install completion for the current shell",
            "  --show-completion     Print the completion script",
            "  --help                Print this",
            "",
            "Examples:",
            "  robenv init ros/jazzy && robenv up     a ROS 2 shell in this folder",
            "  robenv up -- colcon build              one command instead of a shell",
            "  robenv COMMAND --help                  options and examples of a command",
        ]
    )
