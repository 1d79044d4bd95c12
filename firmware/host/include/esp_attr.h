// Stand-in for ESP-IDF's placement attributes. Variables in RTC memory live
// through deep sleep (RTC_DATA_ATTR) or through every reset but a loss of power
// (RTC_NOINIT_ATTR); those of __NOINIT_ATTR through every reset but a loss of power
// and deep sleep, as on the chip. The board's process starts itself anew, and
// carries them over; where the chip leaves whatever was there, it puts garbage.
//
// For Xtensa (link-xtensa) they are the sections themselves.
#pragma once

#ifdef __XTENSA__
#define VAIVEN_SECTION_NAME(kind, n) kind "." #n
#define VAIVEN_SECTION(kind, n) __attribute__((section(VAIVEN_SECTION_NAME(kind, n))))
#define IRAM_ATTR VAIVEN_SECTION(".iram1", __COUNTER__)
#define RTC_DATA_ATTR VAIVEN_SECTION(".rtc.data", __COUNTER__)
#define RTC_NOINIT_ATTR VAIVEN_SECTION(".rtc_noinit", __COUNTER__)
#define __NOINIT_ATTR VAIVEN_SECTION(".noinit", __COUNTER__)
#else
#define IRAM_ATTR
#define RTC_DATA_ATTR __attribute__((section("rtc_data")))
#define RTC_NOINIT_ATTR __attribute__((section("rtc_noinit")))
#define __NOINIT_ATTR __attribute__((section("noinit")))
#endif
#define DRAM_ATTR
#define RTC_SLOW_ATTR RTC_DATA_ATTR
