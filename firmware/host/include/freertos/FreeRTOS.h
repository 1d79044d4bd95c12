// Stand-in for FreeRTOS as the ESP32 has it: a tick is a millisecond, a critical
// section keeps every other thread of the board out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>

typedef int BaseType_t;
typedef unsigned int UBaseType_t;
typedef uint32_t TickType_t;

#define pdFALSE 0
#define pdTRUE 1
#define pdFAIL 0
#define pdPASS 1
#define portMAX_DELAY 0xffffffffu
#define portTICK_PERIOD_MS 1
#define configTICK_RATE_HZ 1000
// In 32 bits, as there: it wraps above 4,294,967 ms.
#define pdMS_TO_TICKS(ms) ((TickType_t)(((TickType_t)(ms) * (TickType_t)configTICK_RATE_HZ) / (TickType_t)1000U))
#define tskNO_AFFINITY 0x7fffffff
#define ARDUINO_RUNNING_CORE 1

typedef std::recursive_mutex portMUX_TYPE;
#define portMUX_INITIALIZER_UNLOCKED {}
inline void portENTER_CRITICAL(portMUX_TYPE* mux) { mux->lock(); }
inline void portEXIT_CRITICAL(portMUX_TYPE* mux) { mux->unlock(); }
inline void portENTER_CRITICAL_ISR(portMUX_TYPE* mux) { mux->lock(); }
inline void portEXIT_CRITICAL_ISR(portMUX_TYPE* mux) { mux->unlock(); }
#define taskENTER_CRITICAL(mux) portENTER_CRITICAL(mux)
#define taskEXIT_CRITICAL(mux) portEXIT_CRITICAL(mux)
#define portYIELD_FROM_ISR(...) ((void)0)
