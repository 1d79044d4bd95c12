#include <string.h>

#include "check.h"
#include "vaiven/ring.h"

using namespace vaiven;

namespace {

// Turns checks that the guard is never taken twice, nor left taken.
struct Turns final : Guard {
  int held = 0;
  int taken = 0;
  void lock() override { held++, taken++; CHECK_EQ(held, 1); }
  void unlock() override { held--; }
};

template <size_t Values, size_t Capacity>
struct Full {
  Turns turns;
  Held<Values, Capacity> held;
  Ring ring{{held.header, held.words, nullptr, nullptr}, Values, Capacity, &turns};
  Full() {
    memset(&held, 0, sizeof held);
    held.header.capacity = Capacity;
    held.header.values = Values;
    memcpy(held.header.boot, "0123456789abcdef", kBootDigits);
    ring.clear();
    ring.take(true);
  }
  uint32_t put(uint32_t n) {
    float values[Values];
    for (size_t i = 0; i < Values; i++) values[i] = static_cast<float>(n) + static_cast<float>(i) / 10;
    uint32_t overwritten = 0;
    CHECK_EQ(ring.push(n, values, &overwritten), n);
    return overwritten;
  }
  void expect(uint32_t seq, uint32_t number) {
    Reading reading;
    CHECK(ring.read(seq, reading));
    CHECK_EQ(reading.taken, number);
    for (size_t i = 0; i < Values; i++) CHECK(reading.values[i] == static_cast<float>(number) + static_cast<float>(i) / 10);
  }
};

}  // namespace

TEST(ring_overwrites_the_oldest_and_counts_it) {
  Full<8, 16> f;
  for (uint32_t n = 1; n <= 40; n++) CHECK_EQ(f.put(n), n <= 16 ? 0 : n - 16);
  CHECK_EQ(f.ring.range().oldest, 25);
  CHECK_EQ(f.ring.range().next, 41);
  CHECK_EQ(f.ring.lost(), 24);
  for (uint32_t n = 25; n <= 40; n++) f.expect(n, n);
  Reading reading;
  CHECK(!f.ring.read(24, reading) && !f.ring.read(41, reading) && !f.ring.read(0, reading));
  CHECK_EQ(f.turns.held, 0);
}

TEST(ring_settles_up_to_a_seq) {
  Full<2, 16> f;
  for (uint32_t n = 1; n <= 10; n++) f.put(n);
  CHECK_EQ(f.ring.settle(4), 4);
  CHECK_EQ(f.ring.settle(4), 0);
  CHECK_EQ(f.ring.settle(2), 0);
  CHECK_EQ(f.ring.range().oldest, 5);
  CHECK_EQ(f.ring.settle(99), 6);
  CHECK_EQ(f.ring.range().count(), 0);
  CHECK_EQ(f.ring.range().next, 11);
}

TEST(ring_renumbers_for_another_boot) {
  Full<2, 16> f;
  for (uint32_t n = 1; n <= 20; n++) f.put(n);
  f.ring.settle(9);
  f.ring.renumber();
  CHECK_EQ(f.ring.range().oldest, 1);
  CHECK_EQ(f.ring.range().next, 12);
  for (uint32_t seq = 1; seq <= 11; seq++) f.expect(seq, seq + 9);
  for (uint32_t n = 0; n < 10; n++) {
    float values[2] = {};
    uint32_t overwritten = 0;
    CHECK_EQ(f.ring.push(n, values, &overwritten), 12 + n);
  }
}

TEST(a_seal_breaks_with_any_change) {
  Full<2, 16> f;
  for (uint32_t n = 1; n <= 3; n++) f.put(n);
  seal(f.held.header, f.held.words);
  CHECK(sealed(f.held.header, f.held.words, 16, 2));
  CHECK(!sealed(f.held.header, f.held.words, 8, 2) && !sealed(f.held.header, f.held.words, 16, 3));
  f.put(4);
  CHECK(!sealed(f.held.header, f.held.words, 16, 2));
  seal(f.held.header, f.held.words);
  char* bytes = reinterpret_cast<char*>(&f.held);
  for (size_t i = 0; i < sizeof f.held; i++) {
    bytes[i] ^= 4;
    CHECK(!sealed(f.held.header, f.held.words, 16, 2));
    bytes[i] ^= 4;
  }
  CHECK(sealed(f.held.header, f.held.words, 16, 2));
  f.ring.settle(1);
  CHECK(!sealed(f.held.header, f.held.words, 16, 2));
}

TEST(a_seal_over_nonsense_does_not_count) {
  Full<2, 16> f;
  f.held.header.next = 40;
  seal(f.held.header, f.held.words);
  CHECK(!sealed(f.held.header, f.held.words, 16, 2));
  f.held.header.head = f.held.header.next = 0x80000000;  // the next ones would wrap around
  seal(f.held.header, f.held.words);
  CHECK(!sealed(f.held.header, f.held.words, 16, 2));
}

TEST(pouring_keeps_the_newest_and_counts_the_rest) {
  Full<2, 64> big;
  Full<2, 16> small;
  for (uint32_t n = 1; n <= 50; n++) big.put(n);
  big.ring.settle(20);
  CHECK(!pour(big.held, small.held));
  CHECK_EQ(small.ring.range().next, 1);
  seal(big.held.header, big.held.words);
  CHECK(pour(big.held, small.held));
  CHECK(sealed(small.held.header, small.held.words, 16, 2));
  CHECK_EQ(small.ring.range().oldest, 35);
  CHECK_EQ(small.ring.lost(), 14);
  for (uint32_t n = 35; n <= 50; n++) small.expect(n, n);
  Full<2, 64> back;
  CHECK(pour(small.held, back.held));
  CHECK_EQ(back.ring.lost(), 14);
  for (uint32_t n = 35; n <= 50; n++) back.expect(n, n);
  back.put(51);
  CHECK_EQ(back.ring.range().count(), 17);
}

TEST(ages_beyond_45_days_are_unknown) {
  Full<2, 16> f;
  Uptime clock;
  clock.start(0, 0);
  const uint32_t day = 86400000;
  for (uint32_t n = 1; n <= 8; n++) {
    float values[2] = {};
    uint32_t overwritten = 0;
    f.ring.push(clock.stamp(n * 7 * day), values, &overwritten);
    clock.advance(n * 7 * day);
    f.ring.undateOlder(clock, 0);
  }
  CHECK(!f.ring.dated(1) && f.ring.dated(2) && f.ring.dated(8));  // 49, 42 and 0 days
  f.ring.undateOlder(clock, 10ull * day);                         // what 10 more days would make of it
  CHECK(!f.ring.dated(2) && f.ring.dated(3));                     // 52, 45
}
