"""Headers that tell browsers what they may do with an answer."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CSP = b"content-security-policy"

_ALL = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)

# An answer of the API that a browser shows as a page can load and run nothing.
API_HEADERS = (*_ALL, (_CSP, b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"))


class SecurityHeadersMiddleware:
    """Adds `API_HEADERS` to each response, but for a content security policy of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                has_policy = any(name == _CSP for name, _ in headers)
                message["headers"] = [*headers, *(_ALL if has_policy else API_HEADERS)]
            await send(message)

        await self._app(scope, receive, send_with_headers)
