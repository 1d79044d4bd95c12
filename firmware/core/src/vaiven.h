// vaiven: the board's side of the device protocol (docs/PROTOCOL.md), portable.
//
// It owns what makes a board trustworthy: the readings that the server does not
// have on disk yet, their numbers (BOOT and SEQ), when each message is sent,
// sent again or given up, what the server wants the board's states to be, and
// when to connect, to wait and to stop. It does not own the network, the pins,
// the sensor, the clock, storage or randomness: those come through the small
// interfaces of vaiven/outside.h and as arguments.
//
// Nothing here allocates, throws, blocks or includes Arduino.h. All memory is
// in Held (the readings; may lie in RTC memory) and Board (under 2 KiB).
//
// Use, in a sketch:
//
//   const vaiven::Sensor sensors[] = {{"TEMP", 1}, {"HUM", 1}};
//   const vaiven::State states[] = {{"LED", 0}};
//   vaiven::Config config;                  // device, tables
//   vaiven::Held<2, 1024> held;             // 12 bytes a reading
//   vaiven::Board board(config, held, outside);
//
//   setup():  board.begin(millis());        // or resume() after a sleep
//   loop():   if (board.wantsLink()) socket.loop();
//             board.tick(millis());
//   socket events -> onOpen, onMessage, onHeard, onClose
//   sensor task   -> record or failed
//   wall switch   -> switched
//
// Tasks: record() and failed() may be called from one other task, if
// Outside.guard locks; everything else belongs to the task that calls tick().
// Only tick() uses the Link, so events may be delivered from inside the socket
// library's own callbacks; onClose even from inside Link::send or Link::close.
//
// A server that is slow lets the ring fill; then the oldest reading is
// overwritten and counted in LOST. A server that is dead is noticed by its
// silence (liveness.h) and dialled again with growing, random waits (backoff.h).
// A server that says BYE with RETRY 0 is not dialled again.
#pragma once

#include "vaiven/board.h"
#include "vaiven/config.h"
#include "vaiven/dht.h"
#include "vaiven/held.h"
#include "vaiven/outside.h"
