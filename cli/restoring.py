"""Errors of Lightning's restoring, which knows nothing of broken checkpoints."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from networks.errors import InputError


@contextmanager
def restoring_explained() -> Iterator[None]:
    """Whatever fails while a checkpoint is put into a training becomes one sentence on the checkpoint.

    Raises:
        InputError: in its place.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        if not any(f.filename.endswith("checkpoint_connector.py") and f.name.startswith("restore") for f in frames):
            raise
        first = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"the checkpoint of --ckpt_path cannot be restored: {type(error).__name__}: {first}"
        ) from error
