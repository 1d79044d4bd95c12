#include "gpio.h"

#include <Arduino.h>

#include <array>
#include <mutex>
#include <vector>

#include "clock.h"
#include "report.h"
#include "sensor.h"

namespace {

struct Pin {
  uint8_t mode = INPUT;
  uint8_t out = LOW;
  bool written = false;
  bool outside = true;  // what the world puts on it: a pull-up's level at rest
  uint64_t lowSince = 0;
  void (*handler)(void*) = nullptr;
  void* argument = nullptr;
  int edges = 0;  // RISING, FALLING, CHANGE
};

std::recursive_mutex pinMutex;
std::array<Pin, 64> pins;
int sensorPin = -1;                // where a DHT was asked last
int transferPin = -1;              // a DHT on this pin has been asked
std::vector<host::Edge> transfer;  // and answers with these
thread_local int64_t atEdge = -1;  // micros() inside an interrupt of a transfer

Pin* find(uint8_t pin) { return pin < pins.size() ? &pins[pin] : nullptr; }

void interrupt(Pin& p, bool level) {
  if (p.handler && (p.edges & (level ? RISING : FALLING))) p.handler(p.argument);
}

void callPlain(void* f) { reinterpret_cast<void (*)()>(f)(); }

// asked is the end of a start pulse: the line was held low, and is let go.
void asked(uint8_t pin, Pin& p) {
  uint64_t low = host::sinceBootUs() - p.lowSince;
  if (low < 500) return;
  transferPin = sensorPin = pin;
  transfer = host::dhtEdges(low);
}

}  // namespace

void host::drivePin(uint8_t pin, bool level) {
  std::lock_guard lock(pinMutex);
  Pin* p = find(pin);
  if (!p || p->outside == level) return;
  p->outside = level;
  interrupt(*p, level);
}

bool host::pinLevel(uint8_t pin) { return digitalRead(pin) == HIGH; }

void host::deliverEdges() {
  std::lock_guard lock(pinMutex);
  if (transferPin < 0) return;
  Pin& p = pins[size_t(transferPin)];
  if (!p.handler) return;  // it waits for whoever attaches one
  transferPin = -1;
  int64_t begin = int64_t(sinceBootUs());
  for (const Edge& e : transfer) {
    atEdge = begin + e.us;
    p.outside = e.level;
    interrupt(p, e.level);
  }
  atEdge = -1;
  p.outside = true;
}

uint32_t micros() { return uint32_t(atEdge >= 0 ? uint64_t(atEdge) : host::sinceBootUs()); }

int64_t esp_timer_get_time() { return atEdge >= 0 ? atEdge : int64_t(host::sinceBootUs()); }

void pinMode(uint8_t pin, uint8_t mode) {
  std::lock_guard lock(pinMutex);
  Pin* p = find(pin);
  if (!p) return;
  bool wasLow = (p->mode & 0x02) && p->out == LOW && p->lowSince;
  if (wasLow && !(mode & 0x02)) asked(pin, *p);
  if ((mode & 0x02) && !(p->mode & 0x02) && p->out == LOW) p->lowSince = host::sinceBootUs();
  p->mode = mode;
}

void digitalWrite(uint8_t pin, uint8_t level) {
  std::lock_guard lock(pinMutex);
  Pin* p = find(pin);
  if (!p) return;
  bool changed = !p->written || p->out != (level != LOW);
  bool wasLow = p->written && p->out == LOW && (p->mode & OPEN_DRAIN);
  p->out = level != LOW;
  p->written = true;
  if (!changed) return;
  if (p->out == LOW) p->lowSince = host::sinceBootUs();
  if (p->mode & OPEN_DRAIN) {  // a bus, not an indicator: nobody watches its edges
    if (wasLow && p->out) asked(pin, *p);
    return;
  }
  host::Event("pin").number("pin", pin).number("level", p->out);
}

int digitalRead(uint8_t pin) {
  std::lock_guard lock(pinMutex);
  Pin* p = find(pin);
  if (!p) return LOW;
  if (p->mode == OUTPUT) return p->out;
  return (p->mode & OPEN_DRAIN) && p->written && p->out == LOW ? LOW : p->outside;
}

void attachInterruptArg(uint8_t pin, void (*handler)(void*), void* argument, int mode) {
  std::lock_guard lock(pinMutex);
  Pin* p = find(pin);
  if (!p) return;
  p->handler = handler;
  p->argument = argument;
  p->edges = mode;
}

void attachInterrupt(uint8_t pin, void (*handler)(), int mode) {
  attachInterruptArg(pin, callPlain, reinterpret_cast<void*>(handler), mode);
}

void detachInterrupt(uint8_t pin) {
  std::lock_guard lock(pinMutex);
  Pin* p = find(pin);
  if (!p) return;
  p->handler = nullptr;
  if (int(pin) == sensorPin) host::conversionRead();
}
