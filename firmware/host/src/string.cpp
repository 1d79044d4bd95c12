#include <WString.h>
#include <strings.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>

String::String(unsigned long long v, unsigned char base) {
  if (base < 2 || base > 36) base = 10;
  do {
    s_ += "0123456789abcdefghijklmnopqrstuvwxyz"[v % base];
    v /= base;
  } while (v);
  std::reverse(s_.begin(), s_.end());
}

String::String(long long v, unsigned char base)
    : String(v < 0 ? 0 - (unsigned long long)v : (unsigned long long)v, base) {
  if (v < 0) s_.insert(0, 1, '-');
}

String::String(double v, unsigned int decimals) {
  char out[400];
  snprintf(out, sizeof out, "%.*f", int(std::min(decimals, 30u)), v);
  s_ = out;
}

bool String::equalsIgnoreCase(const String& o) const {
  return length() == o.length() && strcasecmp(c_str(), o.c_str()) == 0;
}

bool String::startsWith(const String& o, unsigned int from) const {
  return from <= s_.size() && s_.compare(from, o.s_.size(), o.s_) == 0;
}

bool String::endsWith(const String& o) const {
  return s_.size() >= o.s_.size() && s_.compare(s_.size() - o.s_.size(), o.s_.size(), o.s_) == 0;
}

char& String::operator[](unsigned int i) {
  static thread_local char outside;
  outside = 0;
  return i < s_.size() ? s_[i] : outside;
}

void String::getBytes(unsigned char* out, unsigned int size, unsigned int from) const {
  if (!size || !out) return;
  size_t n = from < s_.size() ? std::min<size_t>(size - 1, s_.size() - from) : 0;
  if (n) memcpy(out, s_.data() + from, n);
  out[n] = 0;
}

String String::substring(unsigned int from, unsigned int to) const {
  if (from > to) std::swap(from, to);
  if (from >= s_.size()) return String();
  String out;
  out.s_ = s_.substr(from, to - from);
  return out;
}

void String::replace(char from, char to) { std::replace(s_.begin(), s_.end(), from, to); }

void String::replace(const String& from, const String& to) {
  if (from.isEmpty()) return;
  for (size_t i = s_.find(from.s_); i != std::string::npos; i = s_.find(from.s_, i + to.s_.size()))
    s_.replace(i, from.s_.size(), to.s_);
}

void String::remove(unsigned int from, unsigned int count) {
  if (from < s_.size()) s_.erase(from, count);
}

void String::toLowerCase() {
  for (char& c : s_) c = char(tolower((unsigned char)c));
}

void String::toUpperCase() {
  for (char& c : s_) c = char(toupper((unsigned char)c));
}

void String::trim() {
  const char* blank = " \t\r\n\v\f";
  size_t first = s_.find_first_not_of(blank);
  s_ = first == std::string::npos ? "" : s_.substr(first, s_.find_last_not_of(blank) - first + 1);
}

long String::toInt() const { return atol(c_str()); }

double String::toDouble() const { return atof(c_str()); }
