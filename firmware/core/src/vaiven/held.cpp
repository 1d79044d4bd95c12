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
