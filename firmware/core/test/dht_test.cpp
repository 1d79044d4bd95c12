#include "check.h"
#include "vaiven/dht.h"

using namespace vaiven;

namespace {

// pulses writes five bytes as a sensor does, with its usual 27 and 70 us.
void pulses(const uint8_t (&bytes)[kDhtBytes], uint16_t (&high)[kDhtBits]) {
  for (size_t i = 0; i < kDhtBits; i++) high[i] = bytes[i / 8] >> (7 - i % 8) & 1 ? 70 : 27;
}

void expect(DhtModel model, const uint8_t (&bytes)[kDhtBytes], int tenthsT, int tenthsH) {
  const DhtReading direct = decodeDht(model, bytes);
  CHECK(direct.ok());
  CHECK_EQ(direct.temperature * 10 + (direct.temperature < 0 ? -0.5f : 0.5f), tenthsT);
  CHECK_EQ(direct.humidity * 10 + 0.5f, tenthsH);
  uint16_t high[kDhtBits];
  pulses(bytes, high);
  const DhtReading timed = decodeDhtPulses(model, high);
  CHECK(timed.ok() && timed.temperature == direct.temperature && timed.humidity == direct.humidity);
}

}  // namespace

TEST(dht11_as_in_its_manual) {
  expect(DhtModel::kDht11, {0x35, 0x00, 0x18, 0x04, 0x51}, 244, 530);
  expect(DhtModel::kDht11, {61, 0, 24, 5, 90}, 245, 610);
  expect(DhtModel::kDht11, {0x35, 0x00, 0x0a, 0x81, 0xc0}, -101, 530);
}

TEST(dht22_as_in_its_manual) {
  expect(DhtModel::kDht22, {0x02, 0x8c, 0x01, 0x5f, 0xee}, 351, 652);
  expect(DhtModel::kDht22, {0x02, 0x8c, 0x80, 0x65, 0x73}, -101, 652);
}

TEST(dht_failures_are_told_apart) {
  CHECK(decodeDht(DhtModel::kDht11, {61, 0, 24, 5, 91}).failure == DhtFailure::kChecksum);
  CHECK(decodeDht(DhtModel::kDht11, {0, 0, 0, 0, 0}).failure == DhtFailure::kRange);
  CHECK(decodeDht(DhtModel::kDht22, {0, 0, 0, 0, 0}).failure == DhtFailure::kRange);
  CHECK(decodeDht(DhtModel::kDht11, {255, 255, 255, 255, 252}).failure == DhtFailure::kRange);
  CHECK(decodeDht(DhtModel::kDht11, {61, 10, 24, 0, 95}).failure == DhtFailure::kRange);
  CHECK(decodeDht(DhtModel::kDht22, {0x03, 0xe9, 0, 0, 0xec}).failure == DhtFailure::kRange);
  uint16_t high[kDhtBits];
  pulses({61, 0, 24, 5, 90}, high);
  high[17] = 3;
  CHECK(decodeDhtPulses(DhtModel::kDht11, high).failure == DhtFailure::kPulse);
  high[17] = 400;
  CHECK(decodeDhtPulses(DhtModel::kDht11, high).failure == DhtFailure::kPulse);
}

TEST(dht_every_single_wrong_bit_is_found) {
  for (size_t bit = 0; bit < kDhtBits; bit++) {
    uint16_t high[kDhtBits];
    pulses({61, 0, 24, 5, 90}, high);
    high[bit] = high[bit] == 70 ? 27 : 70;
    CHECK(!decodeDhtPulses(DhtModel::kDht11, high).ok());
  }
}
