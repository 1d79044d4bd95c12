// Stand-in for what a build of ESP-IDF was made for: the ESP32, unless the compiler
// is told -DCONFIG_IDF_TARGET_ESP32S3 or -DCONFIG_IDF_TARGET_ESP32C3.
#pragma once

#if !defined(CONFIG_IDF_TARGET_ESP32S3) && !defined(CONFIG_IDF_TARGET_ESP32C3)
#define CONFIG_IDF_TARGET_ESP32 1
#endif
