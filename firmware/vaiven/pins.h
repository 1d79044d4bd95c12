// Where things are connected. firmware/wiring shows it; another board changes
// only this file.
#pragma once

#include <Arduino.h>
#include <sdkconfig.h>
#include <vaiven/dht.h>

namespace pins {

// The sensor's data line, with 10 kOhm to 3.3 V.
constexpr uint8_t kDht = 4;
// kLed: the LED that the server switches, with 220 Ohm.
// kStatus: the LED that shows how things are, with 220 Ohm. May be left out.
// kWall: a push button to GND that switches the LED at the board. May be left out.
// It wakes a sleeping board too, so it must be a pin that can: one of the RTC's; on
// an ESP32-C3 one of 0 to 5.
// kSetup: held for three seconds it opens the portal: BOOT, which is on every board.
#if defined(CONFIG_IDF_TARGET_ESP32C3)
constexpr uint8_t kLed = 5, kStatus = 6, kWall = 3, kSetup = 9;
#elif defined(CONFIG_IDF_TARGET_ESP32S3)
constexpr uint8_t kLed = 2, kStatus = 18, kWall = 7, kSetup = 0;
#else
constexpr uint8_t kLed = 2, kStatus = 18, kWall = 27, kSetup = 0;
#endif

constexpr vaiven::DhtModel kSensorModel = vaiven::DhtModel::kDht11;

}  // namespace pins
