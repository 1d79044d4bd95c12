#include "held.h"

#include <string.h>

#include "crc32.h"

namespace vaiven {

namespace {

uint32_t checksum(const Header& header, const uint32_t* words) {
  const size_t skip = offsetof(Header, fingerprint);
  uint32_t crc = crc32(0, reinterpret_cast<const char*>(&header) + skip, sizeof(Header) - skip);
  return crc32(crc, words, sizeof(uint32_t) * header.capacity * (1 + header.values));
}

// A SEQ that no board comes to: a reading every 2 s takes 136 years.
constexpr uint32_t kBeyondAllSeqs = 0x80000000;

// possible says that the numbers make sense: a CRC can be right by accident.
bool possible(const Header& h) {
  return h.head >= 1 && h.next >= h.head && h.next < kBeyondAllSeqs && h.next - h.head <= h.capacity &&
         h.boot[kBootDigits] == '\0' && strlen(h.boot) >= 8;
}

}  // namespace

void seal(Header& header, const uint32_t* words) {
  header.crc = checksum(header, words);
  header.seal = kSealed;
}

bool sealed(const Header& header, const uint32_t* words, uint32_t capacity, uint32_t values) {
  return header.seal == kSealed && header.capacity == capacity && header.values == values &&
         header.crc == checksum(header, words) && possible(header);
}

uint32_t checkHeader(const Header& header) {
  const size_t skip = offsetof(Header, fingerprint);
  return crc32(kSealed, reinterpret_cast<const char*>(&header) + skip, sizeof(Header) - skip);
}

uint32_t checkReading(uint32_t place, const uint32_t* words, uint32_t values) {
  return crc32(place, words, sizeof(uint32_t) * (1 + values));
}

bool recover(Header& header, const uint32_t* words, uint32_t capacity, uint32_t values, const HeaderChecks& checks,
             const uint32_t* readings, uint64_t up) {
  if (checkHeader(header) != checks.check) {
    if (checkHeader(checks.spare) != checks.spareCheck) return false;
    header = checks.spare;
  }
  if (header.capacity != capacity || header.values != values || !possible(header)) return false;
  for (uint32_t seq = header.next; seq-- > header.head;) {
    const uint32_t place = (seq + header.shift) & (capacity - 1);
    if (checkReading(place, words + static_cast<size_t>(place) * (1 + values), values) == readings[place]) continue;
    header.lost += seq + 1 - header.head;
    header.head = seq + 1;
    break;
  }
  header.up = up;
  seal(header, words);
  return true;
}

bool pour(const Header& from, const uint32_t* fromWords, uint32_t fromCapacity, uint32_t values,
          Header& to, uint32_t* toWords, uint32_t toCapacity) {
  if (!sealed(from, fromWords, fromCapacity, values)) return false;
  to = from;
  to.capacity = toCapacity;
  if (to.next - to.head > toCapacity) {
    const uint32_t left = to.next - to.head - toCapacity;
    to.head += left;
    to.lost += left;
  }
  const size_t width = 1 + values;
  memset(toWords, 0, sizeof(uint32_t) * toCapacity * width);
  for (uint32_t seq = to.head; seq != to.next; seq++) {
    memcpy(toWords + ((seq + to.shift) & (toCapacity - 1)) * width,
           fromWords + ((seq + from.shift) & (fromCapacity - 1)) * width, sizeof(uint32_t) * width);
  }
  seal(to, toWords);
  return true;
}

}  // namespace vaiven
