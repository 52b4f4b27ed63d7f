"""The command line with the toy flow beside the real ones; run by tests as a process of its own."""

from apps.cli import flow_catalogue
from apps.cli.main import main

flow_catalogue.MODULES["toy-flow"] = "toy_flow"

if __name__ == "__main__":
    main()
