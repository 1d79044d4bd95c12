// What wakes a sleeping board: the timer, and the button at the wall. How a pin wakes
// a chip is the chip's: an ESP32 and an S3 by one of the RTC's, which needs its own
// pull-up, an ESP32-C3 by one of GPIO 0 to 5, whose pull-up ESP-IDF sets.
#pragma once

#include <Arduino.h>
#include <driver/gpio.h>
#include <driver/rtc_io.h>
#include <esp_sleep.h>
#include <soc/soc_caps.h>

inline void wakeByButton(uint8_t pin) {
#if SOC_PM_SUPPORT_EXT0_WAKEUP
#if SOC_RTCIO_PIN_COUNT > 0
  rtc_gpio_pullup_en(static_cast<gpio_num_t>(pin));
#endif
  esp_sleep_enable_ext0_wakeup(static_cast<gpio_num_t>(pin), 0);
#elif SOC_GPIO_SUPPORT_DEEPSLEEP_WAKEUP
  esp_deep_sleep_enable_gpio_wakeup(1ULL << pin, ESP_GPIO_WAKEUP_GPIO_LOW);
#else
  (void)pin;  // the timer wakes it
#endif
}

inline bool wokenByButton() {
  const esp_sleep_wakeup_cause_t cause = esp_sleep_get_wakeup_cause();
  return cause == ESP_SLEEP_WAKEUP_EXT0 || cause == ESP_SLEEP_WAKEUP_GPIO;
}

inline void wakeAfter(uint32_t ms) { esp_sleep_enable_timer_wakeup(static_cast<uint64_t>(ms) * 1000); }
