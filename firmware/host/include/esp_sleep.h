// Stand-in for ESP-IDF's deep sleep: the process waits its (scaled) time, then
// starts itself anew. Which pins can wake it, and by which function, is the chip's.
#pragma once

#include <esp_err.h>
#include <soc/soc_caps.h>

#include <cstdint>

typedef enum {
  ESP_SLEEP_WAKEUP_UNDEFINED,
  ESP_SLEEP_WAKEUP_ALL,
  ESP_SLEEP_WAKEUP_EXT0,
  ESP_SLEEP_WAKEUP_EXT1,
  ESP_SLEEP_WAKEUP_TIMER,
  ESP_SLEEP_WAKEUP_TOUCHPAD,
  ESP_SLEEP_WAKEUP_ULP,
  ESP_SLEEP_WAKEUP_GPIO,
} esp_sleep_wakeup_cause_t;
typedef esp_sleep_wakeup_cause_t esp_sleep_source_t;
typedef int gpio_num_t;
#define GPIO_NUM_0 0
#define GPIO_NUM_4 4
#define GPIO_NUM_33 33

esp_err_t esp_sleep_enable_timer_wakeup(uint64_t us);
#if SOC_PM_SUPPORT_EXT0_WAKEUP
esp_err_t esp_sleep_enable_ext0_wakeup(gpio_num_t pin, int level);
#endif
#if SOC_GPIO_SUPPORT_DEEPSLEEP_WAKEUP
typedef enum { ESP_GPIO_WAKEUP_GPIO_LOW, ESP_GPIO_WAKEUP_GPIO_HIGH } esp_deepsleep_gpio_wake_up_mode_t;
esp_err_t esp_deep_sleep_enable_gpio_wakeup(uint64_t pins, esp_deepsleep_gpio_wake_up_mode_t mode);
#endif
esp_sleep_wakeup_cause_t esp_sleep_get_wakeup_cause();
[[noreturn]] void esp_deep_sleep_start();
[[noreturn]] void esp_deep_sleep(uint64_t us);
