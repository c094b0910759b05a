"""matrix-nio, driven by a story: a client library that is not ours, with its own idea of what answers must look like."""

import asyncio

import nio
from lines import news, serve

client = None


async def log_in(question):
    global client
    client = nio.AsyncClient(question["homeserver"], question["user"])
    answer = await client.login(question["password"])
    if not isinstance(answer, nio.LoginResponse):
        raise RuntimeError(f"login: {answer}")
    client.add_event_callback(on_event, nio.Event)
    client.add_event_callback(on_invite, nio.InviteMemberEvent)
    client.add_response_callback(on_sync_error, nio.SyncError)
    # Held by the client, as long as it syncs.
    client.story_sync = asyncio.create_task(client.sync_forever(timeout=20000, full_state=True))
    return {"user_id": client.user_id}


async def on_event(room, event):
    news(room=room.room_id, event=event.source)


async def on_invite(room, event):
    if event.state_key == client.user_id and event.membership == "invite":
        await client.join(room.room_id)


async def on_sync_error(error):
    news(sync_error=str(error))


async def create_direct_room(question):
    answer = await client.room_create(
        is_direct=True,
        invite=[question["with"]],
        preset=nio.RoomPreset.trusted_private_chat,
    )
    if not isinstance(answer, nio.RoomCreateResponse):
        raise RuntimeError(f"createRoom: {answer}")
    return {"room": answer.room_id}


async def send(question):
    answer = await client.room_send(
        question["room"], "m.room.message", {"msgtype": "m.text", "body": question["body"]}
    )
    if not isinstance(answer, nio.RoomSendResponse):
        raise RuntimeError(f"send: {answer}")
    return {"event_id": answer.event_id}


async def describe(question):
    """What nio has understood of a room: its own state machine, not the events."""
    room = client.rooms.get(question["room"])
    if room is None:
        return None
    return {
        "name": room.display_name,
        "topic": room.topic,
        "members": sorted(room.users),
        "member_names": {user: room.user_name(user) for user in room.users},
    }


VERBS = {"log_in": log_in, "create_direct_room": create_direct_room, "send": send, "describe": describe}


async def main():
    await serve(lambda question: VERBS[question["verb"]](question))
    if client is not None:
        await client.close()


asyncio.run(main())
