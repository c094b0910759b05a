"""An appservice that is not ours, on aiohttp, as small as the specification lets it be.

Every delivery is written to a file, fsynced, before it is answered; so what the file says is what this program has
acknowledged, whoever is killed when. Arguments: the file, our port, the homeserver's address, as_token, hs_token.
"""

import asyncio
import hashlib
import json
import os
import sys

import aiohttp
from aiohttp import web
from lines import news, serve

FILE, PORT, HOMESERVER, AS_TOKEN, HS_TOKEN = sys.argv[1:6]


class Memory:
    """What was delivered, over all lives of this program."""

    def __init__(self):
        self.deliveries = []
        if os.path.exists(FILE):
            with open(FILE, encoding="utf-8") as file:
                self.deliveries = [json.loads(line) for line in file]
        self.file = open(FILE, "a", encoding="utf-8")

    def add(self, delivery):
        known = {one["txn"] for one in self.deliveries if one["kept"]}
        delivery["again"] = delivery["txn"] in known
        self.deliveries.append(delivery)
        self.file.write(json.dumps(delivery) + "\n")
        self.file.flush()
        os.fsync(self.file.fileno())
        return delivery


class Faults:
    """What the story asked to go wrong, and how often."""

    def __init__(self):
        self.refuse = 0
        self.swallow = 0

    def take(self, kind):
        left = getattr(self, kind)
        if left > 0:
            setattr(self, kind, left - 1)
        return left > 0


memory = Memory()
faults = Faults()


def is_homeserver(request):
    return request.headers.get("Authorization") == f"Bearer {HS_TOKEN}"


async def transaction(request):
    if not is_homeserver(request):
        return web.json_response({"errcode": "M_FORBIDDEN", "error": "wrong hs_token"}, status=403)
    body = await request.read()
    refused = faults.take("refuse")
    delivery = memory.add(
        {
            "txn": request.match_info["txn"],
            "digest": hashlib.sha256(body).hexdigest(),
            "events": json.loads(body)["events"],
            "kept": not refused,
        }
    )
    news(delivery=delivery)
    if refused:
        return web.json_response({"errcode": "M_UNKNOWN", "error": "not now"}, status=500)
    if faults.take("swallow"):
        # Written, but the homeserver never hears of it: it has to send the same bytes again.
        request.transport.close()
    return web.json_response({})


async def ping(request):
    if not is_homeserver(request):
        return web.json_response({"errcode": "M_FORBIDDEN", "error": "wrong hs_token"}, status=403)
    news(ping=await request.json())
    return web.json_response({})


async def unknown(request):
    news(query=request.path)
    return web.json_response({"errcode": "M_NOT_FOUND", "error": "not here"}, status=404)


async def handle(question):
    if question["verb"] == "fail":
        faults.refuse = question.get("refuse", 0)
        faults.swallow = question.get("swallow", 0)
        return {}
    # Everything else is a request to the homeserver, made with our token.
    async with aiohttp.ClientSession() as session:
        parameters = question.get("query", {})
        if "as" in question:
            parameters = parameters | {"user_id": question["as"]}
        async with session.request(
            question["method"],
            HOMESERVER + question["path"],
            params=parameters,
            json=question.get("body", {}),
            headers={"Authorization": f"Bearer {AS_TOKEN}"},
        ) as response:
            return {"status": response.status, "body": await response.json()}


async def main():
    app = web.Application(client_max_size=2**26)
    app.router.add_put("/_matrix/app/v1/transactions/{txn}", transaction)
    app.router.add_post("/_matrix/app/v1/ping", ping)
    app.router.add_get("/_matrix/app/v1/users/{user}", unknown)
    app.router.add_get("/_matrix/app/v1/rooms/{alias}", unknown)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(PORT), reuse_address=True).start()
    news(listening=int(PORT))
    await serve(handle)
    await runner.cleanup()


asyncio.run(main())
