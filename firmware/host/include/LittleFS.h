// Stand-in for the ESP32 core's LittleFS: a folder of the host's.
#pragma once

#include <FS.h>

class LittleFSFS {
 public:
  bool begin(bool formatOnFail = false, const char* base = "/littlefs", uint8_t maxOpen = 10,
             const char* partition = "spiffs");
  void end() {}
  bool format();
  File open(const char* path, const char* mode = FILE_READ, bool create = false);
  File open(const String& path, const char* mode = FILE_READ, bool create = false) {
    return open(path.c_str(), mode, create);
  }
  bool exists(const char* path);
  bool exists(const String& path) { return exists(path.c_str()); }
  bool remove(const char* path);
  bool remove(const String& path) { return remove(path.c_str()); }
  bool rename(const char* from, const char* to);
  bool mkdir(const char* path);
  size_t totalBytes() { return 1441792; }  // of the core's default partition table
  size_t usedBytes();
};

extern LittleFSFS LittleFS;
