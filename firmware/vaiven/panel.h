// The task that looks after what a person sees and touches, and after the other
// tasks: the status LED, the two buttons, and whether loop() and the sampler
// still come round. A network call may hold up loop() for seconds; not this.
#pragma once

#include <Arduino.h>
#include <esp_task_wdt.h>

#include <atomic>

#include "light.h"
#include "outputs.h"
#include "pins.h"
#include "sampler.h"

// Button is one to GND, debounced.
class Button {
 public:
  explicit Button(uint8_t pin) : pin_(pin) {}
  // A button that is down already was not pressed: it is stuck, or it woke the board
  // up, which counts that itself.
  void begin(void (*onEdge)(void*), void* argument) {
    pinMode(pin_, INPUT_PULLUP);
    delayMicroseconds(50);  // until the pull-up has charged the wire
    down_ = digitalRead(pin_) == LOW;
    movedAt_ = millis();
    attachInterruptArg(pin_, onEdge, argument, CHANGE);
  }
  // look returns true once for each press. wait is made shorter when it has to
  // look again soon.
  bool look(uint32_t now, uint32_t& wait) {
    const bool down = digitalRead(pin_) == LOW;
    if (down == down_) {
      moving_ = false;
      return false;
    }
    if (!moving_) {
      moving_ = true;
      movedAt_ = now;
    }
    if (now - movedAt_ < kBounce) {
      wait = std::min(wait, kBounce);
      return false;
    }
    moving_ = false;
    down_ = down;
    movedAt_ = now;
    return down;
  }
  bool down() const { return down_; }
  uint32_t downFor(uint32_t now) const { return now - movedAt_; }

 private:
  static constexpr uint32_t kBounce = 30;
  const uint8_t pin_;
  bool down_ = false;
  bool moving_ = false;
  uint32_t movedAt_ = 0;
};

class Panel {
 public:
  // rescue is called when a task is stuck: it saves what it can and restarts.
  Panel(Outputs& outputs, Sampler& sampler, void (*rescue)(const char* task))
      : outputs_(outputs), sampler_(sampler), rescue_(rescue) {}

  void begin() {
    pinMode(pins::kStatus, OUTPUT);
    loopBeat_ = millis();
    wall_.begin(onEdge, this);
    setup_.begin(onEdge, this);
    // Above the sampler, on the core of loop(): while it rescues, nothing else
    // of ours runs. Its stack is for the rescue, which writes a file.
    xTaskCreatePinnedToCore(run, "panel", 8192, this, 3, &task_, ARDUINO_RUNNING_CORE);
  }

  // loop() says that it comes round, and what the light should show.
  void beat(uint32_t now, Sign sign) {
    loopBeat_ = now;
    if (sign_.exchange(sign) != sign) wake();
  }
  // wantsPortal is true once after the setup button was held.
  bool wantsPortal() { return portal_.exchange(false); }
  void hang() { hang_ = true; }
  // stackLeft is how many bytes of its stack were never used.
  uint32_t stackLeft() const { return task_ != nullptr ? uxTaskGetStackHighWaterMark(task_) : 0; }

 private:
  // In one loop() may be: mDNS 3 s, DNS some 20, a dial 5, a TLS handshake 120, two
  // writes that stall (a message, the close frame behind it) 10 each.
  static constexpr uint32_t kLoopPatience = 240000;
  static constexpr uint32_t kHold = 3000;      // of the setup button
  static constexpr uint32_t kDogMs = 60000;    // this task is the one that the watchdog watches

  static void run(void* self) { static_cast<Panel*>(self)->loop(); }
  // Not in IRAM: see DhtSensor.
  static void onEdge(void* self) {
    const TaskHandle_t task = static_cast<Panel*>(self)->task_;
    if (task == nullptr) return;  // it looks when it begins
    BaseType_t woken = pdFALSE;
    vTaskNotifyGiveFromISR(task, &woken);
    portYIELD_FROM_ISR(woken);
  }
  void wake() {
    if (task_ != nullptr) xTaskNotifyGive(task_);
  }

  void startDog() {
    const esp_task_wdt_config_t config = {kDogMs, 0, true};
    if (esp_task_wdt_reconfigure(&config) != ESP_OK) esp_task_wdt_init(&config);
    esp_task_wdt_add(nullptr);
  }

  void loop() {
    startDog();
    for (;;) {
      while (hang_) vTaskDelay(pdMS_TO_TICKS(1000));
      esp_task_wdt_reset();
      const uint32_t now = millis();
      uint32_t wait = show(now);
      buttons(now, wait);
      const uint32_t beat = loopBeat_;  // first: it is never later than what millis() says then
      if (millis() - beat > kLoopPatience) rescue_("loop");
      if (sampler_.stuck()) rescue_("sensor");
      ulTaskNotifyTake(pdTRUE, pdMS_TO_TICKS(wait));
    }
  }

  uint32_t show(uint32_t now) {
    const Sign sign = sign_;
    if (sign != shown_) {
      shown_ = sign;
      shownSince_ = now;
    }
    digitalWrite(pins::kStatus, Light::level(sign, now - shownSince_) ? HIGH : LOW);
    return Light::next(sign, now - shownSince_);
  }

  void buttons(uint32_t now, uint32_t& wait) {
    if (wall_.look(now, wait)) outputs_.toggle();
    if (setup_.look(now, wait)) held_ = false;
    if (!setup_.down() || held_) return;
    if (setup_.downFor(now) >= kHold) {
      held_ = true;
      portal_ = true;
    } else {
      wait = std::min(wait, kHold - setup_.downFor(now));
    }
  }

  Outputs& outputs_;
  Sampler& sampler_;
  void (*rescue_)(const char* task);
  TaskHandle_t task_ = nullptr;
  Button wall_{pins::kWall}, setup_{pins::kSetup};
  bool held_ = false;  // long enough already
  Sign shown_ = Sign::kSetup;
  uint32_t shownSince_ = 0;
  std::atomic<uint32_t> loopBeat_{0};
  std::atomic<Sign> sign_{Sign::kSetup};
  std::atomic<bool> portal_{false}, hang_{false};
};
