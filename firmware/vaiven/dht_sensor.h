// What is measured, and a DHT11 or DHT22 read by its edges.
#pragma once

#include <Arduino.h>
#include <vaiven/dht.h>

// Sensor measures once. One that is slow blocks its own task alone.
class Sensor {
 public:
  virtual void begin() = 0;
  // read fills one value for each measurement of the table. False when the
  // conversion gave nothing; why() then says why.
  virtual bool read(float* values) = 0;
  virtual vaiven::DhtFailure why() const = 0;
  // ago is how many ms ago the values of the last read were measured.
  virtual uint32_t ago() const = 0;

 protected:
  ~Sensor() = default;
};

// DhtSensor holds the line low, lets it go, and notes in an interrupt how long
// each of the sensor's pulses is high. Interrupts stay on: a transfer that was
// disturbed fails its checksum, and the next one comes soon enough.
class DhtSensor final : public Sensor {
 public:
  DhtSensor(uint8_t pin, vaiven::DhtModel model) : pin_(pin), model_(model) {}

  void begin() override {
    pinMode(pin_, OUTPUT_OPEN_DRAIN | PULLUP);
    digitalWrite(pin_, HIGH);
  }

  bool read(float* values) override {
    count_ = 0;
    high_ = false;
    digitalWrite(pin_, LOW);
    vTaskDelay(pdMS_TO_TICKS(model_ == vaiven::DhtModel::kDht11 ? kStart11 : kStart22));
    attachInterruptArg(pin_, onEdge, this, CHANGE);
    digitalWrite(pin_, HIGH);
    vTaskDelay(pdMS_TO_TICKS(kTransfer));
    detachInterrupt(pin_);
    return decode(values);
  }

  vaiven::DhtFailure why() const override { return why_; }
  // The last bit has just risen when everything else is known.
  uint32_t ago() const override { return (micros() - rose_) / 1000; }

 private:
  // DHT11: at least 18 ms low; DHT22: 1 to 10 ms. Both answer in less than 6 ms.
  static constexpr uint32_t kStart11 = 20;
  static constexpr uint32_t kStart22 = 2;
  static constexpr uint32_t kTransfer = 10;
  // High pulses: our own letting go (which an interrupt may see or not), the
  // sensor's answer, 40 bits.
  static constexpr uint32_t kPulses = 2 + vaiven::kDhtBits;

  // Not in IRAM, as the core's own handler is not: while the flash is written both
  // wait. (On Xtensa a function in a class body with IRAM_ATTR does not even link.)
  static void onEdge(void* self) { static_cast<DhtSensor*>(self)->edge(); }

  void edge() {
    const uint32_t now = micros();
    if (digitalRead(pin_) == HIGH) {
      rose_ = now;
      high_ = true;
    } else if (high_) {
      if (count_ < kPulses) pulses_[count_] = static_cast<uint16_t>(std::min<uint32_t>(now - rose_, UINT16_MAX));
      count_ = count_ + 1;
      high_ = false;
    }
  }

  bool decode(float* values) {
    const uint32_t count = count_;
    why_ = vaiven::DhtFailure::kPulse;
    if (count <= vaiven::kDhtBits || count > kPulses) return false;
    uint16_t bits[vaiven::kDhtBits];
    for (size_t i = 0; i < vaiven::kDhtBits; i++) bits[i] = pulses_[count - vaiven::kDhtBits + i];
    const vaiven::DhtReading reading = vaiven::decodeDhtPulses(model_, bits);
    why_ = reading.failure;
    values[0] = reading.temperature;
    values[1] = reading.humidity;
    return reading.ok();
  }

  const uint8_t pin_;
  const vaiven::DhtModel model_;
  vaiven::DhtFailure why_ = vaiven::DhtFailure::kNone;
  volatile uint32_t count_ = 0;
  volatile uint32_t rose_ = 0;
  volatile bool high_ = false;
  volatile uint16_t pulses_[kPulses] = {};
};
