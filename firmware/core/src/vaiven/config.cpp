#include "config.h"

#include <string.h>

#include "crc32.h"

namespace vaiven {

namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool upper(char c) { return c >= 'A' && c <= 'Z'; }
bool alnum(char c) { return digit(c) || upper(c) || (c >= 'a' && c <= 'z'); }

bool validName(const char* name) {
  if (name == nullptr || name[0] == '\0' || name[0] == '_') return false;
  size_t n = 0;
  for (; name[n] != '\0'; n++) {
    if (n == kMaxName || !(upper(name[n]) || digit(name[n]) || name[n] == '_')) return false;
  }
  return true;
}

// reserved says that the protocol uses the name for something else.
bool reserved(const char* name) {
  static const char* const keys[] = {"HELLO", "IDDEVICE", "BOOT", "SEQ",     "AGE",   "TIME",
                                     "OLDEST", "NEXT",    "LOST", "UP",      "SLEEP", "STATES",
                                     "REV",    "FW",      "TOKEN", "WELCOME", "ACK",  "NOW",
                                     "UNTIL",  "ERROR",   "CODE", "AT",      "RETRY", "BYE",
                                     "NONCE",  "PROOF"};
  for (const char* key : keys) {
    if (strcmp(name, key) == 0) return true;
  }
  return false;
}

bool validDevice(const char* id) {
  if (id == nullptr) return false;
  const size_t length = strlen(id);
  if (length == 0 || length > kMaxDevice || !alnum(id[0]) || !alnum(id[length - 1])) return false;
  for (size_t i = 0; i < length; i++) {
    if (!alnum(id[i]) && strchr("._-", id[i]) == nullptr) return false;
  }
  return strstr(id, "..") == nullptr;
}

bool plain(const char* text, size_t limit) {
  size_t n = 0;
  for (; text[n] != '\0'; n++) {
    if (n == limit || text[n] < ' ' || text[n] > '~' || text[n] == '"' || text[n] == '\\') return false;
  }
  return true;
}

// name is the i-th of all names, sensors first.
const char* name(const Config& config, size_t i) {
  return i < config.sensorCount ? config.sensors[i].name : config.states[i - config.sensorCount].name;
}

const char* problemOfNames(const Config& config) {
  const size_t count = static_cast<size_t>(config.sensorCount) + config.stateCount;
  for (size_t i = 0; i < count; i++) {
    if (!validName(name(config, i))) return "a name is not 1 to 16 of A-Z 0-9 _, or begins with _";
    if (reserved(name(config, i))) return "a name is a key of the protocol";
    for (size_t j = 0; j < i; j++) {
      if (strcmp(name(config, i), name(config, j)) == 0) return "a name is there twice";
    }
  }
  return nullptr;
}

}  // namespace

const char* problem(const Config& config, size_t values) {
  if (!validDevice(config.device)) return "device is not an id: 101, or 1 to 64 of A-Z a-z 0-9 . _ -";
  if (config.firmware != nullptr && !plain(config.firmware, kMaxFirmware)) {
    return "firmware is longer than 64 bytes, or not plain text";
  }
  if (config.sensors == nullptr || config.sensorCount != values) return "not as many sensors as Held has values";
  if (config.stateCount > kMaxStates || (config.stateCount > 0 && config.states == nullptr)) return "too many states";
  if (config.window == 0) return "window is 0: nothing would be sent";
  return problemOfNames(config);
}

uint32_t fingerprint(const Config& config) {
  char device[kMaxDevice + 1];
  canonicalDevice(config.device, strlen(config.device), device);
  uint32_t crc = crc32(0, device, strlen(device) + 1);
  const size_t count = static_cast<size_t>(config.sensorCount) + config.stateCount;
  for (size_t i = 0; i < count; i++) {
    crc = crc32(crc, name(config, i), strlen(name(config, i)) + 1);
    if (i < config.sensorCount) crc = crc32(crc, &config.sensors[i].decimals, 1);
  }
  return crc32(crc, &config.sensorCount, 1);
}

void canonicalDevice(const char* id, size_t length, char* out) {
  bool number = length >= 1 && length <= 3;
  for (size_t i = 0; i < length && number; i++) number = digit(id[i]);
  size_t n = 0;
  for (size_t zeros = number ? 3 - length : 0; zeros > 0; zeros--) out[n++] = '0';
  for (size_t i = 0; i < length && n < kMaxDevice; i++) out[n++] = id[i];
  out[n] = '\0';
}

}  // namespace vaiven
