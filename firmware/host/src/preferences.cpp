#include <Preferences.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "flash.h"

namespace {

using Values = std::map<std::string, std::string>;  // key to type and bytes

std::mutex storeMutex;
std::map<std::string, Values> store;  // namespaces, once read

std::string path(const std::string& name) { return host::flashFolder("nvs") + "/" + name; }

bool goodName(const char* s) { return s && *s && strlen(s) <= 15; }

// A namespace's file: for each value, its key and the length of type and bytes on
// a line, then those.
void load(const std::string& name, Values& values) {
  std::ifstream in(path(name), std::ios::binary);
  std::string key;
  size_t n;
  while (in >> key >> n && in.get() == '\n') {
    std::string value(n, 0);
    in.read(value.data(), std::streamsize(n));
    values[key] = value;
  }
}

// save replaces the file as a whole: NVS keeps the old value when the power fails
// in the middle.
bool save(const std::string& name, const Values& values) {
  std::string tmp = path(name) + ".new";
  {
    std::ofstream out(tmp, std::ios::binary | std::ios::trunc);
    for (auto& [key, value] : values) out << key << ' ' << value.size() << '\n' << value;
    if (!out) return false;
  }
  return rename(tmp.c_str(), path(name).c_str()) == 0;
}

}  // namespace

bool Preferences::begin(const char* name, bool readOnly, const char*) {
  if (open_ || !goodName(name)) return false;
  std::lock_guard lock(storeMutex);
  if (store.find(name) == store.end()) {
    Values values;
    load(name, values);
    // A namespace that nobody has written cannot be opened for reading.
    if (readOnly && values.empty()) return false;
    store[name] = values;
  }
  name_ = name, readOnly_ = readOnly;
  return open_ = true;
}

bool Preferences::clear() {
  std::lock_guard lock(storeMutex);
  if (!open_ || readOnly_) return false;
  store[name_].clear();
  return save(name_, store[name_]);
}

bool Preferences::remove(const char* key) {
  std::lock_guard lock(storeMutex);
  return open_ && !readOnly_ && store[name_].erase(key) && save(name_, store[name_]);
}

bool Preferences::isKey(const char* key) {
  std::lock_guard lock(storeMutex);
  return open_ && store[name_].count(key);
}

size_t Preferences::put(const char* key, char type, const void* data, size_t n) {
  std::lock_guard lock(storeMutex);
  if (!open_ || readOnly_ || !goodName(key)) return 0;
  std::string value = type + std::string(static_cast<const char*>(data), n);
  Values& values = store[name_];
  auto found = values.find(key);
  if (found != values.end() && found->second == value) return n;  // NVS writes no equal value again
  values[key] = value;
  if (!save(name_, values)) return 0;
  host::wrote("preferences", n);
  return n;
}

const std::string* Preferences::find(const char* key, char type) {
  static thread_local std::string bytes;
  std::lock_guard lock(storeMutex);
  if (!open_) return nullptr;
  Values& values = store[name_];
  auto found = values.find(key);
  if (found == values.end() || found->second[0] != type) return nullptr;
  bytes = found->second.substr(1);
  return &bytes;
}

String Preferences::getString(const char* key, const String& otherwise) {
  const std::string* v = find(key, 's');
  return v ? String(v->c_str()) : otherwise;
}

size_t Preferences::getString(const char* key, char* out, size_t size) {
  const std::string* v = find(key, 's');
  if (!v || v->size() + 1 > size) return 0;
  memcpy(out, v->c_str(), v->size() + 1);
  return v->size() + 1;
}

size_t Preferences::getBytesLength(const char* key) {
  const std::string* v = find(key, 'x');
  return v ? v->size() : 0;
}

size_t Preferences::getBytes(const char* key, void* out, size_t size) {
  const std::string* v = find(key, 'x');
  if (!v || v->size() > size) return 0;
  memcpy(out, v->data(), v->size());
  return v->size();
}
