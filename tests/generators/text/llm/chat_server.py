"""A chat server on loopback that answers as a test wants, and remembers what it was asked."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Response:
    """What goes back: a status, a body (JSON, or text as it is), headers, after a delay in seconds."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0


def completion(content: str | None, tokens: int | None = 7, finish: str = "stop", refusal: str | None = None) -> Any:
    """Return a chat completion with one choice."""
    message = {"role": "assistant", "content": content, "refusal": refusal}
    usage = {} if tokens is None else {"usage": {"total_tokens": tokens}}
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish}], **usage}


def failure(status: int, message: str, **headers: str) -> Response:
    """Return an error as OpenAI words it, to be retried at once."""
    return Response(status, {"error": {"message": message}}, {"retry-after-ms": "5", **headers})


Respond = Callable[[dict[str, Any]], Response]


class ChatServer(ThreadingHTTPServer):
    """Counts the requests in flight; `requests` are the bodies, `keys` what each showed as authorization."""

    request_queue_size = 128
    daemon_threads = True

    def __init__(self, respond: Respond) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.respond, self.lock = respond, threading.Lock()
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.keys: list[str | None] = []
        self.in_flight = self.most_in_flight = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ChatServer

    def do_POST(self) -> None:
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.requests.append(body)
            server.paths.append(self.path)
            server.keys.append(self.headers["Authorization"])
            server.in_flight += 1
            server.most_in_flight = max(server.most_in_flight, server.in_flight)
        try:
            response = server.respond(body)
            time.sleep(response.delay)
        finally:
            with server.lock:
                server.in_flight -= 1
        data = (response.body if isinstance(response.body, str) else json.dumps(response.body)).encode()
        with suppress(ConnectionError):  # who asked may have given up
            self._send(response, data)

    def _send(self, response: Response, data: bytes) -> None:
        self.send_response(response.status)
        for name, value in {"Content-Type": "application/json", **response.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing on the terminal."""


@contextmanager
def serving(respond: Respond) -> Iterator[ChatServer]:
    """Serve until the block ends."""
    server = ChatServer(respond)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
