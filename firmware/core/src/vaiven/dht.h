// DHT11 and DHT22 (AM2302): from the line's pulses to degrees and percent.
//
// Source: Aosong "DHT11" and "AM2302 / DHT22" product manuals, sections on the
// single-bus communication format. The sensor answers with 40 bits, most
// significant first: humidity (16), temperature (16), and the low byte of the
// sum of those four bytes.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace vaiven {

enum class DhtModel : uint8_t { kDht11, kDht22 };

// How long a sensor wants to be left alone between two conversions, in ms.
constexpr uint32_t kDht11Interval = 1000;
constexpr uint32_t kDht22Interval = 2000;

constexpr size_t kDhtBits = 40;
constexpr size_t kDhtBytes = kDhtBits / 8;

// DhtFailure says why there is no reading, for the line in the log that tells a
// loose wire from a bad sensor.
enum class DhtFailure : uint8_t {
  kNone,
  kPulse,     // a pulse that is neither a 0 nor a 1: wire, resistor, interrupted timing
  kChecksum,  // bits were lost or turned
  kRange,     // a checksum that holds by accident, such as 40 zeros of a line held low
};

struct DhtReading {
  float temperature = 0;  // degrees Celsius
  float humidity = 0;     // % relative humidity
  DhtFailure failure = DhtFailure::kNone;
  bool ok() const { return failure == DhtFailure::kNone; }
};

// decodeDht reads the five bytes.
DhtReading decodeDht(DhtModel model, const uint8_t (&bytes)[kDhtBytes]);

// decodeDhtPulses reads how long the line was high in each of the 40 bits, in us.
DhtReading decodeDhtPulses(DhtModel model, const uint16_t (&high)[kDhtBits]);

}  // namespace vaiven
