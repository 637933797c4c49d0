import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The server logs every fault that it meets."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
