"""Which servers may see the documents: those of this machine and of the house's own network."""

import ipaddress
import socket
from urllib.parse import urlsplit

from lm_eval_tasks.errors import JmedError


def check_address(base_url: str, *, allow_remote: bool) -> None:
    """Refuse a server that lies outside loopback and private ranges.

    Raises:
        JmedError: no http(s) address, a name nobody knows, or one outside.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise JmedError(
            f"--base-url: found {base_url!r}; allowed: an address such as http://127.0.0.1:8000/v1"
        )
    if allow_remote:
        return
    outside = [address for address in _addresses(base_url, parts.hostname) if not _inside(address)]
    if outside:
        raise JmedError(
            f"--base-url: {parts.hostname} ({outside[0]}) is not on this machine nor in a private "
            "network, and would be sent passages of your documents; allowed: loopback and private "
            "addresses, or --allow-remote if you insist"
        )


def _addresses(base_url: str, host: str) -> list[str]:
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    if host == "localhost" or host.endswith(".localhost"):
        return ["127.0.0.1"]  # nobody is asked for the name
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise JmedError(f"--base-url: {base_url}: {host} has no address ({error})") from None
    return sorted({str(one[4][0]) for one in found})


def _inside(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_loopback or ip.is_private or ip.is_link_local
