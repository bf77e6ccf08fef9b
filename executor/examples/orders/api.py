"""A small API for this example: python3 api.py [PORT]. Not part of the connector."""

import http.server
import json
import sys
import urllib.parse

TOKEN = "secret-token"
PAGE = 3
MONTHS = {
    "2026-09": [(i, "Ada", f"{i}.10") for i in range(9007199254740993, 9007199254740998)],
    "2026-10": [(i, "Grace", f"{i}.0001") for i in range(1, 8)],
}


class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self.reply(401, {"error": "wrong token"})
        if url.path == "/months":
            months = [
                {"month": m, "updated_at": str(len(rows)), "pages": -(-len(rows) // PAGE)} for m, rows in MONTHS.items()
            ]
            return self.reply(200, months)
        rows = MONTHS[query["month"]][int(query["page"]) * PAGE :][:PAGE]
        orders = [
            {"id": i, "customer": {"name": name}, "amount": amount, "placed_at": "2026-10-01T12:00:00Z"}
            for i, name, amount in rows
        ]
        return self.reply(200, orders)

    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8099
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Api)
    print(json.dumps({"type": "listening", "port": server.server_port}), flush=True)
    server.serve_forever()
