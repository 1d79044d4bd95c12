// Every chip's ways to wake are here, whichever the sketch was built for.
#define SOC_GPIO_SUPPORT_DEEPSLEEP_WAKEUP 1

#include "power.h"

#include <Arduino.h>
#include <esp_private/esp_clk.h>
#include <esp_sleep.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <random>

#include "clock.h"
#include "control.h"
#include "gpio.h"
#include "options.h"
#include "report.h"

// The linker's names for the sections of memory that lives on. All exist even in a
// sketch that keeps nothing there.
extern "C" char __start_rtc_data[], __stop_rtc_data[], __start_rtc_noinit[], __stop_rtc_noinit[];
extern "C" char __start_noinit[], __stop_noinit[];
RTC_DATA_ATTR char rtcDataExists[1] __attribute__((used)) = {0};
RTC_NOINIT_ATTR char rtcNoinitExists[1] __attribute__((used)) = {0};
__NOINIT_ATTR char noinitExists[1] __attribute__((used)) = {0};

EspClass ESP;

namespace {

uint64_t timerWakeUs = 0;
std::atomic<bool> sleeping{false};
thread_local bool sleeper = false;
int wakePin = -1;
bool wakeLevel = false;
esp_sleep_wakeup_cause_t wakeCause = ESP_SLEEP_WAKEUP_EXT0;

void writeAll(int fd, const char* data, size_t n) {
  while (n > 0) {
    ssize_t done = write(fd, data, n);
    if (done <= 0) break;
    data += done, n -= size_t(done);
  }
}

bool readAll(int fd, char* data, size_t n) {
  while (n > 0) {
    ssize_t done = read(fd, data, n);
    if (done <= 0) return false;
    data += done, n -= size_t(done);
  }
  return true;
}

// memory opens an anonymous file with what the memory holds that may live on, for
// the process that comes.
int memory() {
  int fd = memfd_create("memory", 0);
  writeAll(fd, __start_rtc_data, size_t(__stop_rtc_data - __start_rtc_data));
  writeAll(fd, __start_rtc_noinit, size_t(__stop_rtc_noinit - __start_rtc_noinit));
  writeAll(fd, __start_noinit, size_t(__stop_noinit - __start_noinit));
  lseek(fd, 0, SEEK_SET);
  return fd;
}

// startAnew replaces the process by one that begins at setup(), with the same
// pid, stdin and stdout. Wi-Fi, pins and sensor stay as control lines left them.
[[noreturn]] void startAnew(esp_reset_reason_t reason, esp_sleep_wakeup_cause_t cause) {
  host::replaceProcess({
      host::clockVariable(),
      "BOARD__RESET=" + std::to_string(int(reason)),
      "BOARD__WAKE=" + std::to_string(int(cause)),
      "BOARD__RTC=" + std::to_string(memory()),
  });
}

int internalNumber(const char* name) { return int(host::optionReal(name, 0)); }

// hardware is the source of real random numbers.
uint32_t hardware() {
  uint32_t v = 0;
  while (getrandom(&v, sizeof v, 0) != sizeof v) {
  }
  return v;
}

std::mutex sequenceMutex;
std::mt19937 sequence;
bool seeded = false;

}  // namespace

void host::startPower() {
  esp_fill_random(__start_rtc_noinit, size_t(__stop_rtc_noinit - __start_rtc_noinit));
  esp_fill_random(__start_noinit, size_t(__stop_noinit - __start_noinit));
  const char* fd = getenv("BOARD__RTC");
  if (!fd) return;
  size_t kept = size_t(__stop_rtc_data - __start_rtc_data);
  std::string data(kept, 0);
  bool asleep = esp_reset_reason() == ESP_RST_DEEPSLEEP;
  int rtc = atoi(fd);
  if (readAll(rtc, data.data(), kept) && asleep) memcpy(__start_rtc_data, data.data(), kept);
  readAll(rtc, __start_rtc_noinit, size_t(__stop_rtc_noinit - __start_rtc_noinit));
  if (!asleep) readAll(rtc, __start_noinit, size_t(__stop_noinit - __start_noinit));
  close(rtc);
}

esp_reset_reason_t esp_reset_reason() {
  return getenv("BOARD__RESET") ? esp_reset_reason_t(internalNumber("BOARD__RESET")) : ESP_RST_POWERON;
}

void esp_restart() {
  host::Event("restart").number("waited", host::turnWaitedMs());
  startAnew(ESP_RST_SW, ESP_SLEEP_WAKEUP_UNDEFINED);
}

