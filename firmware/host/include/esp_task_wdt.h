// Stand-in for ESP-IDF's task watchdog: a subscribed task that does not reset it
// in time restarts the board, with the reset reason ESP_RST_TASK_WDT.
#pragma once

#include <esp_err.h>
#include <freertos/task.h>

#include <cstdint>

typedef struct {
  uint32_t timeout_ms;
  uint32_t idle_core_mask;
  bool trigger_panic;
} esp_task_wdt_config_t;

esp_err_t esp_task_wdt_init(const esp_task_wdt_config_t* config);
esp_err_t esp_task_wdt_reconfigure(const esp_task_wdt_config_t* config);
esp_err_t esp_task_wdt_add(TaskHandle_t task);
esp_err_t esp_task_wdt_reset();
esp_err_t esp_task_wdt_delete(TaskHandle_t task);
