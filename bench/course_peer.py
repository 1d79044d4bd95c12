"""Runs the course's own server (course/servidor.py) so that it can be compared.

What is changed:

- it answers each reading, since a board that hears nothing has nothing to
  measure; the answer is vaiven's acknowledgement, though a row that was only
  flushed may be lost when the power fails;
- no connection ends after some readings or minutes;
- the port and the file come from the command line, and it listens on 127.0.0.1;
- its terminal is /dev/null, as it is for the others.

Arguments: servidor.py, port, CSV file.
"""

import asyncio
import importlib.util
import json
import sys

program, port, path = sys.argv[1:]
spec = importlib.util.spec_from_file_location("servidor", program)
servidor = importlib.util.module_from_spec(spec)
spec.loader.exec_module(servidor)


async def answer(websocket, data):
    await websocket.send(json.dumps({"IDDEVICE": data["IDDEVICE"], "BOOT": data["BOOT"], "ACK": data["SEQ"]}))


servidor.contestar = answer
servidor.MODOS["bench"] = (-1, None)
try:
    asyncio.run(servidor.main("bench", port, path, "127.0.0.1"))
except KeyboardInterrupt:
    pass
