#include "sensor.h"

#include <cmath>
#include <cstdlib>
#include <mutex>
#include <random>
#include <string>

#include "clock.h"
#include "options.h"
#include "report.h"

namespace host {
namespace {

std::mutex sensorMutex;
bool plugged = true;
int64_t readMs = 0;  // when the last conversion was read to its end
double failing = -1;  // not yet read from BOARD_SENSOR_FAIL

std::mt19937& dice() {
  static std::mt19937 generator(uint32_t(optionReal("BOARD_SEED", 1)) * 2654435761u);
  return generator;
}

bool fails() {
  if (failing < 0) failing = optionReal("BOARD_SENSOR_FAIL", 0);
  return std::uniform_real_distribution<>(0, 1)(dice()) < failing;
}

// Slow waves, whose phase is the seed's: an hour for the temperature, forty
// minutes for the humidity, tenths and whole percents as a DHT11 has them.
int tenthsOfDegree() {
  double t = double(sincePowerOnUs()) / 1e6, seed = optionReal("BOARD_SEED", 1);
  return int(std::lround(10 * (23 + 4 * std::sin(t * 2 * M_PI / 3600 + seed) + 0.4 * std::sin(t / 7))));
}

int percent() {
  double t = double(sincePowerOnUs()) / 1e6, seed = optionReal("BOARD_SEED", 1);
  return int(std::lround(60 + 12 * std::sin(t * 2 * M_PI / 2400 + 2 * seed) + std::sin(t / 11)));
}

void fill(Conversion& c, bool dht22, int temp, int hum) {
  uint8_t* b = c.bytes;
  if (dht22) {
    b[0] = uint8_t(hum * 10 >> 8), b[1] = uint8_t(hum * 10);
    b[2] = uint8_t(std::abs(temp) >> 8 | (temp < 0 ? 0x80 : 0)), b[3] = uint8_t(std::abs(temp));
  } else {
    b[0] = uint8_t(hum), b[1] = 0;
    b[2] = uint8_t(std::abs(temp) / 10), b[3] = uint8_t(std::abs(temp) % 10 | (temp < 0 ? 0x80 : 0));
  }
  b[4] = uint8_t(b[0] + b[1] + b[2] + b[3]);
}

}  // namespace

Conversion convert(bool dht22) {
  std::lock_guard lock(sensorMutex);
  Conversion c{plugged, {}};
  int temp = tenthsOfDegree(), hum = percent();
  fill(c, dht22, temp, hum);
  bool ok = plugged && !fails();
  if (plugged && !ok) {
    if (dice()() % 2) c.answered = false;
    c.bytes[dice()() % 5] ^= uint8_t(1 << dice()() % 8);
  }
  Event("sensor").flag("ok", ok).real("temp", temp / 10.0).number("hum", hum).number("before", readMs).number("waited", waitedMs());
  return c;
}

std::vector<Edge> dhtEdges(uint64_t startPulseUs) {
  std::string type = optionText("BOARD_DHT", startPulseUs >= 10000 ? "11" : "22");
  Conversion c = convert(type == "22");
  std::vector<Edge> edges;
  if (!c.answered) return edges;
  int64_t at = 30;  // the line has gone up; the sensor answers 20 to 40 us later
  edges.push_back({at, false});
  edges.push_back({at += 80, true});
  edges.push_back({at += 80, false});
  for (uint8_t byte : c.bytes) {
    for (int bit = 7; bit >= 0; bit--) {
      edges.push_back({at += 50, true});
      edges.push_back({at += byte >> bit & 1 ? 70 : 26, false});
    }
  }
  edges.push_back({at + 50, true});
  return edges;
}

void conversionRead() {
  std::lock_guard lock(sensorMutex);
  readMs = int64_t(sincePowerOnUs() / 1000);
}

bool setSensor(std::string_view words) {
  std::lock_guard lock(sensorMutex);
  if (words == "ok") {
    plugged = true, failing = 0;
  } else if (words == "unplugged") {
    plugged = false;
  } else if (words.substr(0, 5) == "fail ") {
    plugged = true, failing = strtod(std::string(words.substr(5)).c_str(), nullptr);
  } else {
    return false;
  }
  return true;
}

}  // namespace host
