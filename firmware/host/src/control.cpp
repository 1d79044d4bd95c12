#include "control.h"

#include <esp_system.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "gpio.h"
#include "link.h"
#include "power.h"
#include "report.h"
#include "sensor.h"
#include "serial.h"

namespace host {
namespace {

char** arguments = nullptr;
std::mutex controlMutex;                     // held while a line is handled
thread_local bool handling = false;          // by this thread
std::string partial;                       // of a line that has not ended
std::map<std::string, std::string> lasting;  // subject to the last line about it

bool begins(const std::string& line, const char* words) { return line.rfind(words, 0) == 0; }

bool setPin(const std::string& line) {
  int pin = -1;
  char level[8] = "";
  if (sscanf(line.c_str(), "pin %d %7s", &pin, level) != 2 || pin < 0 || pin > 63) return false;
  if (strcmp(level, "high") != 0 && strcmp(level, "low") != 0) return false;
  lasting["pin " + std::to_string(pin)] = line;
  drivePin(uint8_t(pin), strcmp(level, "high") == 0);
  return true;
}

// obey handles one line; false when it means nothing.
bool obey(const std::string& line) {
  if (line == "quit") {
    Event("quit");
    _exit(0);
  }
  if (line == "wifi up" || line == "wifi down") {
    lasting["wifi"] = line;
    setAccessPoint(line == "wifi up");
    return true;
  }
  if (begins(line, "sensor ") && setSensor(line.substr(7))) {
    lasting["sensor"] = line;
    return true;
  }
  if (begins(line, "serial ")) {
    typeIntoSerial(line.substr(7) + "\n");
    return true;
  }
  if (line == "reset") restartBy("reset", ESP_RST_EXT);
  if (line == "panic") restartBy("panic", ESP_RST_PANIC);
  return begins(line, "pin ") && setPin(line);
}

void handle(const std::string& line) {
  if (line.empty()) return;
  bool ok = obey(line);
  Event("control").text("line", line).flag("ok", ok);
}

void takeInput(const char* data, size_t n) {
  std::lock_guard lock(controlMutex);
  handling = true;
  partial.append(data, n);
  for (size_t end; (end = partial.find('\n')) != std::string::npos;) {
    std::string line = partial.substr(0, end);
    partial.erase(0, end + 1);
    handle(line);
  }
  handling = false;
}

// readStdin also looks after the watchdog, since it is the thread that no sketch
// can hold up.
void readStdin() {
  bool open = true;
  for (;;) {
    pollfd p{open ? STDIN_FILENO : -1, POLLIN, 0};
    int ready = poll(&p, 1, 20);
    watchdogTick();
    if (ready <= 0) continue;
    char chunk[512];
    ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
    if (n > 0) takeInput(chunk, size_t(n));
    if (n == 0) open = false;  // nobody controls any more; the board goes on
  }
}

}  // namespace

void startControl(char** argv) {
  arguments = argv;
  signal(SIGPIPE, SIG_IGN);
  const char* before = getenv("BOARD__LINES");
  for (std::string rest = before ? before : ""; !rest.empty();) {
    size_t end = rest.find('\n');
    obey(rest.substr(0, end));
    rest.erase(0, end == std::string::npos ? end : end + 1);
  }
  if (const char* unread = getenv("BOARD__PARTIAL")) takeInput(unread, strlen(unread));
  std::thread(readStdin).detach();
}

void replaceProcess(std::vector<std::string> variables) {
  if (!handling) controlMutex.lock();  // from here on no line is taken
  std::string lines;
  for (auto& [subject, line] : lasting) lines += line + "\n";
  variables.push_back("BOARD__LINES=" + lines);
  variables.push_back("BOARD__PARTIAL=" + partial);
  for (char** e = environ; *e; e++) {
    if (strncmp(*e, "BOARD__", 7) != 0) variables.push_back(*e);
  }
  std::vector<char*> all;
  for (std::string& v : variables) all.push_back(v.data());
  all.push_back(nullptr);
  execve("/proc/self/exe", arguments, all.data());
  Event("broken").text("reason", strerror(errno));
  _exit(1);
}

}  // namespace host
