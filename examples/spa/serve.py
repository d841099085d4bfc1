"""Serves the single-page application beside here: four files, and what it has to know of the issuer.

    npm install --prefix examples/spa
    set -a; . .limen/quickstart.env; . .limen/examples.env; set +a
    python examples/spa/serve.py

`AUTH0_SPA_JS` names the SDK's file when it is installed elsewhere, `API_URL` an API that the page may call.
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
INSTALLED: Final = HERE / "node_modules" / "@auth0" / "auth0-spa-js" / "dist" / "auth0-spa-js.production.js"
SDK: Final = Path(os.environ.get("AUTH0_SPA_JS", INSTALLED))
FILES: Final = {
    "/": (HERE / "index.html", "text/html; charset=utf-8"),
    "/app.js": (HERE / "app.js", "text/javascript"),
    "/auth0-spa-js.js": (SDK, "text/javascript"),
}
CONFIG: Final = json.dumps(
    {
        "domain": os.environ["LIMEN_ISSUER"].rstrip("/"),
        "clientId": os.environ["SPA_CLIENT_ID"],
        "audience": os.environ["LIMEN_AUDIENCE"],
        "api": os.environ.get("API_URL"),
    }
)


class Handler(BaseHTTPRequestHandler):
    """Answers GET."""

    def do_GET(self) -> None:
        """A file, the configuration, or 404."""
        path = self.path.partition("?")[0]
        if path == "/config.json":
            self._answer(CONFIG.encode(), "application/json")
        elif path in FILES:
            file, kind = FILES[path]
            self._answer(file.read_bytes(), kind)
        else:
            self.send_error(404)

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


if __name__ == "__main__":
    port = int(os.environ.get("SPA_PORT", "3030"))
    print(f"http://localhost:{port}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
