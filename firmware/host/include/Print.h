// Stand-in for the Arduino core's Print and Stream.
#pragma once

#include <IPAddress.h>
#include <WString.h>

#include <cstddef>
#include <cstdint>

#define DEC 10
#define HEX 16
#define OCT 8
#define BIN 2

class Print {
 public:
  virtual ~Print() = default;
  virtual size_t write(uint8_t c) = 0;
  virtual size_t write(const uint8_t* p, size_t n);
  size_t write(const char* s);
  size_t write(const char* s, size_t n) { return write((const uint8_t*)s, n); }
  virtual void flush() {}

  size_t print(const char* s) { return write(s); }
  size_t print(const String& s) { return write(s.c_str(), s.length()); }
  size_t print(char c) { return write(uint8_t(c)); }
  size_t print(unsigned char v, int base = DEC) { return print(String(v, (unsigned char)base)); }
  size_t print(int v, int base = DEC) { return print(String(v, (unsigned char)base)); }
  size_t print(unsigned int v, int base = DEC) { return print(String(v, (unsigned char)base)); }
  size_t print(long v, int base = DEC) { return print(String(v, (unsigned char)base)); }
  size_t print(unsigned long v, int base = DEC) { return print(String(v, (unsigned char)base)); }
  size_t print(long long v, int base = DEC) { return print(String(v, (unsigned char)base)); }
  size_t print(unsigned long long v, int base = DEC) { return print(String(v, (unsigned char)base)); }
  size_t print(double v, int decimals = 2) { return print(String(v, (unsigned int)decimals)); }
  size_t print(const IPAddress& a) { return print(a.toString()); }

  size_t println() { return write("\r\n"); }
  template <typename Value>
  size_t println(const Value& v) { size_t n = print(v); return n + println(); }
  template <typename Value>
  size_t println(const Value& v, int how) { size_t n = print(v, how); return n + println(); }

  size_t printf(const char* format, ...) __attribute__((format(printf, 2, 3)));
};

class Stream : public Print {
 public:
  virtual int available() = 0;
  virtual int read() = 0;
  virtual int peek() = 0;
  void setTimeout(unsigned long ms) { timeout_ = ms; }
  size_t readBytes(uint8_t* out, size_t n);
  size_t readBytes(char* out, size_t n) { return readBytes((uint8_t*)out, n); }
  String readStringUntil(char end);
  String readString();

 protected:
  int timedRead();
  unsigned long timeout_ = 1000;
};
