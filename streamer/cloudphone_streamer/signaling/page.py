"""The viewer page's files: read once at start, served with an ETag, never from a stale cache."""

import hashlib
import mimetypes
from importlib import resources

from aiohttp import web

_INDEX = "index.html"


def add_page_routes(router: web.UrlDispatcher) -> None:
    """
    Serve the viewer page on `router`: `index.html` at `/`, its other files below it by name.

    All paths in the page are relative, so that it also works below a gateway's path.
    """
    for entry in (resources.files("cloudphone_streamer") / "web").iterdir():
        path = "/" if entry.name == _INDEX else f"/{entry.name}"
        router.add_get(path, _File(entry.name, entry.read_bytes()).respond)


class _File:
    def __init__(self, name: str, body: bytes) -> None:
        self._body = body
        self._content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        if name.endswith(".js"):
            # mimetypes reads the machine's tables, which may say text/plain.
            self._content_type = "text/javascript"
        self._etag = hashlib.sha256(body).hexdigest()[:16]

    async def respond(self, request: web.Request) -> web.Response:
        headers = {"ETag": f'"{self._etag}"', "Cache-Control": "no-cache"}
        known = request.if_none_match or ()
        if any(etag.value in {self._etag, "*"} for etag in known):
            return web.Response(status=304, headers=headers)
        is_text = self._content_type.startswith("text/")
        return web.Response(
            body=self._body,
            content_type=self._content_type,
            charset="utf-8" if is_text else None,
            headers=headers,
        )
