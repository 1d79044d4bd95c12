// The LED that the server switches, and the button at the board that switches it
// too. The button acts at once, whatever the network is doing; the Board hears of
// it from loop(), which takes what changed.
#pragma once

#include <Arduino.h>
#include <driver/gpio.h>
#include <vaiven.h>

#include "pins.h"

class Outputs final : public vaiven::Switches {
 public:
  void begin() {
    pinMode(pins::kLed, OUTPUT);
    pinMode(pins::kWall, INPUT_PULLUP);
  }

  // set is the Board's, from loop().
  int32_t set(uint8_t, int32_t value) override {
    portENTER_CRITICAL(&mux_);
    on_ = value != 0;
    changed_ = false;  // the server's wish is newer than the button
    digitalWrite(pins::kLed, on_ ? HIGH : LOW);
    portEXIT_CRITICAL(&mux_);
    return value != 0;
  }

  // toggle is the button's, from the panel's task.
  void toggle() {
    portENTER_CRITICAL(&mux_);
    on_ = !on_;
    changed_ = true;
    digitalWrite(pins::kLed, on_ ? HIGH : LOW);
    portEXIT_CRITICAL(&mux_);
  }

  // takeChange says whether the button changed the LED since it was asked last.
  bool takeChange(int32_t& value) {
    portENTER_CRITICAL(&mux_);
    const bool changed = changed_;
    changed_ = false;
    value = on_;
    portEXIT_CRITICAL(&mux_);
    return changed;
  }

  // hold keeps the LED as it is while the chip sleeps, release gives it back.
  void hold() {
    gpio_hold_en(static_cast<gpio_num_t>(pins::kLed));
    gpio_deep_sleep_hold_en();
  }
  void release() { gpio_hold_dis(static_cast<gpio_num_t>(pins::kLed)); }

 private:
  portMUX_TYPE mux_ = portMUX_INITIALIZER_UNLOCKED;
  bool on_ = false;
  bool changed_ = false;
};
