// Stand-in for ESP-IDF's placement attributes. Variables in RTC memory live
// through deep sleep (RTC_DATA_ATTR) or through every reset but a loss of power
// (RTC_NOINIT_ATTR), as on the chip; the board's process starts itself anew, and
// carries them over.
#pragma once

#define IRAM_ATTR
#define DRAM_ATTR
#define RTC_DATA_ATTR __attribute__((section("rtc_data")))
#define RTC_NOINIT_ATTR __attribute__((section("rtc_noinit")))
#define RTC_SLOW_ATTR RTC_DATA_ATTR
