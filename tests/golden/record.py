"""Record the golden values anew: ``python tests/golden/record.py "why they changed"``.

Values that stay within the tests' tolerance keep their old record, so that the file shows what really
changed. The reason is kept beside the values; a changed result also belongs into CHANGELOG.md.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import stcorner
from golden.cases import CASES, summary
from golden.test_values import VALUES, differences


def main(reason: str) -> None:
    """Write the file."""
    kept = json.loads(VALUES.read_text()) if VALUES.exists() else {"history": [], "values": {}}
    now = {name: summary(call()) for name, call in CASES.items()}
    changed = [name for name in now if differences(kept["values"].get(name, []), now[name])]
    if not changed and set(now) == set(kept["values"]):
        sys.exit("nothing changed")
    values = {name: now[name] if name in changed else kept["values"][name] for name in now}
    entry = {"version": stcorner.__version__, "reason": reason, "changed": changed}
    content = {"history": [*kept["history"], entry], "values": values}
    VALUES.write_text(json.dumps(content, indent=1) + "\n")
    print(f"changed: {', '.join(changed)}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or len(sys.argv[1]) < 12:
        sys.exit(__doc__)
    main(sys.argv[1])
