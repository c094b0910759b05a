"""Speaks JSON lines with the story that started us: questions on standard input, answers and news on standard output."""

import asyncio
import json
import sys
import traceback


def news(**fields):
    """Tells the story something it did not ask for."""
    print(json.dumps({"news": fields}), flush=True)


async def serve(handle):
    """Answers each line with what `handle(question)` returns, until standard input ends.

    Questions are answered side by side: a slow one holds up no other.
    """
    reader = asyncio.StreamReader(limit=2**24)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    running = set()

    async def answer(question):
        try:
            reply = {"id": question["id"], "answer": await handle(question)}
        except Exception as error:  # The story decides what a fault means.
            traceback.print_exc()
            reply = {"id": question["id"], "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)

    while line := await reader.readline():
        task = asyncio.create_task(answer(json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)
