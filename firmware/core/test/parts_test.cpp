// The parts that stand alone: time, waits, checksum, configuration.
#include <string.h>

#include "check.h"
#include "vaiven/backoff.h"
#include "vaiven/config.h"
#include "vaiven/crc32.h"
#include "vaiven/limits.h"
#include "vaiven/liveness.h"
#include "vaiven/uptime.h"

using namespace vaiven;

TEST(up_goes_on_through_the_rollover) {
  Uptime clock;
  clock.start(UINT32_MAX - 999, 0);
  clock.advance(500);
  CHECK_EQ(clock.up(), 1500);
  for (uint32_t day = 1; day <= 200; day++) clock.advance(500 + day * 86400000u);
  CHECK_EQ(clock.up(), 1500 + 200ull * 86400000);
}

TEST(a_clock_read_a_moment_ago_changes_nothing) {
  Uptime clock;
  clock.start(100, 0);
  clock.advance(5000);
  clock.advance(4990);
  CHECK_EQ(clock.up(), 4900);
  clock.advance(5001);
  CHECK_EQ(clock.up(), 4901);
}

TEST(ages_are_right_across_the_rollover) {
  Uptime clock;
  clock.start(UINT32_MAX - 4999, 0);
  const uint32_t taken = clock.stamp(UINT32_MAX - 999);
  clock.advance(1000);
  CHECK_EQ(clock.age(taken), 2000);
  CHECK_EQ(clock.age(clock.stamp(1007)), 0);  // by the other task, a little later
  for (uint32_t day = 1; day <= 45; day++) clock.advance(1000 + day * 86400000u);
  CHECK_EQ(clock.age(taken), 45u * 86400000 + 2000);
}

namespace {

struct Fixed final : Random {
  uint32_t value;
  explicit Fixed(uint32_t v) : value(v) {}
  uint32_t next() override { return value; }
};

}  // namespace

TEST(waits_double_up_to_the_longest) {
  Fixed high(UINT32_MAX), low(0), half(0x80000000u);
  Backoff longest(high), shortest(low), middle(half);
  const uint32_t want[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
  for (uint32_t w : want) {
    CHECK_EQ(longest.next(), w - 1);
    CHECK_EQ(shortest.next(), 0);
    CHECK_EQ(middle.next(), w / 2);
  }
  middle.reset();
  CHECK_EQ(middle.next(), 500);
  middle.longest();
  CHECK_EQ(middle.next(), 30000);
}

TEST(silence_is_asked_about_once_and_then_ends) {
  Liveness life;
  life.heard(1000);
  CHECK(!life.asks(30999));
  CHECK(life.asks(31000));
  CHECK(!life.asks(40000) && !life.dead(60999) && life.dead(61000));
  life.heard(41000);
  CHECK(!life.asks(70999) && life.asks(71000));
}

TEST(crc_is_that_of_ieee) {
  CHECK_EQ(crc32(0, "123456789", 9), 0xcbf43926u);
  CHECK_EQ(crc32(crc32(0, "1234", 4), "56789", 5), 0xcbf43926u);
  CHECK_EQ(crc32(0, "", 0), 0);
}

TEST(ids_are_written_as_the_server_does) {
  char id[kMaxDevice + 1];
  const char* cases[][2] = {{"7", "007"}, {"07", "007"}, {"101", "101"}, {"1234", "1234"}, {"a.b-c", "a.b-c"}, {"1a", "1a"}};
  for (auto& c : cases) {
    canonicalDevice(c[0], strlen(c[0]), id);
    CHECK_TEXT(id, c[1]);
  }
}

TEST(wrong_configurations_say_what_is_wrong) {
  const Sensor sensors[] = {{"TEMP", 1}, {"HUM", 1}};
  const Sensor twice[] = {{"TEMP", 1}, {"LED", 1}};
  const Sensor reserved[] = {{"SEQ", 1}, {"HUM", 1}};
  const Sensor small[] = {{"Temp", 1}, {"HUM", 1}};
  const Sensor longName[] = {{"A2345678901234567", 1}, {"HUM", 1}};
  const State states[] = {{"LED", 0}};
  Config good;
  good.device = "101";
  good.sensors = sensors;
  good.sensorCount = 2;
  good.states = states;
  good.stateCount = 1;
  CHECK(problem(good, 2) == nullptr);
  CHECK(problem(good, 3) != nullptr);
  const char* devices[] = {"", "-a", "a-", "a..b", "a b", "\xc3\xa1", nullptr};
  for (const char* device : devices) {
    Config bad = good;
    bad.device = device;
    CHECK(problem(bad, 2) != nullptr);
  }
  const Sensor* tables[] = {twice, reserved, small, longName};
  for (const Sensor* wrong : tables) {
    Config bad = good;
    bad.sensors = wrong;
    CHECK(problem(bad, 2) != nullptr);
  }
  Config bad = good;
  bad.firmware = "a\"b";
  CHECK(problem(bad, 2) != nullptr);
  bad.firmware = "1.0.0";
  CHECK(problem(bad, 2) == nullptr);
  CHECK(fingerprint(bad) == fingerprint(good));
  bad.sensors = small;
  CHECK(fingerprint(bad) != fingerprint(good));
}
