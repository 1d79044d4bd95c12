// Stand-in for FreeRTOS tasks: each is a thread, which ends with vTaskDelete(NULL).
#pragma once

#include <freertos/FreeRTOS.h>

namespace host {
struct Task;
}
typedef host::Task* TaskHandle_t;
typedef void (*TaskFunction_t)(void*);

BaseType_t xTaskCreate(TaskFunction_t run, const char* name, uint32_t stack, void* argument, UBaseType_t priority,
                       TaskHandle_t* handle);
BaseType_t xTaskCreatePinnedToCore(TaskFunction_t run, const char* name, uint32_t stack, void* argument,
                                   UBaseType_t priority, TaskHandle_t* handle, BaseType_t core);
void vTaskDelete(TaskHandle_t task);
void vTaskDelay(TickType_t ticks);
BaseType_t xTaskDelayUntil(TickType_t* previous, TickType_t ticks);
void vTaskDelayUntil(TickType_t* previous, TickType_t ticks);
TickType_t xTaskGetTickCount();
TaskHandle_t xTaskGetCurrentTaskHandle();
UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task);

// Macros there too, the second with a semicolon of its own.
BaseType_t xTaskGenericNotify(TaskHandle_t task);
void vTaskGenericNotifyGiveFromISR(TaskHandle_t task, BaseType_t* woken);
#define xTaskNotifyGive(task) xTaskGenericNotify(task)
#define vTaskNotifyGiveFromISR(task, woken) vTaskGenericNotifyGiveFromISR((task), (woken));
uint32_t ulTaskNotifyTake(BaseType_t clear, TickType_t ticks);
