"""The paper's experiment on the corpus that is present: what ``stcorner paper ravdess ROOT`` prints, kept.

The leaky protocol and actors held out, 50 epochs each, for the modalities of which there are enough clips;
the paper's Tables II to VII with our columns beside its own.
"""

from __future__ import annotations

import time

from common import arguments, write
from stcorner.paper import reproduce_paper
from stcorner.paper.tables import notes, tables


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="notebook162", choices=["notebook162", "paper162"])
    parser.add_argument("--epochs", type=int, default=50)
    options = parser.parse_args()
    started = time.perf_counter()
    last = ""

    def report(what: str, done: int, total: int) -> None:
        nonlocal last
        if what != last:
            print(f"{time.perf_counter() - started:6.0f} s  {what}", flush=True)
        last = what

    result = reproduce_paper(
        options.data / "ravdess",
        corpus="ravdess",
        recipe=options.recipe,
        n_epochs=options.epochs,
        report=report,
    )
    lines = notes(result)
    print("\n".join(lines))
    content = {"experiment": result.to_dict(), "notes": lines, **dict(tables(result))}
    write(options, "paper", content, started)


if __name__ == "__main__":
    main()
