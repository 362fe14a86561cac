"""If only one file of tests can be run, this is the one: it shows that the core works, and needs little.

``python tests/test_minimal.py`` runs it without pytest.
"""

from __future__ import annotations

import stcorner


def test_every_instruction_set_can_be_chosen():
    for name in stcorner.available_isas():
        stcorner.set_isa(name)
        assert stcorner.active_isa() == name
    stcorner.set_isa("auto")


def test_versions_can_be_shown():
    assert stcorner.show_versions()["stcorner"] == stcorner.__version__


if __name__ == "__main__":
    for name, function in list(globals().items()):
        if name.startswith("test_"):
            function()
            print(name, "passed")
