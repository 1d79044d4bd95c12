// Where things are connected. firmware/wiring shows it; another board changes
// only this file.
#pragma once

#include <Arduino.h>
#include <vaiven/dht.h>

namespace pins {

// The sensor's data line, with 10 kOhm to 3.3 V.
constexpr uint8_t kDht = 4;
// The LED that the server switches, with 220 Ohm.
constexpr uint8_t kLed = 2;
// The LED that shows how things are, with 220 Ohm. May be left out.
constexpr uint8_t kStatus = 18;
// A push button to GND that switches the LED at the board. May be left out. It
// wakes a sleeping board too, so it must be a pin that the RTC can see.
constexpr uint8_t kWall = 27;
// Held for three seconds it opens the portal: BOOT, which is on every board.
constexpr uint8_t kSetup = 0;

constexpr vaiven::DhtModel kSensorModel = vaiven::DhtModel::kDht11;

}  // namespace pins
