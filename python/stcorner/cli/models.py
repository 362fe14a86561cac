"""``stcorner models``."""

from __future__ import annotations

__all__ = ["models"]


def models(model: str | None = None, /, *, json: bool = False) -> int:
    """List the models in the package, or show the card of one.

    Parameters
    ----------
    model
        Name of a shipped model, or a *.stcorner file.
    json
        Print JSON instead of tables.
    """
    from stcorner.cli._output import print_json, print_table, say
    from stcorner.recognizer.registry import describe, find_model, shipped_models

    if model is None:
        rows = [describe(path) for path in shipped_models().values()]
        if json:
            print_json(rows)
        elif rows:
            print_table(rows)
        else:
            say("No model ships with this build: train one with `stcorner train`.")
        return 0
    path = find_model(model)
    if json:
        print_json(describe(path))
        return 0
    from stcorner.recognizer.modelfile import read_model

    say(read_model(path).card)
    return 0
