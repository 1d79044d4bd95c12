#include "dht.h"

namespace vaiven {

namespace {

// Both manuals: 26 to 28 us high is a 0, 70 us a 1. Clones and a resistor that is
// too weak shift that, so the border is half way, and what no sensor sends is a
// failure and not a bit.
constexpr uint16_t kBorder = 49;
constexpr uint16_t kShortest = 10;
constexpr uint16_t kLongest = 110;

// What the sensors can measure, with room for their tolerance. A DHT11 of the
// later kind goes below zero (Aosong DHT11 manual of 2017: -20 to 60 degrees).
struct Span {
  float coldest, hottest, driest, dampest;
};
constexpr Span kSpan11 = {-20, 60, 1, 100};
constexpr Span kSpan22 = {-40, 125, 0, 100};

// DHT11: whole part and tenths, each in a byte; bit 7 of the tenths is the sign.
DhtReading decode11(const uint8_t (&b)[kDhtBytes]) {
  DhtReading reading;
  reading.humidity = static_cast<float>(b[0] * 10 + b[1]) / 10;
  reading.temperature = static_cast<float>(b[2] * 10 + (b[3] & 0x7f)) / 10;
  if (b[3] & 0x80) reading.temperature = -reading.temperature;
  return reading;
}

// DHT22: tenths in 16 bits; bit 15 of the temperature is the sign.
DhtReading decode22(const uint8_t (&b)[kDhtBytes]) {
  DhtReading reading;
  reading.humidity = static_cast<float>(b[0] << 8 | b[1]) / 10;
  reading.temperature = static_cast<float>((b[2] & 0x7f) << 8 | b[3]) / 10;
  if (b[2] & 0x80) reading.temperature = -reading.temperature;
  return reading;
}

bool within(const DhtReading& reading, const Span& span) {
  return reading.temperature >= span.coldest && reading.temperature <= span.hottest &&
         reading.humidity >= span.driest && reading.humidity <= span.dampest;
}

bool allZero(const uint8_t (&b)[kDhtBytes]) {
  return (b[0] | b[1] | b[2] | b[3] | b[4]) == 0;
}

DhtReading failure(DhtFailure why) {
  DhtReading reading;
  reading.failure = why;
  return reading;
}

}  // namespace

DhtReading decodeDht(DhtModel model, const uint8_t (&b)[kDhtBytes]) {
  if (static_cast<uint8_t>(b[0] + b[1] + b[2] + b[3]) != b[4]) return failure(DhtFailure::kChecksum);
  const bool is11 = model == DhtModel::kDht11;
  const DhtReading reading = is11 ? decode11(b) : decode22(b);
  const bool tenths = !is11 || (b[1] <= 9 && (b[3] & 0x7f) <= 9);
  if (allZero(b) || !tenths || !within(reading, is11 ? kSpan11 : kSpan22)) return failure(DhtFailure::kRange);
  return reading;
}

DhtReading decodeDhtPulses(DhtModel model, const uint16_t (&high)[kDhtBits]) {
  uint8_t bytes[kDhtBytes] = {};
  for (size_t i = 0; i < kDhtBits; i++) {
    if (high[i] < kShortest || high[i] > kLongest) return failure(DhtFailure::kPulse);
    bytes[i / 8] = static_cast<uint8_t>(bytes[i / 8] << 1 | (high[i] > kBorder));
  }
  return decodeDht(model, bytes);
}

}  // namespace vaiven
