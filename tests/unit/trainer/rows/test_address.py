"""Which servers may see the documents."""

import socket
from typing import Any

import pytest

from lm_eval_tasks.errors import JmedError
from trainer.rows.address import check_address


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/v1",
        "http://localhost:8000/v1",
        "http://[::1]:8000/v1",
        "http://10.1.2.3/v1",
        "https://192.168.0.7:8443/v1",
        "http://172.16.9.9/v1",
        "http://[fd00::7]/v1",
    ],
)
def test_this_machine_and_the_house(url: str) -> None:
    check_address(url, allow_remote=False)


@pytest.mark.parametrize("url", ["https://8.8.8.8/v1", "http://172.32.0.1/v1", "http://1.1.1.1:80"])
def test_elsewhere(url: str) -> None:
    with pytest.raises(JmedError, match="--allow-remote if you insist"):
        check_address(url, allow_remote=False)
    check_address(url, allow_remote=True)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://127.0.0.1", "http://", "file:///etc"])
def test_no_address(url: str) -> None:
    with pytest.raises(JmedError, match=r"allowed: an address such as http://127\.0\.0\.1:8000/v1"):
        check_address(url, allow_remote=True)


def test_a_name_is_as_far_as_its_farthest_address(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = ["10.0.0.1", "8.8.8.8"]

    def found(*_: Any, **__: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, 0)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    with pytest.raises(JmedError, match=r"gpu\.house\.example \(8\.8\.8\.8\) is not on this"):
        check_address("http://gpu.house.example/v1", allow_remote=False)
    addresses.pop()
    check_address("http://gpu.house.example/v1", allow_remote=False)
