# Copyright (c) TitanX
# SPDX-License-Identifier: MPL-2.0

"""Accepts TitanX deliveries in a FastAPI application. Copy receiver.py into its
folder, and put your work into the function handle there. Run one process:

    uvicorn fastapi_app:app
"""

import os

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

import receiver as titanx

receiver = titanx.Receiver(os.environ["TITANX_SECRETS_FILE"])
app = FastAPI()


@app.on_event("startup")
def start():
    receiver.open(os.environ.get("TITANX_EVENTS_FILE", "titanx-events.jsonl"))
    receiver.start()


@app.on_event("shutdown")  # uvicorn accepts nothing more by now
def stop():
    receiver.drain()


@app.post("/titanx")
async def deliver(request: Request):
    """Reads the raw body: an argument of a Pydantic type would be parsed."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > titanx.MAX_BODY:
            return Response(status_code=413, headers={"Connection": "close"})
    signature = ", ".join(request.headers.getlist("X-TitanX-Signature"))
    return Response(status_code=await run_in_threadpool(receiver.deliver, body, signature))
