#include <Arduino.h>
#include <freertos/semphr.h>

#include <chrono>
#include <condition_variable>
#include <pthread.h>
#include <unistd.h>
#include <system_error>
#include <thread>

#include "clock.h"
#include "gpio.h"
#include "power.h"

// Task is one FreeRTOS task. It is never freed: a handle may be used after its
// task has ended, and a board makes a handful of them.
struct host::Task {
  std::mutex mutex;
  std::condition_variable given;
  uint32_t notifications = 0;
};

namespace {

thread_local host::Task* current = nullptr;

// stand holds a task up for good while the board sleeps: the process begins anew
// when it wakes.
void stand() {
  if (!host::asleep()) return;
  host::Pause rest(host::Pause::forever);
  while (host::asleep()) pause();
}

// inTime tries with what is left of a pause until it succeeds, or the pause is over.
template <typename Try>
bool inTime(TickType_t ticks, Try tryFor) {
  if (ticks == portMAX_DELAY) {
    host::Pause pause(host::Pause::forever);
    while (!tryFor(std::chrono::hours(1))) {
    }
    return true;
  }
  host::Pause pause(uint64_t(ticks) * 1000);
  do {
    if (tryFor(std::chrono::microseconds(int64_t(pause.leftRealMs() * 1000)))) return true;
  } while (!pause.over());
  return false;
}

}  // namespace

BaseType_t xTaskCreatePinnedToCore(TaskFunction_t run, const char*, uint32_t, void* argument, UBaseType_t,
                                   TaskHandle_t* handle, BaseType_t) {
  auto* task = new host::Task;
  if (handle) *handle = task;
  try {
    std::thread([run, argument, task] {
      current = task;
      host::joinTask();
      run(argument);
    }).detach();
  } catch (const std::system_error&) {
    delete task;
    return pdFAIL;
  }
  return pdPASS;
}

BaseType_t xTaskCreate(TaskFunction_t run, const char* name, uint32_t stack, void* argument, UBaseType_t priority,
                       TaskHandle_t* handle) {
  return xTaskCreatePinnedToCore(run, name, stack, argument, priority, handle, tskNO_AFFINITY);
}

void vTaskDelete(TaskHandle_t task) {
  if (task == nullptr || task == current) pthread_exit(nullptr);
}

void vTaskDelay(TickType_t ticks) { delay(ticks); }

BaseType_t xTaskDelayUntil(TickType_t* previous, TickType_t ticks) {
  *previous += ticks;
  int32_t left = int32_t(*previous - xTaskGetTickCount());
  if (left <= 0) return pdFALSE;
  delay(uint32_t(left));
  return pdTRUE;
}

void vTaskDelayUntil(TickType_t* previous, TickType_t ticks) { xTaskDelayUntil(previous, ticks); }

TickType_t xTaskGetTickCount() { return TickType_t(host::sinceBootUs() / 1000); }

TaskHandle_t xTaskGetCurrentTaskHandle() {
  if (!current) current = new host::Task;  // the sketch's own loop
  return current;
}

UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t) { return 4096; }

BaseType_t xTaskGenericNotify(TaskHandle_t task) {
  std::lock_guard lock(task->mutex);
  task->notifications++;
  task->given.notify_one();
  return pdPASS;
}

void vTaskGenericNotifyGiveFromISR(TaskHandle_t task, BaseType_t* woken) {
  xTaskNotifyGive(task);
  if (woken) *woken = pdTRUE;
}

uint32_t ulTaskNotifyTake(BaseType_t clear, TickType_t ticks) {
  host::deliverEdges();
  host::Task* task = xTaskGetCurrentTaskHandle();
  std::unique_lock lock(task->mutex);
  auto ready = [task] { return task->notifications > 0; };
  if (!inTime(ticks, [&](auto left) { return task->given.wait_for(lock, left, ready); })) {
    lock.unlock();
    stand();
    return 0;
  }
  lock.unlock();
  stand();
  lock.lock();
  uint32_t had = task->notifications;
  task->notifications = clear ? 0 : had - 1;
  return had;
}

BaseType_t xSemaphoreTake(SemaphoreHandle_t mutex, TickType_t ticks) {
  return inTime(ticks, [mutex](auto left) { return mutex->try_lock_for(left); }) ? pdTRUE : pdFALSE;
}

uint32_t millis() { return uint32_t(host::sinceBootUs() / 1000); }

void delay(uint32_t ms) {
  host::deliverEdges();
  host::sleepUs(uint64_t(ms) * 1000);
  stand();
}

void delayMicroseconds(uint32_t us) { host::sleepUs(us); }

void yield() { host::deliverEdges(); }
