"""The commands, as a table: the help of `robenv` alone, shell completion and the loading of modules read it."""

from __future__ import annotations

COMMANDS: tuple[tuple[str, str, str], ...] = (
    # name, module, what it does
    ("init", "init", "Write a commented robenv.yaml for a target"),
    ("profiles", "profiles", "List the built-in profiles, or show one with where each value came from"),
    ("validate", "validate", "Report every problem of a profile, with its place"),
    ("render", "render", "Print the Dockerfile, or write it with its build context"),
    ("plan", "plan", "Show what `up` would do, and why"),
    ("build", "build", "Build the image"),
    ("up", "up", "Build what is missing, then enter a shell or run a command"),
    ("exec", "exec", "Run a command in the running container"),
    ("shell", "shell", "Open another shell in the running container"),
    ("run", "run", "Run a command in a throw-away container"),
    ("ps", "ps", "List containers"),
    ("logs", "logs", "Show what a container's main process wrote"),
    ("start", "start", "Start the container that was stopped"),
    ("stop", "stop", "Stop the container, and keep it"),
    ("restart", "restart", "Stop the container and start it again"),
    ("down", "down", "Stop and remove the container"),
    ("lock", "lock", "Hold fast in robenv.lock what moves by itself, or check that it is"),
    ("update", "update", "Take what moved since: tags, branches, base images; shows what changes"),
    ("push", "push", "Push the image to the team's registry, for others to take instead of building"),
    ("pull", "pull", "Get the image of what the profile says now from the team's registry"),
    ("save", "save", "Write image, profile and lock into one file, for a site with no network"),
    ("load", "load", "Take in a file that `save` wrote"),
    ("export", "export", "Write the project for Compose, dev containers, Kubernetes, or as a plain Dockerfile"),
    ("deploy", "deploy", "Bring robots to the present state of the project, and back if it does not do well"),
    ("rollback", "rollback", "Go back to an earlier release on robots"),
    ("robots", "robots", "List the robots: what each is, and what of this project runs there"),
    ("trust", "trust", "Allow a profile that is not yours the powers that it takes over this machine"),
    ("binfmt", "binfmt", "Show, register or take back the emulation of other architectures"),
    ("doctor", "doctor", "Check this machine, and say what mends it"),
    ("schema", "schema", "Print the JSON Schema of robenv.yaml"),
    ("clean", "clean", "Remove images, containers and caches that nothing refers to"),
)

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
    """The help of `robenv` itself."""
    width = max(len(name) for name, _, _ in COMMANDS)
    lines = [f"  {name:<{width}}  {text}" for name, _, text in COMMANDS]
    return "\n".join(
        [
            "Usage: robenv [-C DIR] [-f FILE] COMMAND [ARGS]…",
            "",
            "Robotics development environments from one YAML file.",
            "",
            "Commands:",
            *lines,
            "",
            "Options:",
            "  -C, --directory DIR   Work as if started in DIR",
            "  -f, --file FILE       The project's file, instead of robenv.yaml here or above",
            "  --version             Print the version",
            "  --install-completion  Install completion for the current shell",
            "  --show-completion     Print the completion script",
            "  --help                Print this; `robenv COMMAND --help` tells more",
        ]
    )
