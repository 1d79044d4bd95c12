// Flat JSON into a buffer that may be too small: then nothing is written past
// its end, and ok() is false.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace vaiven {

class Writer {
 public:
  Writer() = default;
  Writer(char* buffer, size_t size) : buffer_(buffer), size_(size) {}

  void raw(char c);
  void open() { raw('{'), first_ = true; }
  void close() { raw('}'); }
  void key(const char* name);

  void number(uint64_t value);
  void signedNumber(int64_t value);
  // decimal writes a measurement rounded to so many digits behind the point, 6
  // at most, without zeros at the end; null when it is not finite. Beyond 10^15
  // its first nine digits and an exponent.
  void decimal(float value, uint8_t decimals);
  void null();
  // text writes a string with quotes; what JSON does not allow in it is escaped.
  void text(const char* text);

  bool ok() const { return !overflow_; }
  size_t length() const { return length_; }
  char* begin() const { return buffer_; }

  // cut takes back everything behind a length() of before, an overflow too.
  void cut(size_t length) {
    length_ = length;
    overflow_ = false;
  }

 private:
  void copy(const char* text);

  char* buffer_ = nullptr;
  size_t size_ = 0;
  size_t length_ = 0;
  bool overflow_ = false;
  bool first_ = true;  // no comma before the next key
};

}  // namespace vaiven
