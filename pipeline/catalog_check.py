"""Whether the catalog says what the manifests and tables of the results say."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from pipeline.catalog import FILE_NAME, create_tables, enter
from pipeline.manifest import Manifest

_HINT = "make it anew with `facepics catalog`"
_TABLES = ("videos", "tracks", "crops")


def differences(
    output: Path, results: Mapping[str, Manifest], damaged: Collection[str] = ()
) -> Iterator[str]:
    """Yield a sentence for every folder of which the catalog in ``output`` says something else.

    Of ``damaged`` folders there is no telling what it should say. Whether a source is still present
    stands in no manifest and is not compared.
    """
    path = output / FILE_NAME
    if not path.is_file():
        yield f"missing: {_HINT}"
        return
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as there:
            ((sound,),) = there.execute("PRAGMA quick_check(1)").fetchall()
            if sound != "ok":
                yield f"damaged ({sound}): {_HINT}"
                return
            yield from _rows_that_differ(there, output, results, damaged)
    except sqlite3.DatabaseError as error:
        yield f"damaged ({error}): {_HINT}"


def _rows_that_differ(
    there: sqlite3.Connection,
    output: Path,
    results: Mapping[str, Manifest],
    damaged: Collection[str],
) -> Iterator[str]:
    known = {folder for (folder,) in there.execute("SELECT folder FROM videos")}
    for folder in sorted(known - results.keys()):
        yield f"has rows of {folder}, where there is no whole result: {_HINT}"
    with closing(sqlite3.connect(":memory:")) as meant:
        meant.execute("PRAGMA foreign_keys = ON")
        create_tables(meant)
        for folder, video in sorted(results.items()):
            if folder in damaged:
                continue
            enter(meant, output, folder, video)
            if folder not in known:
                yield f"has no rows of {folder}: {_HINT}"
            elif wrong := [
                t for t in _TABLES if _rows(there, t, folder) != _rows(meant, t, folder)
            ]:
                yield f"{' and '.join(wrong)} of {folder} are not as its files say: {_HINT}"
            meant.execute("DELETE FROM videos")


def _rows(db: sqlite3.Connection, table: str, folder: str) -> list[tuple[object, ...]]:
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[1] != "present"]
    query = f"SELECT {', '.join(columns)} FROM {table} WHERE folder = ? ORDER BY 1, 2, 3"
    return db.execute(query, (folder,)).fetchall()
