// The task that measures, at its own even pace whatever the network does.
//
// It calls Board::record and Board::failed, and nothing else of the Board's.
#pragma once

#include <Arduino.h>
#include <freertos/semphr.h>
#include <vaiven.h>

#include <atomic>

#include "dht_sensor.h"

class Sampler {
 public:
  Sampler(vaiven::Board& board, Sensor& sensor) : board_(board), sensor_(sensor) {}

  // start begins to measure every `interval` ms; once: one reading alone, for a
  // board that sleeps then.
  void start(uint32_t interval, bool once) {
    interval_ = interval;
    once_ = once;
    if (turn_ == nullptr) turn_ = xSemaphoreCreateMutex();
    beat_ = millis();
    sensor_.begin();
    // Above loop(), which shares the core: a reading is taken when it is due.
    xTaskCreatePinnedToCore(run, "sample", 4096, this, 2, nullptr, ARDUINO_RUNNING_CORE);
    started_ = true;
  }

  // stop waits for a conversion that is on its way, and lets no other begin.
  // False when the task is stuck.
  bool stop() { return !started_ || xSemaphoreTake(turn_, pdMS_TO_TICKS(kStopWait)) == pdTRUE; }

  bool done() const { return done_; }
  bool failing() const { return failing_; }
  // stuck says that the task has not come round in time.
  bool stuck() const {
    const uint32_t beat = beat_;  // first: it is never later than what millis() says then
    return started_ && !done_ && millis() - beat > interval_ + kPatience;
  }
  void hang() { hang_ = true; }
  // stackLeft is how many bytes of its stack were never used.
  uint32_t stackLeft() const { return stackLeft_; }

 private:
  static constexpr uint32_t kStopWait = 5000;
  static constexpr uint32_t kPatience = 60000;  // a conversion takes 30 ms
  static constexpr int kTries = 3;              // of a board that will sleep

  static void run(void* self) { static_cast<Sampler*>(self)->loop(); }

  void loop() {
    TickType_t last = xTaskGetTickCount();
    for (int tries = 1;; tries++) {
      while (hang_) vTaskDelay(pdMS_TO_TICKS(1000));
      beat_ = millis();
      const bool ok = sample();
      stackLeft_ = uxTaskGetStackHighWaterMark(nullptr);
      if (once_ && (ok || tries == kTries)) break;
      // In ticks of 1 ms. pdMS_TO_TICKS wraps above 71 minutes.
      static_assert(portTICK_PERIOD_MS == 1, "a tick is a millisecond");
      vTaskDelayUntil(&last, once_ ? kPause : interval_);
    }
    done_ = true;
    vTaskDelete(nullptr);
  }

  bool sample() {
    float values[2];
    xSemaphoreTake(turn_, portMAX_DELAY);
    const bool ok = sensor_.read(values);
    if (ok) {
      const uint32_t ago = sensor_.ago();
      board_.record(millis() - ago, values);
    } else {
      board_.failed();
    }
    failing_ = !ok;
    xSemaphoreGive(turn_);
    return ok;
  }

  static constexpr uint32_t kPause = 2000;  // between two tries

  vaiven::Board& board_;
  Sensor& sensor_;
  uint32_t interval_ = 0;
  bool once_ = false;
  bool started_ = false;
  SemaphoreHandle_t turn_ = nullptr;  // held during a conversion
  std::atomic<uint32_t> beat_{0}, stackLeft_{0};
  std::atomic<bool> done_{false}, failing_{false}, hang_{false};
};
