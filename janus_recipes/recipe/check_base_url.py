"""What is wrong with a provider's `base_url`, and what to write instead.

    janus validate RECIPE...

A wrong one is answered with a 404 or a web page, which says little about its cause. A URL is never shown: a password or
a key may stand in it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

SENT_TO = "/chat/completions"
"""What is added to a base URL."""

EXAMPLE = "https://api.openai.com/v1"
AZURE = "https://RESOURCE.openai.azure.com/openai/v1/"
AZURE_HOST = ".openai.azure.com"
AZURE_PATH = "/openai/v1"
AZURE_ADVICE = f"Azure is asked at {AZURE}, with the deployment's name as `model` and no api-version"


def base_url_problem(url: str) -> str | None:
    """What is wrong with a base URL, the first thing of several; None where nothing is."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:  # its words hold a part of the URL
        return f"is no URL: write it like {EXAMPLE}"
    if parts.username is not None or parts.password is not None:
        return "holds a user's name or password: take it out, and name the variable that holds the key as `key_env`"
    if parts.scheme not in ("http", "https") or not host:
        return f"must begin with https:// (or http://) and a host: write it like {EXAMPLE}"
    if any(letter.isspace() for letter in url):
        return f"has a blank in it: write it like {EXAMPLE}"
    return _bad_path(host, parts.path.rstrip("/"), parts.query, "?" in url or "#" in url)


def _bad_path(host: str, path: str, query: str, more: bool) -> str | None:
    """What is wrong after the host; `more` where a query or a fragment follows the path."""
    odd_azure = host.endswith(AZURE_HOST) and path != AZURE_PATH
    if odd_azure or "/openai/deployments/" in path or "api-version=" in query:
        return f"is not of the form that is asked here: {AZURE_ADVICE}"
    if more:
        return f"must have nothing after its path, no ? and no #: requests go to it with {SENT_TO} added"
    if path.endswith(SENT_TO):
        return f"must not end in {SENT_TO}, which is added to it: leave that away"
    return None
