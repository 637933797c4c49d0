import pytest
from asgi_client import Client
from fake_services import START, fake_services


@pytest.fixture
def dev():
    """A `dev` server; what it stands on is `dev.services`."""
    return Client(fake_services())


@pytest.fixture
def start():
    return Client(fake_services(START))
