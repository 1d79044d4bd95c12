// Stand-in for the Arduino core of the ESP32 (version 3), as far as the sketches
// use it. Names, argument types and values are the core's.
//
// One difference cannot be mended: on the ESP32 `unsigned long` has 32 bits, on
// a 64-bit host 64. millis() and micros() have 32 on both; a sketch that keeps
// them in uint32_t meets the rollover on the host as on the board.
//
// LED_BUILTIN is not here: "ESP32 Dev Module" has none.
#pragma once

#include <HardwareSerial.h>
#include <IPAddress.h>
#include <Print.h>
#include <WString.h>
#include <esp_attr.h>
#include <esp_random.h>
#include <esp_system.h>
#include <esp_timer.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>
#include <sdkconfig.h>
#include <sys/time.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>

#define ARDUINO 10812
#define ARDUINO_ARCH_ESP32 1
#define ESP_ARDUINO_VERSION_MAJOR 3
// What code for the host alone may ask; the sketches do not.
#define VAIVEN_HOST 1

#define LOW 0x0
#define HIGH 0x1
#define INPUT 0x01
#define OUTPUT 0x03
#define PULLUP 0x04
#define INPUT_PULLUP 0x05
#define PULLDOWN 0x08
#define INPUT_PULLDOWN 0x09
#define OPEN_DRAIN 0x10
#define OUTPUT_OPEN_DRAIN 0x13
#define RISING 0x01
#define FALLING 0x02
#define CHANGE 0x03

#define F(text) (text)
#define PROGMEM
#define bit(b) (1UL << (b))
#define constrain(v, low, high) ((v) < (low) ? (low) : ((v) > (high) ? (high) : (v)))

using boolean = bool;
using byte = uint8_t;
using std::isinf;
using std::isnan;
using std::max;
using std::min;

uint32_t millis();
uint32_t micros();
void delay(uint32_t ms);
void delayMicroseconds(uint32_t us);
void yield();

void pinMode(uint8_t pin, uint8_t mode);
void digitalWrite(uint8_t pin, uint8_t level);
int digitalRead(uint8_t pin);
void attachInterrupt(uint8_t pin, void (*handler)(), int mode);
void attachInterruptArg(uint8_t pin, void (*handler)(void*), void* argument, int mode);
void detachInterrupt(uint8_t pin);
inline uint8_t digitalPinToInterrupt(uint8_t pin) { return pin; }
inline void noInterrupts() {}
inline void interrupts() {}

// random() is the hardware's generator until randomSeed() turns it into a
// sequence that the seed determines.
long random(long high);
long random(long low, long high);
void randomSeed(unsigned long seed);
long map(long v, long fromLow, long fromHigh, long toLow, long toHigh);

// The chip.
class EspClass {
 public:
  [[noreturn]] void restart();
  [[noreturn]] void deepSleep(uint64_t us);
  uint32_t getFreeHeap() { return 250000; }  // a host has no such limit
  uint32_t getMinFreeHeap() { return 240000; }
  uint32_t getMaxAllocHeap() { return 110000; }
  uint64_t getEfuseMac();
  const char* getChipModel() { return "host"; }
};
extern EspClass ESP;

// gettimeofday() is the RTC's clock: it runs at the board's speed, and through
// deep sleep. It begins at 1970, since nobody set it.
namespace host {
int timeOfDay(timeval* now, void* zone);
}
#define gettimeofday host::timeOfDay

// The sketch.
void setup();
void loop();
