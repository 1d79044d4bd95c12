// Stand-in for ESP-IDF's pad hold: a pin that is held stays as it is through deep
// sleep. Whoever watches a board's events sees no change of such a pin either.
#pragma once

#include <esp_err.h>
#include <esp_sleep.h>

inline esp_err_t gpio_hold_en(gpio_num_t) { return ESP_OK; }
inline esp_err_t gpio_hold_dis(gpio_num_t) { return ESP_OK; }
inline void gpio_deep_sleep_hold_en() {}
inline void gpio_deep_sleep_hold_dis() {}
