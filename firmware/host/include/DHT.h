// Stand-in for Adafruit's "DHT sensor library": blocks as long as a transfer
// takes, answers from its memory when asked again within two seconds, NAN after a
// failed conversion.
#pragma once

#include <Arduino.h>

static const uint8_t DHT11{11};
static const uint8_t DHT12{12};
static const uint8_t DHT21{21};
static const uint8_t DHT22{22};

class DHT {
 public:
  DHT(uint8_t pin, uint8_t type, uint8_t count = 6);
  void begin(uint8_t usec = 55);
  float readTemperature(bool S = false, bool force = false);
  float readHumidity(bool force = false);
  bool read(bool force = false);
  float convertCtoF(float c) { return c * 1.8f + 32; }
  float convertFtoC(float f) { return (f - 32) * 0.55555f; }

 private:
  uint8_t type_;
  uint8_t data_[5] = {0, 0, 0, 0, 0};
  uint32_t lastRead_ = 0;
  bool lastResult_ = false;
};
