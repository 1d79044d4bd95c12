// Stand-in for the ESP32 core's files.
#pragma once

#include <Print.h>

#include <cstdio>
#include <memory>

#define FILE_READ "r"
#define FILE_WRITE "w"
#define FILE_APPEND "a"

enum SeekMode { SeekSet, SeekCur, SeekEnd };

class File : public Stream {
 public:
  File() = default;
  explicit File(FILE* f) : file_(f, fclose) {}
  size_t write(uint8_t c) override { return write(&c, 1); }
  size_t write(const uint8_t* p, size_t n) override;
  using Print::write;
  int available() override;
  int read() override;
  size_t read(uint8_t* out, size_t n);
  int peek() override;
  void flush() override;
  bool seek(uint32_t to, SeekMode mode = SeekSet);
  size_t position() const;
  size_t size() const;
  void close() { file_.reset(); }
  explicit operator bool() const { return file_ != nullptr; }

 private:
  std::shared_ptr<FILE> file_;
};