void host::restartBy(const char* why, int reason) {
  Event("restart").text("reason", why);
  startAnew(esp_reset_reason_t(reason), ESP_SLEEP_WAKEUP_UNDEFINED);
}

esp_sleep_wakeup_cause_t esp_sleep_get_wakeup_cause() {
  return esp_sleep_wakeup_cause_t(internalNumber("BOARD__WAKE"));
}

esp_err_t esp_sleep_enable_timer_wakeup(uint64_t us) {
  timerWakeUs = us;
  return ESP_OK;
}

esp_err_t esp_sleep_enable_ext0_wakeup(gpio_num_t pin, int level) {
  wakePin = pin;
  wakeLevel = level != 0;
  wakeCause = ESP_SLEEP_WAKEUP_EXT0;
  return ESP_OK;
}

esp_err_t esp_deep_sleep_enable_gpio_wakeup(uint64_t pins, esp_deepsleep_gpio_wake_up_mode_t mode) {
  constexpr uint64_t wakers = 0x3f;  // GPIO 0 to 5 of an ESP32-C3
  if (pins == 0 || (pins & ~wakers) != 0) return ESP_ERR_INVALID_ARG;
  wakePin = __builtin_ctzll(pins);
  wakeLevel = mode == ESP_GPIO_WAKEUP_GPIO_HIGH;
  wakeCause = ESP_SLEEP_WAKEUP_GPIO;
  return ESP_OK;
}

bool host::asleep() { return sleeping && !sleeper; }

void esp_deep_sleep_start() {
  sleeping = sleeper = true;
  host::Event("sleep").number("ms", int64_t(timerWakeUs / 1000)).number("waited", host::turnWaitedMs());
  uint64_t begin = host::sincePowerOnUs();
  for (;;) {
    uint64_t slept = host::sincePowerOnUs() - begin;
    if (timerWakeUs && slept >= timerWakeUs) break;
    if (wakePin >= 0 && host::pinLevel(uint8_t(wakePin)) == wakeLevel) {
      host::Event("wake").text("by", "pin");
      startAnew(ESP_RST_DEEPSLEEP, wakeCause);
    }
    uint64_t step = uint64_t(2000 * (1000 / std::max(1.0, host::realMs(1000))));  // about 2 real ms
    host::sleepUs(timerWakeUs ? std::min(step, timerWakeUs - slept) : step);
  }
  host::Event("wake").text("by", "timer");
  startAnew(ESP_RST_DEEPSLEEP, ESP_SLEEP_WAKEUP_TIMER);
}

void esp_deep_sleep(uint64_t us) {
  esp_sleep_enable_timer_wakeup(us);
  esp_deep_sleep_start();
}

void EspClass::restart() { esp_restart(); }

void EspClass::deepSleep(uint64_t us) { esp_deep_sleep(us); }

// getEfuseMac is BOARD_MAC, twelve hex digits as they stand on the module.
uint64_t EspClass::getEfuseMac() {
  uint64_t printed = strtoull(host::optionText("BOARD_MAC", "246f28000001").c_str(), nullptr, 16), out = 0;
  for (int i = 0; i < 6; i++) out = out << 8 | ((printed >> (8 * i)) & 0xff);
  return out;
}

int host::timeOfDay(timeval* now, void*) {
  uint64_t us = sincePowerOnUs();
  now->tv_sec = time_t(us / 1000000);
  now->tv_usec = suseconds_t(us % 1000000);
  return 0;
}

uint64_t esp_clk_rtc_time() { return host::sincePowerOnUs(); }

uint32_t esp_random() { return hardware(); }

void esp_fill_random(void* out, size_t n) {
  for (auto* p = static_cast<uint8_t*>(out); n > 0; p++, n--) *p = uint8_t(hardware());
}

void randomSeed(unsigned long seed) {
  std::lock_guard lock(sequenceMutex);
  if (seed == 0) return;  // as the core: 0 changes nothing
  seeded = true;
  sequence.seed(uint32_t(seed));
}

long random(long high) {
  std::lock_guard lock(sequenceMutex);
  uint32_t v = seeded ? uint32_t(sequence()) : hardware();
  return high <= 0 ? 0 : long(v % (unsigned long)(high));
}

long random(long low, long high) { return low >= high ? low : low + random(high - low); }

long map(long v, long fromLow, long fromHigh, long toLow, long toHigh) {
  return fromLow == fromHigh ? toLow : (v - fromLow) * (toHigh - toLow) / (fromHigh - fromLow) + toLow;
}
