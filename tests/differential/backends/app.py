"""The gunicorn backend: writes each request as one line to the journal that the environment names."""

import os

JOURNAL = open(os.environ["JOURNAL"], "ab", buffering=0)


def application(environ, start_response):
    """Reads the whole request, and replies with its target."""
    target, host = environ["RAW_URI"], environ.get("HTTP_HOST", "")
    JOURNAL.write("\t".join(["200", environ["REQUEST_METHOD"], target, host]).encode("latin-1") + b"\n")
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", "3"), ("X-Target", target)])
    return [b"ok\n"]
