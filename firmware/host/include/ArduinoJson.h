// Stand-in for ArduinoJson 7, for flat objects alone: what the course's messages
// are. An object or array inside is read past, and is null. Numbers print as that
// library prints them: a float with at most 6 decimals, a double with 9, none
// where the value is whole.
#pragma once

#include <Arduino.h>

#include <map>
#include <string>
#include <type_traits>
#include <vector>

class DeserializationError {
 public:
  enum Code { Ok, EmptyInput, IncompleteInput, InvalidInput, NoMemory, TooDeep };
  DeserializationError(Code code = Ok) : code_(code) {}
  explicit operator bool() const { return code_ != Ok; }
  Code code() const { return code_; }
  const char* c_str() const;
  bool operator==(Code code) const { return code_ == code; }

 private:
  Code code_;
};

namespace ArduinoJson::host {

// Value is what stands under a key.
struct Value {
  enum Kind { null, boolean, integer, real, text } kind = null;
  long long i = 0;
  double d = 0;
  bool single = false;  // a float
  std::string s;

  void set(bool v) { *this = Value{boolean, v, 0, false, ""}; }
  void set(const char* v);
  void set(const String& v) { *this = Value{text, 0, 0, false, v.c_str()}; }
  void set(float v) { *this = Value{real, 0, double(v), true, ""}; }
  void set(double v) { *this = Value{real, 0, v, false, ""}; }
  template <typename Integer>
  std::enable_if_t<std::is_integral_v<Integer>> set(Integer v) { *this = Value{integer, (long long)v, 0, false, ""}; }

  template <typename T>
  bool is() const;
  template <typename T>
  T as() const;
};

template <typename T>
bool Value::is() const {
  if constexpr (std::is_same_v<T, bool>) return kind == boolean;
  else if constexpr (std::is_integral_v<T>) return kind == integer;
  else if constexpr (std::is_floating_point_v<T>) return kind == integer || kind == real;
  else return kind == text;
}

template <typename T>
T Value::as() const {
  if constexpr (std::is_same_v<T, bool>) return kind == real ? d != 0 : (kind == text || i != 0);
  else if constexpr (std::is_arithmetic_v<T>) return kind == text ? T(atof(s.c_str())) : (kind == real ? T(d) : T(i));
  else return kind == text ? T(s.c_str()) : T();
}

}  // namespace ArduinoJson::host

class JsonDocument;

// What doc["KEY"] is. It names a place in its document, and makes it when it is
// assigned to.
class JsonVariant {
 public:
  template <typename T>
  JsonVariant& operator=(const T& v) { place().set(v); return *this; }
  JsonVariant& operator=(const char* v) { place().set(v); return *this; }
  template <typename T>
  bool set(const T& v) { place().set(v); return true; }
  template <typename T>
  bool is() const { return value().is<T>(); }
  template <typename T>
  T as() const { return value().as<T>(); }
  template <typename T, typename = std::enable_if_t<std::is_arithmetic_v<T> || std::is_same_v<T, String> ||
                                                    std::is_same_v<T, const char*>>>
  operator T() const { return as<T>(); }
  template <typename T>
  T operator|(const T& otherwise) const { return is<T>() ? as<T>() : otherwise; }
  template <typename T>
  bool operator==(const T& v) const { return is<T>() && as<T>() == v; }
  template <typename T>
  bool operator!=(const T& v) const { return !(*this == v); }
  bool isNull() const { return value().kind == ArduinoJson::host::Value::null; }

 private:
  friend class JsonDocument;
  JsonVariant(JsonDocument& doc, std::string key) : doc_(doc), key_(std::move(key)) {}
  ArduinoJson::host::Value& place();
  const ArduinoJson::host::Value& value() const;
  JsonDocument& doc_;
  std::string key_;
};

class JsonDocument {
 public:
  JsonVariant operator[](const char* key) { return JsonVariant(*this, key); }
  JsonVariant operator[](const String& key) { return JsonVariant(*this, key.c_str()); }
  void clear() { members_.clear(); }
  size_t size() const { return members_.size(); }
  bool isNull() const { return members_.empty(); }

 private:
  friend class JsonVariant;
  friend DeserializationError deserializeJson(JsonDocument& doc, const char* text, size_t n);
  friend size_t serializeJson(const JsonDocument& doc, String& out);
  ArduinoJson::host::Value* find(const std::string& key);
  ArduinoJson::host::Value& add(const std::string& key);
  std::vector<std::pair<std::string, ArduinoJson::host::Value>> members_;  // in the order of assignment
};

DeserializationError deserializeJson(JsonDocument& doc, const char* text, size_t n);
inline DeserializationError deserializeJson(JsonDocument& doc, const char* text) {
  return deserializeJson(doc, text, text ? strlen(text) : 0);
}
inline DeserializationError deserializeJson(JsonDocument& doc, const uint8_t* text, size_t n) {
  return deserializeJson(doc, reinterpret_cast<const char*>(text), n);
}
inline DeserializationError deserializeJson(JsonDocument& doc, const String& text) {
  return deserializeJson(doc, text.c_str(), text.length());
}
size_t serializeJson(const JsonDocument& doc, String& out);
size_t serializeJson(const JsonDocument& doc, char* out, size_t size);
size_t serializeJson(const JsonDocument& doc, Print& out);
size_t measureJson(const JsonDocument& doc);
