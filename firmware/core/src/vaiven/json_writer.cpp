#include "json_writer.h"

namespace vaiven {

namespace {
constexpr double kPowers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
constexpr uint8_t kMaxDecimals = 6;
constexpr double kManyDigits = 1e15;  // whole numbers that a double keeps exactly
constexpr double kNineDigits = 1e9;   // more than a float has
}  // namespace

void Writer::raw(char c) {
  if (length_ < size_ && !overflow_) {
    buffer_[length_++] = c;
  } else {
    overflow_ = true;
  }
}

void Writer::copy(const char* text) {
  for (; *text != '\0'; text++) raw(*text);
}

void Writer::key(const char* name) {
  if (!first_) raw(',');
  first_ = false;
  raw('"');
  copy(name);
  raw('"');
  raw(':');
}

void Writer::number(uint64_t value) {
  char digits[20];
  size_t n = 0;
  do {
    digits[n++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (n > 0) raw(digits[--n]);
}

void Writer::signedNumber(int64_t value) {
  if (value < 0) raw('-');
  number(value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value));
}

void Writer::decimal(float value, uint8_t decimals) {
  if (!(value - value == 0)) return null();  // NaN, and infinities
  if (decimals > kMaxDecimals) decimals = kMaxDecimals;
  double size = value < 0 ? -static_cast<double>(value) : static_cast<double>(value);
  int exponent = 0;
  if (size * kPowers[decimals] >= kManyDigits) {
    decimals = 0;
    for (; size >= kNineDigits; size /= 10) exponent++;
  }
  uint64_t scaled = static_cast<uint64_t>(size * kPowers[decimals] + 0.5);
  for (; decimals > 0 && scaled % 10 == 0; decimals--) scaled /= 10;
  const uint64_t unit = static_cast<uint64_t>(kPowers[decimals]);
  if (value < 0 && scaled != 0) raw('-');
  number(scaled / unit);
  if (decimals > 0) raw('.');
  for (uint64_t u = unit; u > 1; u /= 10) raw(static_cast<char>('0' + scaled % u / (u / 10)));
  if (exponent > 0) {
    raw('e');
    signedNumber(exponent);
  }
}

void Writer::null() { copy("null"); }

void Writer::text(const char* text) {
  static const char hex[] = "0123456789abcdef";
  raw('"');
  for (; *text != '\0'; text++) {
    const unsigned char c = static_cast<unsigned char>(*text);
    if (c < ' ') {
      copy("\\u00");
      raw(hex[c >> 4]);
      raw(hex[c & 15]);
      continue;
    }
    if (c == '"' || c == '\\') raw('\\');
    raw(*text);
  }
  raw('"');
}

}  // namespace vaiven
