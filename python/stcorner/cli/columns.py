"""``stcorner columns``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

__all__ = ["columns"]


def columns(
    pattern: str | None = None,
    /,
    *,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    json: bool = False,
) -> int:
    """Say what columns of tables mean: unit, range and source.

    Parameters
    ----------
    pattern
        Name of a column, a part of one, or a pattern such as 'f0*_mean'. Default: all columns.
    output
        Write the codebook to this .csv, .xlsx, .parquet, .jsonl or .json file.
    json
        Print JSON instead of a table.
    """
    import stcorner
    from stcorner._base.tables import check_table_path, write_table
    from stcorner.cli._output import note, print_json, print_table

    check_table_path("--output", output)
    rows = stcorner.columns(pattern)
    if output is not None:
        write_table(output, rows, list(rows[0]))
        note(f"wrote {len(rows)} columns to {output}")
    elif json:
        print_json(rows)
    else:
        print_table(rows)
    return 0
