#include <LittleFS.h>

#include <filesystem>
#include <string>

#include "flash.h"

namespace fs = std::filesystem;

LittleFSFS LittleFS;

namespace {

std::string place(const char* path) { return host::flashFolder("littlefs") + "/" + (*path == '/' ? path + 1 : path); }

}  // namespace

bool LittleFSFS::begin(bool, const char*, uint8_t, const char*) { return fs::is_directory(place("/")); }

bool LittleFSFS::format() {
  std::error_code error;
  for (auto& entry : fs::directory_iterator(place("/"), error)) fs::remove_all(entry, error);
  return !error;
}

File LittleFSFS::open(const char* path, const char* mode, bool) {
  FILE* f = fopen(place(path).c_str(), mode);
  return f ? File(f) : File();
}

bool LittleFSFS::exists(const char* path) { return fs::exists(place(path)); }

bool LittleFSFS::remove(const char* path) {
  std::error_code error;
  return fs::remove(place(path), error);
}

bool LittleFSFS::rename(const char* from, const char* to) {
  return ::rename(place(from).c_str(), place(to).c_str()) == 0;
}

bool LittleFSFS::mkdir(const char* path) {
  std::error_code error;
  return fs::create_directory(place(path), error);
}

size_t LittleFSFS::usedBytes() {
  size_t sum = 0;
  for (auto& entry : fs::recursive_directory_iterator(place("/"))) {
    if (entry.is_regular_file()) sum += (entry.file_size() + 4095) / 4096 * 4096;
  }
  return sum;
}

size_t File::write(const uint8_t* p, size_t n) {
  size_t done = file_ ? fwrite(p, 1, n, file_.get()) : 0;
  if (done) host::wrote("littlefs", done);
  return done;
}

int File::available() { return file_ ? int(size() - position()) : 0; }

int File::read() { return file_ ? fgetc(file_.get()) : -1; }

size_t File::read(uint8_t* out, size_t n) { return file_ ? fread(out, 1, n, file_.get()) : 0; }

int File::peek() {
  int c = read();
  if (c >= 0) ungetc(c, file_.get());
  return c;
}

void File::flush() {
  if (file_) fflush(file_.get());
}

bool File::seek(uint32_t to, SeekMode mode) {
  int whence = mode == SeekSet ? SEEK_SET : (mode == SeekCur ? SEEK_CUR : SEEK_END);
  return file_ && fseek(file_.get(), long(to), whence) == 0;
}

size_t File::position() const { return file_ ? size_t(ftell(file_.get())) : 0; }

size_t File::size() const {
  if (!file_) return 0;
  long here = ftell(file_.get());
  fseek(file_.get(), 0, SEEK_END);
  long end = ftell(file_.get());
  fseek(file_.get(), here, SEEK_SET);
  return size_t(end);
}
