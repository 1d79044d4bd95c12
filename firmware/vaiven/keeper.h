// Readings through a sleep, a restart or a crash.
//
// While the board works they lie in RAM that no reset clears but a loss of power and
// deep sleep, with the core's Checks: a panic, a watchdog, a restart lose nothing.
// For a sleep they go to RTC memory, or to a file when they are too many for it.
// What is kept there is sealed with a CRC by the core, and taken up once: the file is
// deleted, and the seal in RTC memory broken, before the next reading.
#pragma once

#include <Arduino.h>
#include <LittleFS.h>
#include <esp_private/esp_clk.h>
#include <esp_system.h>
#include <vaiven.h>
#include <vaiven/crc32.h>

#include <cstddef>

constexpr size_t kInRam = 1024;  // readings: 34 minutes at 2 s
constexpr size_t kInRtc = 512;   // 6 of the 8 KiB
using Readings = vaiven::Held<2, kInRam>;

class Keeper {
 public:
  // Mark is when the board's clock showed what on the RTC's, to know after a crash how
  // long ago the readings were taken.
  struct Mark {
    uint64_t up;   // of the Board, in ms
    uint64_t rtc;  // in us
    uint32_t check;
    uint32_t unused;
  };
  // Live belongs in __NOINIT_ATTR.
  struct Live {
    Readings held;
    vaiven::Checks<kInRam> checks;
    Mark marks[2];  // one is always whole
    uint32_t crashes;  // in a row, none of which came later than kSettled
  };
  // Rtc belongs in RTC_NOINIT_ATTR.
  struct Rtc {
    uint64_t at;  // RTC time when it was sealed, in us
    vaiven::Held<2, kInRtc> held;
  };

  Keeper(vaiven::Board& board, Live& live, Rtc& rtc) : board_(board), live_(live), rtc_(rtc) {}

  // restore resumes the Board from what was kept. False when there is nothing.
  bool restore(uint32_t now, esp_reset_reason_t reason) {
    uint64_t at = 0;
    const bool crash = reason == ESP_RST_PANIC || reason == ESP_RST_INT_WDT || reason == ESP_RST_TASK_WDT || reason == ESP_RST_WDT;
    live_.crashes = crash ? live_.crashes + 1 : 0;
    const bool kept = take(at, reason);
    rtc_.held.header.seal = 0;
    if (!kept) return false;
    // After a loss of power nobody knows how long ago it was.
    const uint64_t rtcNow = esp_clk_rtc_time();
    const bool known = reason != ESP_RST_POWERON && rtcNow >= at;
    return board_.resume(now, known ? (rtcNow - at) / 1000 : vaiven::kUnknownTime);
  }

  // mark notes the time, once a second. Call it behind each Board::tick.
  void mark(uint32_t now) {
    if (now >= kSettled) live_.crashes = 0;
    if (marked_ && now - markedAt_ < kMarkEvery) return;
    marked_ = true;
    markedAt_ = now;
    Mark& mark = live_.marks[next_];
    mark.up = board_.up();
    mark.rtc = esp_clk_rtc_time();
    mark.check = checkOf(mark);
    next_ ^= 1;
  }

  // save keeps everything, as far as it fits. Nothing may record meanwhile, and
  // a sleep or restart follows at once.
  void save(uint32_t now, bool sleep) {
    const uint32_t waiting = board_.waiting();
    board_.seal(now);
    rtc_.held.header.seal = 0;
    rtc_.at = esp_clk_rtc_time();
    if (waiting > kInRtc && (write() || !sleep)) return;  // the RAM itself lives through a restart
    pour(live_.held, rtc_.held);                          // counts in LOST what does not fit
  }

 private:
  static constexpr const char* kFile = "/held";
  static constexpr uint32_t kMarkEvery = 1000;
  // After so many crashes, each within so many ms of its start, it may be what is held
  // that makes the program crash: it begins anew.
  static constexpr uint32_t kCrashesAtMost = 5;
  static constexpr uint32_t kSettled = 60000;

  // take finds what was kept last, and when.
  bool take(uint64_t& at, esp_reset_reason_t reason) {
    if (pour(rtc_.held, live_.held)) {
      at = rtc_.at;
      return true;
    }
    if (read(at)) return true;
    if (reason == ESP_RST_POWERON || reason == ESP_RST_DEEPSLEEP) return false;  // the RAM had no power
    if (live_.crashes > kCrashesAtMost) return false;
    const Mark* mark = lastMark();
    if (mark == nullptr || !recover(live_.held, live_.checks, mark->up)) return false;
    at = mark->rtc;
    return true;
  }

  static uint32_t checkOf(const Mark& mark) { return vaiven::crc32(vaiven::kSealed, &mark, offsetof(Mark, check)); }

  const Mark* lastMark() const {
    const Mark* last = nullptr;
    for (const Mark& m : live_.marks) {
      if (m.check == checkOf(m) && (last == nullptr || m.rtc > last->rtc)) last = &m;
    }
    return last;
  }

  bool mount() {
    if (!mounted_) mounted_ = LittleFS.begin(true);
    return mounted_;
  }

  bool write() {
    if (!mount()) return false;
    File file = LittleFS.open(kFile, "w");
    if (!file) return false;
    const bool ok = file.write(reinterpret_cast<const uint8_t*>(&rtc_.at), sizeof rtc_.at) == sizeof rtc_.at &&
                    file.write(reinterpret_cast<const uint8_t*>(&live_.held), sizeof live_.held) == sizeof live_.held;
    file.close();
    if (!ok) LittleFS.remove(kFile);
    return ok;
  }

  // read deletes the file, whatever it holds: it is never taken up twice. What it does
  // not hold whole leaves the RAM as it is.
  bool read(uint64_t& at) {
    if (!mount() || !LittleFS.exists(kFile)) return false;
    File file = LittleFS.open(kFile, "r");
    const bool ok = file && file.size() == sizeof at + sizeof live_.held &&
                    file.read(reinterpret_cast<uint8_t*>(&at), sizeof at) == sizeof at &&
                    file.read(reinterpret_cast<uint8_t*>(&live_.held), sizeof live_.held) == sizeof live_.held;
    file.close();
    LittleFS.remove(kFile);
    return ok;
  }

  vaiven::Board& board_;
  Live& live_;
  Rtc& rtc_;
  bool mounted_ = false;
  bool marked_ = false;
  uint8_t next_ = 0;
  uint32_t markedAt_ = 0;
};
