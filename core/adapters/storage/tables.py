"""Columns as a Parquet file; needs pyarrow, which the `data` extra brings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.errors import ConfigError, ExtraMissing
from core.infrastructure.files import write_atomic


def write_parquet(
    path: Path, columns: Mapping[str, Sequence[object]], *, about: Mapping[str, str]
) -> None:
    """Writes columns of one length, whole or not at all.

    Args:
        path: Where; what is there is replaced.
        columns: Name -> values; None for unknown.
        about: What the file says of itself, in its metadata under `ctos`.

    Raises:
        ExtraMissing: Without pyarrow.
        ConfigError: If the place cannot be written.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise ExtraMissing("data", f"Writing {path.name}") from error
    table = pa.table({name: list(values) for name, values in columns.items()})
    table = table.replace_schema_metadata({"ctos": json.dumps(dict(about))})
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    try:
        write_atomic(path.expanduser().absolute(), sink.getvalue().to_pybytes(), mode=0o644)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror}).", source="arguments"
        ) from error
