"""Webhooks: deliver signed events to the hooks that subscribed to them, from a background thread."""

import hashlib
import hmac
import json
import queue
import threading
import time
import uuid
from typing import Any
from urllib.parse import urlencode

import requests

from localworld.github.clock import now
from localworld.github.db import Database, Row
from localworld.github.event import Event

TIMEOUT_S = 10  # as on GitHub
RESPONSE_LIMIT = 65_536  # characters of a response that are stored


class Webhooks:
    """The queue of webhook deliveries; events are delivered in order, one at a time."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: queue.Queue[tuple[Row, str, dict[str, Any]] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="webhooks", daemon=True)
        self._thread.start()

    def send(self, hook: Row, event: str, payload: dict[str, Any]) -> None:
        """Queue a payload for delivery to a hook."""
        self._waiting.put((hook, event, payload))

    def stop(self) -> None:
        """Deliver the queued payloads, waiting at most `TIMEOUT_S` seconds, then stop the thread."""
        self._waiting.put(None)
        self._thread.join(TIMEOUT_S)

    def take(self, event: Event) -> None:
        """Queue an event for the active hooks that subscribed to its name."""
        hooks = self._db.all(
            "SELECT hooks.* FROM hooks JOIN repositories ON repositories.id = repository_id "
            "WHERE full_name = ? AND active",
            event.repository,
        )
        for hook in hooks:
            if {"*", event.name} & set(json.loads(hook["events"])):
                self.send(hook, event.name, event.payload)

    def _work(self) -> None:
        with requests.Session() as session:
            session.trust_env = False  # receivers are on this machine, never behind a proxy
            while (waiting := self._waiting.get()) is not None:
                self._deliver(session, *waiting)

    def _deliver(self, session: requests.Session, hook: Row, event: str, payload: dict[str, Any]) -> None:
        """Deliver a payload to a hook and record the delivery."""
        text, guid, started = json.dumps(payload), str(uuid.uuid4()), time.monotonic()
        form = hook["content_type"] == "form"
        body = (urlencode({"payload": text}) if form else text).encode()
        headers = {
            "User-Agent": "GitHub-Hookshot/local",
            "Content-Type": "application/x-www-form-urlencoded" if form else "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": guid,
            "X-GitHub-Hook-ID": str(hook["id"]),
        }
        if hook["secret"]:
            signature = hmac.new(hook["secret"].encode(), body, hashlib.sha256).hexdigest()
            headers["X-Hub-Signature-256"] = f"sha256={signature}"
        try:
            answer = session.post(
                hook["url"], body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False
            )
            code, status = answer.status_code, answer.reason or str(answer.status_code)
            response_headers, response = dict(answer.headers), answer.text[:RESPONSE_LIMIT]
        except requests.RequestException as error:
            code, status = 0, f"failed to connect: {type(error).__name__}"
            response_headers, response = {}, ""
        if self._db.one("SELECT 1 FROM hooks WHERE id = ?", hook["id"]) is None:
            return  # the hook was deleted meanwhile
        self._db.insert(
            "deliveries",
            hook_id=hook["id"],
            guid=guid,
            event=event,
            action=payload.get("action"),
            delivered_at=now(),
            duration=round(time.monotonic() - started, 3),
            status="OK" if 200 <= code < 300 else status,
            status_code=code,
            request_headers=json.dumps(headers),
            payload=text,
            response_headers=json.dumps(response_headers),
            response=response,
        )
