// A board as a process of this computer. firmware/host/build makes one of a
// sketch; this is how to run it.
//
// stdout: an object per line, {"at":<simulated ms since power-on>,"wall":<Unix
// ms>,"event":...}:
//
//   boot         reason (poweron, ext, sw, panic, task_wdt, deepsleep), millis
//   pin          pin, level: written by the sketch, changes only
//   serial       text: a line printed to Serial
//   wifi         state (connected, lost), ssid or reason
//   access_point on, ssid: the board's own (captive portal)
//   dial         host, port, tls, to: where that is in truth ("" is nowhere)
//   dial_failed  host, reason
//   connected    url, protocol: the WebSocket is open
//   upgrade_refused status
//   sent, received text: a text message; begun: when the sketch gave it (at);
//                waited: ms of this loop() that this machine had no processor for it
//   closed       code, reason: the server's close frame
//   disconnected reason: the library's DISCONNECTED, and its text
//   leaked_connection begin() while connected
//   sensor       ok, temp, hum: a conversion begins, and the truth;
//                before: when the sketch had read the one before (at);
//                waited: ms that this machine had no processor for its task, in all
//   listening    port: WebServer.begin()
//   flash        what, n: bytes written to Preferences or LittleFS
//   started      waited: as sent has it, of the start until setup() is over
//   sleep ms waited, wake by (timer, pin), restart [reason | waited], watchdog task_ms
//   control      line, ok: a control line was taken
//   quit, broken reason
//
// stdin, a command per line:
//
//   wifi up | wifi down
//   sensor ok | sensor unplugged | sensor fail P    P: fraction of conversions
//   pin N low | pin N high                          a switch outside
//   serial TEXT                                     typed in the serial monitor
//   reset                                           the EN button
//   panic                                           the program crashes
//   quit
//
// The end of stdin changes nothing. A power cut is kill -9 and a new process:
// flash stays, RTC memory does not. Memory that is not initialised then holds
// garbage, as a chip's does.
//
// Environment:
//
//   BOARD_SERVER=ADDRESS:PORT      what every host and port of the sketch's is in
//                                  truth; BOARD_SERVER_TLS the same for TLS
//   BOARD_DIAL=HOST[:PORT]=ADDRESS:PORT,...   the same per host, asked first
//   BOARD_MDNS=NAME=ADDRESS[:PORT],...        what mDNS answers; without ADDRESS a
//                                  machine that has IPv6 alone
//   BOARD_SPEED=50                 simulated seconds per real one (default 1)
//   BOARD_MILLIS=4294960000        millis() at power-on (default 0)
//   BOARD_PATIENCE=2000            real ms that a network timeout lasts at least
//   BOARD_IDLE=2000                real us between two loop() without traffic
//   BOARD_SEED=1                   the curve of temperature and humidity, and
//                                  which conversions fail
//   BOARD_SENSOR_FAIL=0            fraction of conversions that fail at first
//   BOARD_DHT=11                   or 22, for a sketch that reads the pin itself
//   BOARD_SSID, BOARD_PASSWORD     of the access point (default: whatever the
//                                  sketch says)
//   BOARD_FLASH=FOLDER             what Preferences and LittleFS keep; without it
//                                  they forget with the process
//   BOARD_MAC=246f28000001         of the chip
//   BOARD_HTTP_PORT=0              where WebServer listens on 127.0.0.1 (0: free)
#pragma once

#include <Arduino.h>
