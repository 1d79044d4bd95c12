// The memory of a power-up: the readings that the server does not have yet, and
// all that must go along with them through a sleep or a restart.
//
// A reading is 4 bytes of time and 4 a value. What some shapes take:
//
//   Held<2, 1024>  12 KiB + 120 bytes: TEMP and HUM, 34 minutes at 2 s, in RAM
//   Held<2, 512>    6 KiB + 120 bytes: fits the 8 KiB of RTC memory
//   Held<8, 1024>  36 KiB + 120 bytes: eight values, 34 minutes at 2 s
//   Held<8, 128>  4.5 KiB + 120 bytes: eight values in RTC memory
//
// It is plain memory without constructors: it may lie in RTC_NOINIT_ATTR, be
// written to a file byte by byte, and be read back. A Board seals it with a CRC
// (Board::seal); the first change breaks the seal again, so what was not sealed
// on purpose is never taken for good. Checks beside it make it fit for a reset that
// nobody announced, too. Whoever reads it back from a file deletes
// the file before the first reading is recorded: resumed twice, it would number
// other readings with the same SEQs.
#pragma once

#include "limits.h"

namespace vaiven {

// Header is everything of Held but the readings themselves.
struct Header {
  uint32_t seal;         // kSealed: crc counts
  uint32_t crc;          // of all that follows, readings included
  uint32_t fingerprint;  // of the Config: another firmware's readings are not ours
  uint32_t capacity;     // readings
  uint32_t values;       // in a reading
  uint32_t head;         // SEQ of the oldest reading held
  uint32_t next;         // SEQ that the next reading will get
  uint32_t shift;        // a SEQ lies at (SEQ + shift) modulo capacity
  uint32_t undated;      // readings up to this SEQ have an unknown age
  uint32_t lost;         // readings overwritten or left behind
  uint32_t failed;       // failed conversions of the sensor
  uint16_t local;        // 1: a state was changed at the board since rev
  uint16_t finished;     // 1: the server needs nothing more
  uint64_t up;           // ms since power-up when it was sealed
  uint64_t rev;          // of the last desired state that was set; 0: none
  int32_t state[kMaxStates];
  char boot[kBootDigits + 1];  // hexadecimal, ends in NUL
  uint8_t waited;  // 1: in this power-up the server said that the board waits to be approved
};

constexpr uint32_t kSealed = 0x76767632;  // "vvv2": changes with the layout

// Held is the memory of readings of so many values each. Capacity is a power of
// two, since the place of a reading is then a mask of its SEQ.
template <size_t Values, size_t Capacity>
struct Held {
  static_assert(Values >= 1 && Values <= kMaxSensors, "one to eight values in a reading");
  static_assert(Capacity >= 2 && (Capacity & (Capacity - 1)) == 0, "a power of two");

  static constexpr size_t kReadingSize = sizeof(uint32_t) * (1 + Values);

  Header header;
  uint32_t words[Capacity * (1 + Values)];
};

static_assert(sizeof(Header) % 8 == 0 && sizeof(Header) <= 128, "small beside the readings");
static_assert(Held<2, 1024>::kReadingSize == 12, "a reading of TEMP and HUM is 12 bytes");
static_assert(Held<8, 1024>::kReadingSize == 36, "a reading of eight values is 36 bytes");
static_assert(sizeof(Held<2, 1024>) == 12 * 1024 + sizeof(Header), "nothing between readings");
static_assert(sizeof(Held<8, 1024>) == 36 * 1024 + sizeof(Header), "nothing between readings");
static_assert(sizeof(Held<2, 512>) <= 8 * 1024 && sizeof(Held<8, 128>) <= 8 * 1024,
              "the RTC memory of an ESP32 is 8 KiB");

// Checks follow a Held that is in use, so that it can be gone on with after a panic
// or a watchdog's reset, at whatever instruction that came. Both lie in memory that
// such a reset leaves alone (__NOINIT_ATTR of ESP-IDF). Each reading has a CRC, and
// the header is there twice: the second is written when the first is whole. They
// cost 4 bytes a reading and 128.
struct HeaderChecks {
  uint32_t check;       // of the Held's own header
  uint32_t spareCheck;  // of spare
  Header spare;
};

template <size_t Capacity>
struct Checks {
  HeaderChecks header;
  uint32_t readings[Capacity];  // by place, as Held::words
};

static_assert(sizeof(Checks<1024>) == 4 * 1024 + sizeof(HeaderChecks), "4 bytes a reading");

// seal and sealed are Board's business, but for tools and tests that look at a
// Held without one.
void seal(Header& header, const uint32_t* words);
bool sealed(const Header& header, const uint32_t* words, uint32_t capacity, uint32_t values);

// checkHeader and checkReading are what the Checks of a header, and of a reading at a
// place, must be.
uint32_t checkHeader(const Header& header);
uint32_t checkReading(uint32_t place, const uint32_t* words, uint32_t values);

// recover seals what a Held held when the chip was reset, as of UP `up`, so that a
// Board can resume from it. A damaged reading (the one that was being overwritten)
// is given up and counted as lost, with those before it. False when there is nothing.
bool recover(Header& header, const uint32_t* words, uint32_t capacity, uint32_t values, const HeaderChecks& checks,
             const uint32_t* readings, uint64_t up);

template <size_t Values, size_t Capacity>
bool recover(Held<Values, Capacity>& held, const Checks<Capacity>& checks, uint64_t up) {
  return recover(held.header, held.words, Capacity, Values, checks.header, checks.readings, up);
}

// pour copies the newest readings that fit, sealed, and counts the others as
// lost in the copy. False, and `to` untouched, when `from` is not sealed.
bool pour(const Header& from, const uint32_t* fromWords, uint32_t fromCapacity, uint32_t values,
          Header& to, uint32_t* toWords, uint32_t toCapacity);

// Into a smaller memory before a restart, and back into the larger one after it.
template <size_t Values, size_t From, size_t To>
bool pour(const Held<Values, From>& from, Held<Values, To>& to) {
  return pour(from.header, from.words, From, Values, to.header, to.words, To);
}

}  // namespace vaiven
