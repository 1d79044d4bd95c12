// Stand-in for ESP-IDF's capabilities of a chip, as far as the sketches ask; what a
// chip has not is not defined. ../../idf.txt has where they come from.
#pragma once

#include <sdkconfig.h>

#define SOC_RTC_MEM_SUPPORTED 1
#ifdef CONFIG_IDF_TARGET_ESP32
#define SOC_CPU_CORES_NUM 2
#define SOC_GPIO_PIN_COUNT 40
#define SOC_RTCIO_PIN_COUNT 18
#define SOC_RTCIO_INPUT_OUTPUT_SUPPORTED 1
#define SOC_PM_SUPPORT_EXT0_WAKEUP 1
#endif
#ifdef CONFIG_IDF_TARGET_ESP32S3
#define SOC_CPU_CORES_NUM 2
#define SOC_GPIO_PIN_COUNT 49
#define SOC_RTCIO_PIN_COUNT 22
#define SOC_RTCIO_INPUT_OUTPUT_SUPPORTED 1
#define SOC_PM_SUPPORT_EXT0_WAKEUP 1
#endif
#ifdef CONFIG_IDF_TARGET_ESP32C3
#define SOC_CPU_CORES_NUM 1
#define SOC_GPIO_PIN_COUNT 22
#define SOC_RTCIO_PIN_COUNT 0
#define SOC_GPIO_SUPPORT_DEEPSLEEP_WAKEUP 1
#endif
