// Stand-in for ESP-IDF's RTC pins: a button's pull-up through deep sleep. A chip
// without them (ESP32-C3) has the header, and nothing in it.
#pragma once

#include <esp_err.h>
#include <esp_sleep.h>
#include <soc/soc_caps.h>

#if SOC_RTCIO_PIN_COUNT > 0
#if SOC_RTCIO_INPUT_OUTPUT_SUPPORTED
inline esp_err_t rtc_gpio_pullup_en(gpio_num_t) { return ESP_OK; }
#endif
#endif
