"""Machines without a network: found out in seconds, where libraries try again for a minute and more."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from huggingface_hub import constants

PROXIES = ("http_proxy", "https_proxy", "all_proxy")
PATIENCE = 5.0  # seconds


def unreachable(url: str, environment: Mapping[str, str] = os.environ) -> OSError | None:
    """Why a server cannot be reached; ``None`` where it can, or may be behind a proxy."""
    if any(environment.get(name) or environment.get(name.upper()) for name in PROXIES):
        return None
    address = urlsplit(url)
    try:
        port = address.port or {"http": 80}.get(address.scheme, 443)
        socket.create_connection((address.hostname or "", port), PATIENCE).close()
    except OSError as error:
        return error
    return None


@contextmanager
def hub_if_reachable() -> Iterator[None]:
    """Hugging Face's cache alone where its server cannot be reached."""
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or unreachable(constants.ENDPOINT) is not None
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
