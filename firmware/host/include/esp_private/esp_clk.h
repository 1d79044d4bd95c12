// Stand-in for ESP-IDF's RTC timer: microseconds since power-on, through sleep.
#pragma once

#include <cstdint>

uint64_t esp_clk_rtc_time();
