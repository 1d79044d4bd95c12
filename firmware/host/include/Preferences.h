// Stand-in for the ESP32 core's Preferences: NVS namespaces as files in
// BOARD_FLASH. Names and keys have at most 15 characters, as in NVS; a value is
// read back only as the type that it was written as.
#pragma once

#include <Arduino.h>

#include <map>
#include <string>

class Preferences {
 public:
  ~Preferences() { end(); }
  bool begin(const char* name, bool readOnly = false, const char* partition = nullptr);
  void end() { open_ = false; }
  bool clear();
  bool remove(const char* key);
  bool isKey(const char* key);

  size_t putBool(const char* key, bool v) { return put(key, 'b', &v, 1); }
  size_t putUChar(const char* key, uint8_t v) { return put(key, 'B', &v, 1); }
  size_t putUShort(const char* key, uint16_t v) { return put(key, 'H', &v, 2); }
  size_t putInt(const char* key, int32_t v) { return put(key, 'i', &v, 4); }
  size_t putUInt(const char* key, uint32_t v) { return put(key, 'I', &v, 4); }
  size_t putULong64(const char* key, uint64_t v) { return put(key, 'Q', &v, 8); }
  size_t putString(const char* key, const char* v) { return put(key, 's', v, strlen(v)); }
  size_t putString(const char* key, const String& v) { return put(key, 's', v.c_str(), v.length()); }
  size_t putBytes(const char* key, const void* v, size_t n) { return put(key, 'x', v, n); }

  bool getBool(const char* key, bool otherwise = false) { return get(key, 'b', otherwise); }
  uint8_t getUChar(const char* key, uint8_t otherwise = 0) { return get(key, 'B', otherwise); }
  uint16_t getUShort(const char* key, uint16_t otherwise = 0) { return get(key, 'H', otherwise); }
  int32_t getInt(const char* key, int32_t otherwise = 0) { return get(key, 'i', otherwise); }
  uint32_t getUInt(const char* key, uint32_t otherwise = 0) { return get(key, 'I', otherwise); }
  uint64_t getULong64(const char* key, uint64_t otherwise = 0) { return get(key, 'Q', otherwise); }
  String getString(const char* key, const String& otherwise = String());
  size_t getString(const char* key, char* out, size_t size);
  size_t getBytesLength(const char* key);
  size_t getBytes(const char* key, void* out, size_t size);

 private:
  size_t put(const char* key, char type, const void* data, size_t n);
  const std::string* find(const char* key, char type);
  template <typename Number>
  Number get(const char* key, char type, Number otherwise) {
    const std::string* v = find(key, type);
    if (v && v->size() == sizeof otherwise) memcpy(&otherwise, v->data(), sizeof otherwise);
    return otherwise;
  }

  bool open_ = false, readOnly_ = false;
  std::string name_;
};
