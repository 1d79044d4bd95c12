// Stand-in for the Arduino core's IPAddress, IPv4 alone.
#pragma once

#include <WString.h>

class IPAddress {
 public:
  IPAddress() = default;
  IPAddress(uint8_t a, uint8_t b, uint8_t c, uint8_t d) : b_{a, b, c, d} {}
  IPAddress(uint32_t v) : b_{uint8_t(v), uint8_t(v >> 8), uint8_t(v >> 16), uint8_t(v >> 24)} {}

  bool fromString(const char* s);
  bool fromString(const String& s) { return fromString(s.c_str()); }
  String toString() const;
  uint8_t operator[](int i) const { return b_[i]; }
  operator uint32_t() const { return uint32_t(b_[0]) | uint32_t(b_[1]) << 8 | uint32_t(b_[2]) << 16 | uint32_t(b_[3]) << 24; }
  bool operator==(const IPAddress& o) const { return uint32_t(*this) == uint32_t(o); }
  bool operator!=(const IPAddress& o) const { return !(*this == o); }

 private:
  uint8_t b_[4] = {0, 0, 0, 0};
};

