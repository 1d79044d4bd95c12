#include <Arduino.h>
#include <esp_task_wdt.h>

#include <map>
#include <mutex>

#include "clock.h"
#include "control.h"
#include "power.h"
#include "report.h"

namespace {

std::mutex dogMutex;
uint32_t timeoutMs = 0;                   // 0: not started
std::map<TaskHandle_t, uint64_t> lastUs;  // when each task was heard last, since boot

TaskHandle_t orCurrent(TaskHandle_t task) { return task ? task : xTaskGetCurrentTaskHandle(); }

}  // namespace

esp_err_t esp_task_wdt_init(const esp_task_wdt_config_t* config) {
  std::lock_guard lock(dogMutex);
  if (timeoutMs) return ESP_ERR_INVALID_STATE;
  timeoutMs = config->timeout_ms;
  return ESP_OK;
}

esp_err_t esp_task_wdt_reconfigure(const esp_task_wdt_config_t* config) {
  std::lock_guard lock(dogMutex);
  timeoutMs = config->timeout_ms;
  return ESP_OK;
}

esp_err_t esp_task_wdt_add(TaskHandle_t task) {
  std::lock_guard lock(dogMutex);
  lastUs[orCurrent(task)] = host::sinceBootUs();
  return ESP_OK;
}

esp_err_t esp_task_wdt_reset() {
  std::lock_guard lock(dogMutex);
  auto found = lastUs.find(xTaskGetCurrentTaskHandle());
  if (found == lastUs.end()) return ESP_ERR_INVALID_STATE;
  found->second = host::sinceBootUs();
  return ESP_OK;
}

esp_err_t esp_task_wdt_delete(TaskHandle_t task) {
  std::lock_guard lock(dogMutex);
  return lastUs.erase(orCurrent(task)) ? ESP_OK : ESP_ERR_INVALID_STATE;
}

// The dog is as patient as the network (BOARD_PATIENCE): a machine that is busy
// for a moment must not reset a board whose time runs faster than the machine's.
void host::watchdogTick() {
  uint64_t silentMs = 0;
  {
    std::lock_guard lock(dogMutex);
    if (!timeoutMs || asleep()) return;
    for (auto& [task, last] : lastUs) silentMs = std::max(silentMs, (sinceBootUs() - last) / 1000);
    if (silentMs <= timeoutMs || realMs(silentMs) < patienceMs()) return;
  }
  Event("watchdog").number("task_ms", int64_t(silentMs));
  restartBy("watchdog", ESP_RST_TASK_WDT);
}
