#include <DHT.h>

#include "sensor.h"

namespace {
constexpr uint32_t minInterval = 2000;
}

DHT::DHT(uint8_t pin, uint8_t type, uint8_t count) : type_(type) { (void)pin, (void)count; }

void DHT::begin(uint8_t usec) {
  (void)usec;
  lastRead_ = millis() - minInterval;
}

bool DHT::read(bool force) {
  uint32_t now = millis();
  if (!force && uint32_t(now - lastRead_) < minInterval) return lastResult_;
  lastRead_ = now;
  delay(type_ == DHT11 ? 20 : 2);  // the start pulse
  delay(5);                        // forty bits
  host::Conversion c = host::convert(type_ != DHT11);
  std::copy(c.bytes, c.bytes + 5, data_);
  uint8_t sum = uint8_t(data_[0] + data_[1] + data_[2] + data_[3]);
  return lastResult_ = c.answered && data_[4] == sum;
}

float DHT::readTemperature(bool S, bool force) {
  if (!read(force)) return NAN;
  float t;
  if (type_ == DHT11) {
    t = float(data_[2]) + float(data_[3] & 0x0f) * 0.1f;
    if (data_[3] & 0x80) t = -t;
  } else {
    t = float((data_[2] & 0x7f) << 8 | data_[3]) * 0.1f;
    if (data_[2] & 0x80) t = -t;
  }
  return S ? convertCtoF(t) : t;
}

float DHT::readHumidity(bool force) {
  if (!read(force)) return NAN;
  if (type_ == DHT11) return float(data_[0]) + float(data_[1]) * 0.1f;
  return float(data_[0] << 8 | data_[1]) * 0.1f;
}
