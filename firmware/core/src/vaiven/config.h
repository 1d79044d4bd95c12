// What a board is: its id, and the tables of its sensors and states.
#pragma once

#include "limits.h"

namespace vaiven {

// Sensor is a measurement that each reading holds: TEMP in degrees Celsius, HUM
// in % relative humidity, any other name in the unit that its owner chose.
struct Sensor {
  const char* name;  // A-Z 0-9 _, not beginning with _, at most kMaxName bytes
  uint8_t decimals;  // that the sensor really has: digits sent behind the point, 0 to 6
};

// State is something that the board can switch.
struct State {
  const char* name;  // as a sensor's
  int32_t initial;   // set at power-up: 1 on, 0 off, or a level
};

// Config is given once and must stay where it is: the Board keeps a pointer.
struct Config {
  const char* device = nullptr;    // needed: 1 to 3 digits, or 1 to 64 of A-Z a-z 0-9 . _ -
  const char* firmware = nullptr;  // FW in HELLO, at most 64 bytes; nullptr: not said
  const Sensor* sensors = nullptr;
  uint8_t sensorCount = 0;  // as many as Held has values
  const State* states = nullptr;
  uint8_t stateCount = 0;

  // Readings on their way without acknowledgement. 32 of two values are 3 KB,
  // which fits the 5,744 bytes that lwIP on an ESP32 takes without blocking.
  uint16_t window = 32;

  // How long the board sleeps between connections, in ms, said in HELLO so that
  // screens show "asleep" and not "disconnected". 0: it does not sleep.
  uint32_t sleep = 0;
};

// problem says what is wrong with a configuration, in English, for whoever
// writes the sketch; nullptr when nothing is.
const char* problem(const Config& config, size_t values);

// fingerprint is equal for configurations whose readings mean the same.
uint32_t fingerprint(const Config& config);

// canonicalDevice writes an id as the server does: numbers of up to three
// digits with three. out has room for kMaxDevice + 1.
void canonicalDevice(const char* id, size_t length, char* out);

}  // namespace vaiven
