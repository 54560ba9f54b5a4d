"""A part of a recording as Parquet; needs pyarrow, which the `data` extra brings.

Numbers that money depends on are kept as text, exactly as they were told; times and ids are
integers.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from core.errors import ExtraMissing
from core.infrastructure.files import PRIVATE_FILE


def is_available() -> bool:
    """Whether pyarrow is installed."""
    return find_spec("pyarrow") is not None


def to_parquet(part: Path, stem: Path, *, integers: Collection[str]) -> Path:
    """Makes `<stem>.parquet` of a CSV file, whole or not at all.

    Args:
        part: The CSV file; it stays.
        stem: The name without its end.
        integers: Columns of whole numbers; all others are text.

    Raises:
        ExtraMissing: Without pyarrow.
        OSError: If there is no room.
    """
    try:
        import pyarrow as pa
        from pyarrow import csv, parquet
    except ImportError as error:
        raise ExtraMissing("data", "Writing Parquet") from error
    with part.open("rb") as head:
        names = head.readline().decode().strip().split(",")
    types: dict[str, Any] = {
        name: pa.int64() if name in integers else pa.large_string() for name in names
    }
    options = csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    target = stem.with_name(f"{stem.name}.parquet")
    neighbour = target.with_name(f".{target.name}.new")
    with csv.open_csv(part, convert_options=options) as reader:
        descriptor = os.open(neighbour, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
        with (
            os.fdopen(descriptor, "wb") as file,
            parquet.ParquetWriter(file, reader.schema, compression="zstd") as writer,
        ):
            for batch in reader:
                writer.write_batch(batch)
    with neighbour.open("rb") as whole:
        os.fsync(whole.fileno())
    neighbour.replace(target)
    return target
