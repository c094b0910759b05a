"""matrix-nio, driven by a story: a client library that is not ours, with its own idea of what answers must look like."""

import asyncio
import base64
import logging

import nio
from lines import news, serve

PAGE = 500

client = None


class SchemaFaults(logging.Handler):
    """What its schemas refuse, nio only tells its log; the story hears of it."""

    def emit(self, record):
        if record.levelno >= logging.WARNING:
            news(nio_warning=record.getMessage())


def good(answer):
    """What nio has read from an answer; its error where it could not."""
    if isinstance(answer, nio.ErrorResponse):
        raise RuntimeError(str(answer))
    return answer


async def log_in(question):
    global client
    logging.getLogger("nio").addHandler(SchemaFaults())
    client = nio.AsyncClient(question["homeserver"], question["user"])
    good(await client.login(question["password"]))
    client.add_event_callback(on_event, nio.Event)
    client.add_event_callback(on_invite, nio.InviteMemberEvent)
    client.add_response_callback(on_sync_error, nio.SyncError)
    client.add_response_callback(on_sync, nio.SyncResponse)
    client.story_synced = asyncio.Event()
    await online({})
    return {"user_id": client.user_id}


async def online(question):
    client.story_synced.clear()
    # Held by the client, as long as it syncs.
    client.story_sync = asyncio.create_task(client.sync_forever(timeout=20000, full_state=True))
    client.story_sync.add_done_callback(on_sync_end)
    await client.story_synced.wait()


def on_sync_end(task):
    if not task.cancelled():
        news(sync_ended=repr(task.exception()))


async def offline(question):
    client.story_sync.cancel()
    await asyncio.wait([client.story_sync])


async def on_sync(answer):
    # Where a timeline has a gap, the events before it are asked for from here.
    for room, joined in answer.rooms.join.items():
        # State that a short timeline leaves out: nio itself only keeps it.
        for event in joined.state:
            news(room=room, event=event.source)
        if joined.timeline.limited:
            gaps[room] = joined.timeline.prev_batch
            seen[room] = []
        seen.setdefault(room, []).extend(event.source for event in joined.timeline.events)
    client.story_synced.set()


# Since the last gap of each room: its events, and the token before them.
seen = {}
gaps = {}


async def on_event(room, event):
    news(room=room.room_id, event=event.source)


async def on_invite(room, event):
    if event.state_key == client.user_id and event.membership == "invite":
        good(await client.join(room.room_id))


async def on_sync_error(error):
    news(sync_error=str(error))


async def create_room(question):
    preset = nio.RoomPreset.private_chat
    if question.get("direct"):
        preset = nio.RoomPreset.trusted_private_chat
    elif question.get("open"):
        preset = nio.RoomPreset.public_chat
    answer = await client.room_create(
        name=question.get("name"),
        topic=question.get("topic"),
        is_direct=question.get("direct", False),
        invite=question.get("invite", []),
        preset=preset,
        space=question.get("space", False),
    )
    return {"room": good(answer).room_id}


async def join(question):
    good(await client.join(question["room"]))


async def send(question):
    content = {"msgtype": "m.text", "body": question["body"]}
    return await send_event({"room": question["room"], "type": "m.room.message", "content": content})


async def send_event(question):
    answer = await client.room_send(question["room"], question["type"], question["content"])
    return {"event_id": good(answer).event_id}


async def send_state(question):
    answer = await client.room_put_state(
        question["room"], question["type"], question["content"], question["key"]
    )
    return {"event_id": good(answer).event_id}


async def redact(question):
    return {"event_id": good(await client.room_redact(question["room"], question["event"])).event_id}


async def read(question):
    good(await client.update_receipt_marker(question["room"], question["event"]))


async def typing(question):
    good(await client.room_typing(question["room"], question["on"], 30000))


async def upload(question):
    data = base64.b64decode(question["data"])
    answer, _ = await client.upload(
        lambda *_: data, content_type=question["type"], filename=question["name"], filesize=len(data)
    )
    return {"mxc": good(answer).content_uri}


async def fetch(question):
    """Fetches a thumbnail, or the whole where no width is given."""
    mxc = question["mxc"]
    if "width" in question:
        server, media = mxc.removeprefix("mxc://").split("/")
        answer = await client.thumbnail(server, media, question["width"], question["height"])
    else:
        answer = await client.download(mxc)
    data = base64.b64encode(good(answer).body).decode()
    return {"type": answer.content_type, "data": data}


async def hierarchy(question):
    rooms = good(await client.space_get_hierarchy(question["room"])).rooms
    return [
        {"room": one["room_id"], "name": one.get("name"), "children": len(one["children_state"])}
        for one in rooms
    ]


async def relations(question):
    rel = nio.api.RelationshipType(question["rel"])
    events = client.room_get_event_relations(question["room"], question["event"], rel)
    return [event.event_id async for event in events]


async def catch_up(question):
    """Pages back until an event is there, and returns the bodies of everything after it, oldest first."""
    room, after = question["room"], question["after"]
    newest_first = list(reversed(seen.get(room, [])))
    start = gaps.get(room)
    while not any(event["event_id"] == after for event in newest_first):
        page = good(await client.room_messages(room, start, limit=PAGE))
        if not page.chunk:
            raise RuntimeError(f"the room begins, and {after} was not seen")
        newest_first += [event.source for event in page.chunk]
        start = page.end
    since = [event["event_id"] for event in newest_first].index(after)
    messages = [event for event in newest_first[:since] if event["type"] == "m.room.message"]
    return [event["content"]["body"] for event in reversed(messages)]


async def describe(question):
    """What nio has understood of a room: its own state machine, not the events."""
    room = client.rooms.get(question["room"])
    if room is None:
        return None
    # nio reads in the main thread, and keeps receipts of threads apart.
    receipts = dict(room.read_receipts)
    for user, by_thread in room.threaded_read_receipts.items():
        if "main" in by_thread:
            receipts[user] = by_thread["main"]
    return {
        "name": room.display_name,
        "topic": room.topic,
        "is_space": room.room_type == "m.space",
        "members": sorted(room.users),
        "member_names": {user: room.user_name(user) for user in room.users},
        "joined": room.joined_count,
        "typing": room.typing_users,
        "unread": room.unread_notifications,
        "highlights": room.unread_highlights,
        "receipts": {user: receipt.event_id for user, receipt in receipts.items()},
    }


VERBS = [
    log_in, online, offline, create_room, join, send, send_event, send_state, redact, read, typing,
    upload, fetch, hierarchy, relations, catch_up, describe,
]  # fmt: skip
BY_NAME = {verb.__name__: verb for verb in VERBS}


async def main():
    await serve(lambda question: BY_NAME[question["verb"]](question))
    if client is not None:
        await client.close()


asyncio.run(main())
