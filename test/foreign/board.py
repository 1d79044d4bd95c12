"""A board in Python: sends the lines of standard input as text messages to the
address given, with the headers of the Arduino library, and prints what the
server said and how it closed. Needs Debian's python3-websockets."""
import asyncio
import sys

import websockets


async def main(url):
    async with websockets.connect(
        url,
        origin="file://",
        subprotocols=["arduino"],
        user_agent_header="arduino-WebSocket-Client",
        compression=None,
        open_timeout=120,
    ) as ws:
        print("subprotocol", ws.subprotocol)

        async def listen():
            async for message in ws:
                print("message", message)

        listener = asyncio.create_task(listen())
        try:
            for line in sys.stdin:
                await ws.send(line.rstrip("\n"))
        except websockets.ConnectionClosed:
            pass  # the session is over: what was left is not taken
        await asyncio.wait_for(listener, 60)
        print("closed", ws.close_code, ws.close_reason)


asyncio.run(main(sys.argv[1]))
