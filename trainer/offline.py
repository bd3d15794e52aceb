"""Whether the Hub can be reached, found out once and fast.

Its client tries five times for each file, half a minute in all, before it says so.
"""

import os
import urllib.error
import urllib.request

WAIT = 3.0
"""Seconds for the Hub to answer anything at all; a firewall may drop what is sent."""


def go_offline_if_unreachable() -> bool:
    """Set HF_HUB_OFFLINE where the Hub does not answer; to be called before its client is imported.

    Returns:
        Whether the Hub was tried and did not answer.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        return False
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        urllib.request.urlopen(endpoint, timeout=WAIT).close()
    except urllib.error.HTTPError:
        return False  # it answered
    except OSError:
        os.environ["HF_HUB_OFFLINE"] = "1"
        return True
    return False
