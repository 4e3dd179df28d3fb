"""The page at `/`: what this is, and the first call."""

import html

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Touchpath collector</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem}}
pre{{background:#f4f4f4;padding:1rem;overflow-x:auto}}</style>
<h1>Touchpath collector</h1>
<p>Touchpoints enter here, in the format of Segment's HTTP API: <code>/v1/track</code>, <code>identify</code>,
<code>page</code>, <code>screen</code>, <code>group</code>, <code>alias</code> and <code>batch</code>.
An event is answered 200 when Kafka has it. On a laptop the write key is <code>local</code>.</p>
<pre>curl -u local: {base}/v1/track -d '{{
  "userId": "ada", "event": "Order Completed",
  "properties": {{"order_id": "1001", "revenue": 19.90, "currency": "EUR"}}
}}'</pre>
<p><a href="/health">/health</a> · <a href="/ready">/ready</a> · <a href="/metrics">/metrics</a></p>
"""


def page(base: str) -> str:
    """Give the page; `base` is how the reader reached it: `http://127.0.0.1:8080`."""
    return _PAGE.format(base=html.escape(base))
