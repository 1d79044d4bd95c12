// Stand-in for the Arduino core's String: the same names, over std::string.
#pragma once

#include <cstdint>
#include <string>

class String {
 public:
  String(const char* s = "") : s_(s ? s : "") {}
  String(const char* s, unsigned int n) : s_(s, n) {}
  String(const String&) = default;
  String(String&&) = default;
  explicit String(char c) : s_(1, c) {}
  explicit String(unsigned char v, unsigned char base = 10) : String((unsigned long long)v, base) {}
  explicit String(int v, unsigned char base = 10) : String((long long)v, base) {}
  explicit String(unsigned int v, unsigned char base = 10) : String((unsigned long long)v, base) {}
  explicit String(long v, unsigned char base = 10) : String((long long)v, base) {}
  explicit String(unsigned long v, unsigned char base = 10) : String((unsigned long long)v, base) {}
  explicit String(long long v, unsigned char base = 10);
  explicit String(unsigned long long v, unsigned char base = 10);
  explicit String(float v, unsigned int decimals = 2) : String(double(v), decimals) {}
  explicit String(double v, unsigned int decimals = 2);

  String& operator=(const String&) = default;
  String& operator=(String&&) = default;
  String& operator=(const char* s) { return *this = String(s); }

  bool reserve(unsigned int n) { s_.reserve(n); return true; }
  unsigned int length() const { return (unsigned int)s_.size(); }
  bool isEmpty() const { return s_.empty(); }
  void clear() { s_.clear(); }
  const char* c_str() const { return s_.c_str(); }
  char* begin() { return s_.data(); }
  char* end() { return s_.data() + s_.size(); }
  const char* begin() const { return s_.data(); }
  const char* end() const { return s_.data() + s_.size(); }

  bool concat(const String& o) { s_ += o.s_; return true; }
  bool concat(const char* s) { s_ += s ? s : ""; return true; }
  bool concat(const char* s, unsigned int n) { s_.append(s, n); return true; }
  bool concat(char c) { s_ += c; return true; }
  template <typename Number>
  bool concat(Number v) { return concat(String(v)); }
  template <typename Value>
  String& operator+=(const Value& v) { concat(v); return *this; }

  bool equals(const String& o) const { return s_ == o.s_; }
  bool equalsIgnoreCase(const String& o) const;
  int compareTo(const String& o) const { return s_.compare(o.s_); }
  bool startsWith(const String& o) const { return s_.compare(0, o.s_.size(), o.s_) == 0; }
  bool startsWith(const String& o, unsigned int from) const;
  bool endsWith(const String& o) const;

  char charAt(unsigned int i) const { return i < s_.size() ? s_[i] : 0; }
  void setCharAt(unsigned int i, char c) { if (i < s_.size()) s_[i] = c; }
  char operator[](unsigned int i) const { return charAt(i); }
  char& operator[](unsigned int i);
  void getBytes(unsigned char* out, unsigned int size, unsigned int from = 0) const;
  void toCharArray(char* out, unsigned int size, unsigned int from = 0) const { getBytes((unsigned char*)out, size, from); }

  int indexOf(char c, unsigned int from = 0) const { return place(s_.find(c, from)); }
  int indexOf(const String& o, unsigned int from = 0) const { return place(s_.find(o.s_, from)); }
  int lastIndexOf(char c) const { return place(s_.rfind(c)); }
  int lastIndexOf(const String& o) const { return place(s_.rfind(o.s_)); }
  String substring(unsigned int from) const { return substring(from, length()); }
  String substring(unsigned int from, unsigned int to) const;

  void replace(char from, char to);
  void replace(const String& from, const String& to);
  void remove(unsigned int from) { remove(from, length()); }
  void remove(unsigned int from, unsigned int count);
  void toLowerCase();
  void toUpperCase();
  void trim();

  long toInt() const;
  float toFloat() const { return float(toDouble()); }
  double toDouble() const;

 private:
  static int place(size_t i) { return i == std::string::npos ? -1 : int(i); }
  std::string s_;
};

inline bool operator==(const String& a, const String& b) { return a.equals(b); }
inline bool operator==(const String& a, const char* b) { return a.equals(b); }
inline bool operator==(const char* a, const String& b) { return b.equals(a); }
inline bool operator!=(const String& a, const String& b) { return !a.equals(b); }
inline bool operator!=(const String& a, const char* b) { return !a.equals(b); }
inline bool operator<(const String& a, const String& b) { return a.compareTo(b) < 0; }

// The sum of a String and anything that a String can be made of.
template <typename Value>
String operator+(String a, const Value& b) { a += b; return a; }
inline String operator+(const char* a, const String& b) { return String(a) += b; }
inline String operator+(char a, const String& b) { return String(a) += b; }
