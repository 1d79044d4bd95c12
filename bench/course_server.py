"""The course's own server, as its slides build it: websockets, json and csv.

One handler for every board: json.loads, a line in the terminal, a row in the
CSV, flushed. What was changed, so that it can be compared:

- it answers each reading, since a board that hears nothing has nothing to
  measure; the answer is vaiven's acknowledgement, though a row that was only
  flushed may be lost when the power fails;
- the port and the file come from the command line;
- its terminal is /dev/null, as it is for the others.

Everything else is the library's default (no client here offers compression).
"""

import asyncio
import csv
import json
import sys
from datetime import datetime

import websockets

count = 0


async def main(port, path):
    with open(path, "a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["IDdato", "IDdevice", "TIMEFLAG", "TEMP", "HUM"])

        async def handler(websocket):
            global count
            async for message in websocket:
                data = json.loads(message)
                count += 1
                timeflag = datetime.now().strftime("%Y%m%d%H%M")
                row = [count, data["IDDEVICE"], timeflag, data["TEMP"], data["HUM"]]
                print(*row)
                writer.writerow(row)
                file.flush()
                ack = {"IDDEVICE": data["IDDEVICE"], "BOOT": data["BOOT"], "ACK": data["SEQ"]}
                await websocket.send(json.dumps(ack))

        async with websockets.serve(handler, "127.0.0.1", port):
            await asyncio.Future()


try:
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
except KeyboardInterrupt:
    pass
