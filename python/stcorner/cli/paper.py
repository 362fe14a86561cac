"""``stcorner paper``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

__all__ = ["paper"]


def paper(
    corpus: Literal["ravdess", "cremad"],
    root: Path,
    /,
    *,
    modality: list[Literal["audio", "video", "both"]] | None = None,
    recipe: Literal["notebook162", "paper162"] = "notebook162",
    epochs: int = 50,
    seed: int = 0,
    json: bool = False,
) -> int:
    """Repeat the paper's experiment beside the honest protocol.

    Parameters
    ----------
    corpus
        The corpus: ravdess or cremad.
    root
        Folder of the corpus.
    modality
        What to run; may be given several times. Default: all that the folder has.
    recipe
        Features of the voice: what the paper's numbers came from, or what its text says.
    epochs
        Epochs of every training.
    seed
        Seed of noise, split and network.
    json
        Print the results as JSON.
    """
    from stcorner._base.text import shown
    from stcorner.cli._output import complain, print_json, print_table, progress, say
    from stcorner.paper import reproduce_paper
    from stcorner.paper.tables import WARNING, notes, tables

    complain(WARNING)
    with progress("paper") as advance:
        stage = {"name": ""}

        def report(what: str, done: int, total: int) -> None:
            if what != stage["name"]:
                stage["name"] = what
                complain(what)
            advance(done, total)

        result = reproduce_paper(
            root,
            corpus={"ravdess": "ravdess", "cremad": "crema-d"}[corpus],
            modalities=modality or ["audio", "video", "both"],
            recipe=recipe,
            n_epochs=epochs,
            seed=seed,
            report=report,
        )
    if json:
        print_json({**result.to_dict(), "notes": notes(result)})
    else:
        for title, rows in tables(result):
            print_table(rows, title=title)
            say()
        say("\n".join(map(shown, notes(result))))
    return 1 if any("/" in line.split(":")[0] for line in result.failed) else 0
