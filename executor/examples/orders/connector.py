"""Orders by month from an HTTP API: a listing of months, then pages of each, passed on untouched, no digit lost."""

import json
import urllib.error
import urllib.request

from rowcast import Retryable


def context(credentials):
    return json.loads(credentials)


def get(api, path):
    request = urllib.request.Request(api["url"] + path, headers={"Authorization": f"Bearer {api['token']}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.read()
    except urllib.error.HTTPError as error:
        if error.code in (429, 503):
            raise Retryable(
                f"HTTP {error.code} for {path}", retry_after=int(error.headers.get("Retry-After", 5))
            ) from None
        raise


def list_objects(api, metadata):
    for month in json.loads(get(api, "/months")):
        # `pages` is a key of our own: it travels to read_bytes.
        yield {"name": month["month"], "fingerprint": month["updated_at"], "pages": month["pages"]}


def read_bytes(api, metadata):
    for page in range(metadata["pages"]):
        yield get(api, f"/orders?month={metadata['name']}&page={page}")  # each body is a JSON array
