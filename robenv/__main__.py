"""`python -m robenv`."""

from robenv.cli.entry import main

main()
