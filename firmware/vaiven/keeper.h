// Readings through a sleep or a restart: in RTC memory, which lives as long as
// there is power, or in a file when they are too many for it.
//
// What is kept is sealed with a CRC by the core, and taken up once: the file is
// deleted, and the seal in RTC memory broken, before the next reading.
#pragma once

#include <Arduino.h>
#include <LittleFS.h>
#include <esp_private/esp_clk.h>
#include <vaiven.h>

constexpr size_t kInRam = 1024;  // readings: 34 minutes at 2 s
constexpr size_t kInRtc = 512;   // 6 of the 8 KiB
using Readings = vaiven::Held<2, kInRam>;

class Keeper {
 public:
  struct Rtc {
    uint64_t at;  // RTC time when it was sealed, in us
    vaiven::Held<2, kInRtc> held;
  };

  Keeper(vaiven::Board& board, Readings& held, Rtc& rtc) : board_(board), held_(held), rtc_(rtc) {}

  // restore resumes the Board from what was kept. False when there is nothing;
  // powered: the chip lost its power since, so that nobody knows how long ago.
  bool restore(uint32_t now, bool powered) {
    uint64_t at = 0;
    if (pour(rtc_.held, held_)) {
      at = rtc_.at;
    } else if (!read(at)) {
      return false;
    }
    rtc_.held.header.seal = 0;
    const uint64_t rtcNow = esp_clk_rtc_time();
    const bool known = !powered && rtcNow >= at;
    return board_.resume(now, known ? (rtcNow - at) / 1000 : vaiven::kUnknownTime);
  }

  // save keeps everything, as far as it fits. Nothing may record meanwhile, and
  // a sleep or restart follows at once.
  void save(uint32_t now) {
    const uint32_t waiting = board_.waiting();
    board_.seal(now);
    rtc_.held.header.seal = 0;
    rtc_.at = esp_clk_rtc_time();
    if (waiting > kInRtc && write()) return;
    pour(held_, rtc_.held);  // counts in LOST what does not fit
  }

 private:
  static constexpr const char* kFile = "/held";

  bool mount() {
    if (!mounted_) mounted_ = LittleFS.begin(true);
    return mounted_;
  }

  bool write() {
    if (!mount()) return false;
    File file = LittleFS.open(kFile, "w");
    if (!file) return false;
    const bool ok = file.write(reinterpret_cast<const uint8_t*>(&rtc_.at), sizeof rtc_.at) == sizeof rtc_.at &&
                    file.write(reinterpret_cast<const uint8_t*>(&held_), sizeof held_) == sizeof held_;
    file.close();
    if (!ok) LittleFS.remove(kFile);
    return ok;
  }

  // read deletes the file, whatever it holds: it is never taken up twice.
  bool read(uint64_t& at) {
    if (!mount() || !LittleFS.exists(kFile)) return false;
    File file = LittleFS.open(kFile, "r");
    const bool ok = file && file.read(reinterpret_cast<uint8_t*>(&at), sizeof at) == sizeof at &&
                    file.read(reinterpret_cast<uint8_t*>(&held_), sizeof held_) == sizeof held_;
    file.close();
    LittleFS.remove(kFile);
    return ok;
  }

  vaiven::Board& board_;
  Readings& held_;
  Rtc& rtc_;
  bool mounted_ = false;
};
