// The status LED: what it shows, and when it changes next.
//
//   fast and even           the portal is open, or settings are missing
//   one flash, pause        no Wi-Fi
//   two flashes, pause      Wi-Fi, but no server
//   three flashes, pause    the server is there and refuses this board
//   on and off, slowly      the server waits for a person to approve this board
//   on                      readings flow
//   on, short dark blinks   readings would flow, but the sensor does not answer
//   off                     the server needs nothing more
#pragma once

#include <Arduino.h>

enum class Sign : uint8_t { kSetup, kNoWifi, kNoServer, kRefused, kWaiting, kOnline, kNoSensor, kFinished };

class Light {
 public:
  static constexpr uint32_t kFlash = 150;
  static constexpr uint32_t kCycle = 2000;

  // level is what the LED is at `since` ms after the sign began.
  static bool level(Sign sign, uint32_t since) {
    const uint32_t at = since % kCycle;
    const uint32_t slot = at / kFlash;
    switch (sign) {
      case Sign::kSetup: return since / kFlash % 2 == 0;
      case Sign::kNoWifi: return slot == 0;
      case Sign::kNoServer: return slot == 0 || slot == 2;
      case Sign::kRefused: return slot == 0 || slot == 2 || slot == 4;
      case Sign::kWaiting: return at < kCycle / 2;
      case Sign::kOnline: return true;
      case Sign::kNoSensor: return slot != 0;
      case Sign::kFinished: return false;
    }
    return false;
  }

  // next is how many ms later to look again.
  static uint32_t next(Sign sign, uint32_t since) {
    if (sign == Sign::kOnline || sign == Sign::kFinished) return kCycle;
    const uint32_t at = since % kCycle;
    if (sign == Sign::kWaiting) return kCycle / 2 - at % (kCycle / 2);
    if (sign == Sign::kSetup || at < 5 * kFlash) return kFlash - at % kFlash;
    return kCycle - at;
  }
};
