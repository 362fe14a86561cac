"""Print the requirements of the named extras, one a line, without stcorner itself.

``pip install ".[dev]"`` would compile the package a second time; the tools need only their own packages.
"""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
for extra in sys.argv[1:]:
    for requirement in project["optional-dependencies"][extra]:
        if not requirement.startswith("stcorner["):
            print(requirement.replace(" ", ""))
