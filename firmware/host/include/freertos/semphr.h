// Stand-in for FreeRTOS mutexes.
#pragma once

#include <freertos/FreeRTOS.h>

typedef std::recursive_timed_mutex* SemaphoreHandle_t;

inline SemaphoreHandle_t xSemaphoreCreateMutex() { return new std::recursive_timed_mutex; }
inline void vSemaphoreDelete(SemaphoreHandle_t mutex) { delete mutex; }
BaseType_t xSemaphoreTake(SemaphoreHandle_t mutex, TickType_t ticks);
inline BaseType_t xSemaphoreGive(SemaphoreHandle_t mutex) { mutex->unlock(); return pdTRUE; }
