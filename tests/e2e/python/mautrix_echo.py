"""A bot on mautrix' appservice framework: its ghost repeats what is said in rooms that its bot was invited to.

Arguments: our port, the homeserver's address, the server's name, as_token, hs_token.
"""

import asyncio
import sys

from lines import news, serve
from mautrix.appservice import AppService
from mautrix.appservice.state_store.memory import ASStateStore
from mautrix.client.state_store import MemoryStateStore
from mautrix.types import EventType, Membership

PORT, HOMESERVER, DOMAIN, AS_TOKEN, HS_TOKEN = sys.argv[1:6]
GHOST = f"@foreign_echo:{DOMAIN}"


class Memory(ASStateStore, MemoryStateStore):
    def __init__(self):
        ASStateStore.__init__(self)
        MemoryStateStore.__init__(self)


async def main():
    appservice = AppService(
        server=HOMESERVER,
        domain=DOMAIN,
        as_token=AS_TOKEN,
        hs_token=HS_TOKEN,
        bot_localpart="foreignbot",
        id="foreign",
        state_store=Memory(),
    )

    @appservice.matrix_event_handler
    async def on_event(event):
        ours = (GHOST, appservice.bot_mxid)
        if event.type == EventType.ROOM_MEMBER and event.state_key == appservice.bot_mxid:
            if event.content.membership == Membership.INVITE:
                await appservice.intent.join_room(event.room_id)
        elif event.type == EventType.ROOM_MESSAGE and event.sender not in ours:
            ghost = appservice.intent.user(GHOST)
            await ghost.ensure_joined(event.room_id, bot=appservice.intent)
            await ghost.send_text(event.room_id, f"echo: {event.content.body}")

    await appservice.start("127.0.0.1", int(PORT))
    await appservice.intent.ensure_registered()
    appservice.ready = True
    news(listening=int(PORT))
    await serve(lambda question: asyncio.sleep(0))
    await appservice.stop()


asyncio.run(main())
