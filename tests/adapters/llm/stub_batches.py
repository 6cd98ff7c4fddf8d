"""A batch endpoint as OpenAI documents it, on a real port; a test says what becomes of lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.adapters.llm.stub_chat import completion

Answer = Callable[[dict[str, Any]], dict[str, Any] | None]
"""From the body of a line to the body of its answer: one with ``error`` failed, None is lost."""


class StubBatches:
    """Keeps files and batches; a batch ends at the look after *looks* of them."""

    def __init__(self, answer: Answer = lambda body: completion("It is a pill.")) -> None:
        self.answer = answer
        self.looks = 1
        self.status = "completed"
        self.faults: list[int] = []
        """Statuses with which the next looks fail."""
        self.files: dict[str, str] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []
        """The body of every line that came."""
        self.purposes: list[str] = []
        self.refuses = 0
        """The status with which batches are refused; 0: they are taken."""
        self.loses = False
        """Batches are taken, and whoever submits them is not told."""
        self.listed = 0
        """How often batches were looked for."""

    def app(self) -> web.Application:
        app = web.Application(client_max_size=1 << 28)
        app.router.add_post("/v1/files", self._upload)
        app.router.add_get("/v1/files/{id}/content", self._content)
        app.router.add_post("/v1/batches", self._create)
        app.router.add_get("/v1/batches", self._list)
        app.router.add_post("/v1/batches/{id}/cancel", self._cancel)
        app.router.add_get("/v1/batches/{id}", self._retrieve)
        return app

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.purposes.append(str(form["purpose"]))
        file = form["file"]
        assert isinstance(file, web.FileField)
        text = file.file.read().decode()
        return web.json_response(
            {
                "id": self._keep(text),
                "object": "file",
                "bytes": len(text),
                "created_at": 1,
                "filename": file.filename,
                "purpose": "batch",
            }
        )

    async def _content(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["id"]].encode())

    async def _list(self, request: web.Request) -> web.Response:
        self.listed += 1
        return web.json_response({"object": "list", "data": [*self.batches.values()]})

    async def _cancel(self, request: web.Request) -> web.Response:
        batch = self.batches[request.match_info["id"]]
        if batch["status"] in ("validating", "in_progress"):
            self._end(batch)
            batch["status"] = "cancelled"
        return web.json_response(batch)

    async def _create(self, request: web.Request) -> web.Response:
        if self.refuses:
            return web.json_response({"error": {"message": "no"}}, status=self.refuses)
        wanted = await request.json()
        assert wanted["endpoint"] == "/v1/chat/completions"
        assert wanted["completion_window"] == "24h"
        lines = [json.loads(line) for line in self.files[wanted["input_file_id"]].splitlines()]
        batch = {
            "id": f"batch_{len(self.batches) + 1}",
            "object": "batch",
            "endpoint": wanted["endpoint"],
            "errors": None,
            "input_file_id": wanted["input_file_id"],
            "completion_window": "24h",
            "status": "validating",
            "output_file_id": None,
            "error_file_id": None,
            "created_at": 1,
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
            "metadata": wanted.get("metadata"),
            "left": self.looks,
        }
        self.batches[batch["id"]] = batch
        if self.loses:
            return web.json_response({"error": {"message": "lost"}}, status=500)
        return web.json_response(batch)

    async def _retrieve(self, request: web.Request) -> web.Response:
        if self.faults:
            return web.json_response({"error": {"message": "no"}}, status=self.faults.pop(0))
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return web.json_response({"error": {"message": "no such batch"}}, status=404)
        if batch["left"]:
            batch["left"] -= 1
            batch["status"] = "in_progress"
        elif batch["status"] in ("validating", "in_progress"):
            self._end(batch)
        return web.json_response(batch)

    def _end(self, batch: dict[str, Any]) -> None:
        batch["status"] = self.status
        if self.status == "failed":
            return
        good, bad = [], []
        for text in self.files[batch["input_file_id"]].splitlines():
            line = json.loads(text)
            self.asked.append(line["body"])
            body = self.answer(line["body"])
            if body is None:
                expired = {"code": "batch_expired", "message": "not in time"}
                bad.append({**_named(line), "response": None, "error": expired})
            elif "error" in body:
                response = {"status_code": 400, "request_id": "r", "body": body}
                bad.append({**_named(line), "response": response, "error": None})
            else:
                response = {"status_code": 200, "request_id": "r", "body": body}
                good.append({**_named(line), "response": response, "error": None})
        # The order of the answers is not that of the questions.
        batch["output_file_id"] = self._keep(_jsonl(good[::-1])) if good else None
        batch["error_file_id"] = self._keep(_jsonl(bad)) if bad else None

    def _keep(self, text: str) -> str:
        name = f"file-{len(self.files) + 1}"
        self.files[name] = text
        return name


def _named(line: dict[str, Any]) -> dict[str, Any]:
    return {"id": "batch_req_1", "custom_id": line["custom_id"]}


def _jsonl(lines: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)
