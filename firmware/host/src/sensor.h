// The simulated DHT11: a room whose temperature and humidity follow a curve that
// BOARD_SEED determines, and a sensor that fails as often as it is told. Safe
// from every thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace host {

// Conversion is one answer of the sensor: five bytes, the last their checksum.
struct Conversion {
  bool answered;
  uint8_t bytes[5];
};

// convert takes a reading now and reports it as the event "sensor". A failed one
// is silent, or has a wrong bit. dht22 gives that sensor's form.
Conversion convert(bool dht22);

// Edge is a change of level on the sensor's line, so many us after the start
// pulse.
struct Edge {
  int64_t us;
  bool level;
};

// dhtEdges converts, and gives the answer as the datasheet's edges. A start
// pulse of 18 ms or more is a DHT11's, a shorter one a DHT22's unless BOARD_DHT
// says which is there.
std::vector<Edge> dhtEdges(uint64_t startPulseUs);

// setSensor takes "ok", "unplugged" or "fail P", P the fraction of conversions
// that fail. False when it is none of them.
bool setSensor(std::string_view words);


// conversionRead notes that the sketch has read the last conversion to its end.
void conversionRead();

}  // namespace host
