// vaiven: a board that measures temperature and humidity, loses no reading, and
// switches an LED when the server asks.
//
// What is trustworthy about it is in the portable core (../core, the library
// VaivenCore). Here the core meets the ESP32: Wi-Fi, the socket, the sensor, the
// pins, the flash, sleep. ../README.md says how to wire and flash it.
//
// Tasks: loop() has the network and the Board; "sample" measures; "panel" has the
// lights, the buttons and an eye on the other two.
#include <WebSocketsClient.h>
#include <WiFi.h>
#include <esp_random.h>
#include <esp_sleep.h>
#include <esp_system.h>
#include <vaiven.h>

#include "console.h"
#include "dht_sensor.h"
#include "keeper.h"
#include "outputs.h"
#include "panel.h"
#include "pins.h"
#include "portal.h"
#include "sampler.h"
#include "say.h"
#include "settings.h"
#include "waking.h"
#include "wireless.h"
#include "ws_link.h"

const char kFirmware[] = "vaiven 0.4.0";
const vaiven::Sensor kSensors[] = {{"TEMP", 1}, {"HUM", 0}};
const vaiven::State kStates[] = {{"LED", 0}};

// How long a sleeping board tries to reach the server before it sleeps again.
const uint32_t kAwakeAtMost = 45000;
// After power-on there is time to type something before a board sleeps.
const uint32_t kTimeToType = 10000;
// Without Wi-Fi for so long, a restart may cure the radio.
const uint32_t kWifiLastResort = 30 * 60 * 1000;

RTC_NOINIT_ATTR Keeper::Rtc rtcMemory;
__NOINIT_ATTR Keeper::Live live;

// Outside is what the core asks of the chip.
class Chip final : public vaiven::Store, public vaiven::Random, public vaiven::Guard, public vaiven::Observer {
 public:
  uint32_t next() override { return esp_random(); }
  void lock() override { portENTER_CRITICAL(&mux_); }
  void unlock() override { portEXIT_CRITICAL(&mux_); }
  bool keepToken(const char* token, bool trusted) override;
  const char* token() const override;
  void told(const vaiven::Note& note) override;

 private:
  void tellRefusal(const char* text);

  portMUX_TYPE mux_ = portMUX_INITIALIZER_UNLOCKED;
  vaiven::Access said_ = vaiven::Access::kOpen;  // why the server refuses, as it was printed last
};

void restartSaved();
void printStatus();
void openPortal();
void hangTask(const String& task);
void rescue(const char* task);
void tellRefused(int status);
void tellBadToken();

Settings settings;
Words words(settings.now());
vaiven::Config config;
Chip chip;
Outputs outputs;
extern vaiven::Board board;
WsLink websocket(board, settings.now(), tellRefused);
vaiven::Board board(config, live.held, live.checks, {websocket, outputs, chip, chip, &chip, &chip});
DhtSensor sensor(pins::kDht, pins::kSensorModel);
Sampler sampler(board, sensor);
Panel panel(outputs, sampler, rescue);
Wireless wireless(settings.now());
Keeper keeper(board, live, rtcMemory);
Portal portal(settings, words, restartSaved);
const Console::Actions actions = {restartSaved, printStatus, openPortal, hangTask};
Console console(settings, words, actions);
bool hanging = false;

bool Chip::keepToken(const char* token, bool trusted) { return settings.keepToken(token, trusted); }
const char* Chip::token() const { return settings.now().token.c_str(); }

void Chip::told(const vaiven::Note& note) {
  switch (note.event) {
    case vaiven::Event::kWelcomed:
      said_ = vaiven::Access::kOpen;
      settings.keepFound(websocket.place().host, websocket.place().port);
      Serial.printf("%s %s:%u\n", words.say("Online:", "En línea:"), websocket.place().host.c_str(),
                    static_cast<unsigned>(websocket.place().port));
      return;
    case vaiven::Event::kRefused:
    case vaiven::Event::kRefusedForNow:
      return tellRefusal(note.text);
    case vaiven::Event::kToken:
      Serial.println(words.say("The server gave this board its token", "El servidor dio a esta placa su token"));
      return;
    case vaiven::Event::kBye:
      Serial.printf("%s %s\n", words.say("The server says:", "El servidor dice:"), note.text);
      return;
    case vaiven::Event::kNewBoot:
      Serial.println(words.say("Another board has this number, or had it", "Otra placa tiene este número, o lo tuvo"));
      return;
    default:
      return;
  }
}

// tellRefusal says what to do about a board that is not let in, once and not every time
// that it asks again.
void Chip::tellRefusal(const char* text) {
  const vaiven::Access access = board.access();
  if (access != vaiven::Access::kOpen && access == said_) return;
  said_ = access;
  const char* device = settings.now().device.c_str();
  switch (access) {
    case vaiven::Access::kWaiting:
      Serial.printf("%s vaiven devices approve %s\n", words.say("Waiting to be approved. On the server:", "Espera a que la aprueben. En el servidor:"), device);
      return;
    case vaiven::Access::kNoToken:
      Serial.printf("%s vaiven devices add %s\n", words.say("This number has a token, and this board does not have it. Type: token vvn_... or make another on the server:",
                                                             "Este número tiene un token, y esta placa no lo tiene. Escribe: token vvn_... o crea otro en el servidor:"), device);
      return;
    case vaiven::Access::kBadToken:
      return tellBadToken();
    case vaiven::Access::kOpen:
      Serial.printf("%s %s\n", words.say("The server refuses:", "El servidor rechaza:"), text);
      return;
  }
}

void tellBadToken() {
  Serial.printf("%s vaiven devices add %s\n", words.say("The server does not take this board's token. Type: token off, or token vvn_... with the one that this prints on the server:",
                                                         "El servidor no acepta el token de esta placa. Escribe: token off, o token vvn_... con el que imprime en el servidor:"),
                settings.now().device.c_str());
}

// usable says that settings are such that the board can work.
bool usable() { return settings.now().complete() && (!settings.now().tls || settings.now().trusted()); }

void configure() {
  config.device = settings.now().device.c_str();  // it does not change any more
  config.firmware = kFirmware;
  config.sensors = kSensors;
  config.sensorCount = 2;
  config.states = kStates;
  config.stateCount = 1;
  if (settings.now().sleep) config.sleep = settings.now().interval;
}

// startBoard goes on where the last sleep, restart or crash ended, or begins anew.
void startBoard() {
  const esp_reset_reason_t reason = esp_reset_reason();
  const bool resumed = keeper.restore(millis(), reason);
  // Who restarts a board that had finished wants it to work again.
  const bool asked = reason == ESP_RST_SW || reason == ESP_RST_EXT;
  const bool again = resumed && board.status() == vaiven::Status::kFinished && asked;
  if (!resumed || again) board.begin(millis());
  keeper.mark(millis());
  outputs.release();
  if (board.problem() != nullptr) {
    Serial.printf("%s %s\n", words.say("These settings do not work:", "Estos ajustes no sirven:"), board.problem());
    return;
  }
  // The press that woke the board was over before anybody could see it.
  if (wokenByButton()) outputs.toggle();
  sampler.start(settings.now().interval, settings.now().sleep);
}

void setup() {
  Serial.setRxBufferSize(4096);  // a certificate that is pasted while loop() waits for the network
  Serial.begin(115200);
  settings.load();
  outputs.begin();
  websocket.begin();
  panel.begin();
  configure();
  wireless.begin(millis());
  if (usable()) {
    startBoard();
  } else {
    Serial.println(words.say("Settings are missing. Type: help", "Faltan ajustes. Escribe: help"));
    openPortal();
  }
}

Sign sign() {
  if (portal.open() || !usable() || board.problem() != nullptr) return Sign::kSetup;
  const vaiven::Status status = board.status();
  if (status == vaiven::Status::kFinished) return Sign::kFinished;
  if (!wireless.up()) return Sign::kNoWifi;
  if (status == vaiven::Status::kRefused) return Sign::kRefused;
  if (status == vaiven::Status::kWaiting) return Sign::kWaiting;
  if (status != vaiven::Status::kOnline) return Sign::kNoServer;
  return sampler.failing() ? Sign::kNoSensor : Sign::kOnline;
}

// timeToSleep says that a sleeping board has done what it woke up for, or could
// not in good time.
bool timeToSleep(uint32_t now) {
  if (!settings.now().sleep || !usable() || portal.open() || console.busy()) return false;
  if (esp_reset_reason() != ESP_RST_DEEPSLEEP && now < kTimeToType) return false;
  int32_t value;
  if (outputs.takeChange(value)) board.switched(0, value);
  const bool finished = board.status() == vaiven::Status::kFinished;
  return (sampler.done() && board.quiet()) || finished || now >= kAwakeAtMost;
}

void goToSleep(uint32_t now) {
  sampler.stop();
  websocket.close();
  keeper.save(millis(), true);
  outputs.hold();
  // A button that is down now would wake it at once, and again and again.
  const bool stuck = digitalRead(pins::kWall) == LOW;
  if (!stuck) wakeByButton(pins::kWall);
  // A board that has finished wakes up for its button alone, or to look whether that
  // is still stuck.
  const uint32_t interval = settings.now().interval;
  if (stuck || board.status() != vaiven::Status::kFinished) wakeAfter(interval > now + 1000 ? interval - now : 1000);
  esp_deep_sleep_start();
}

void loop() {
  const uint32_t now = millis();
  console.tick();
  while (hanging) delay(1000);
  wireless.tick(now, !portal.open());
  portal.tick();
  if (panel.wantsPortal()) openPortal();
  int32_t value;
  if (outputs.takeChange(value)) board.switched(0, value);
  if (usable()) websocket.tick(wireless.up() && !portal.open());
  board.tick(millis());
  if (usable()) keeper.mark(millis());
  panel.beat(millis(), sign());
  if (wireless.away(millis()) >= kWifiLastResort && !portal.open()) rescue("Wi-Fi");
  if (timeToSleep(millis())) goToSleep(millis());
}

// restartSaved saves what it can first. It may be called by any task of ours.
void restartSaved() {
  sampler.stop();
  keeper.save(millis(), false);
  ESP.restart();
}

void rescue(const char* task) {
  Serial.printf("%s %s\n", words.say("Restarting, because this is stuck:", "Reinicio, porque se atascó:"), task);
  restartSaved();
}

void tellRefused(int status) {
  Serial.printf("%s HTTP %d\n", words.say("The server refuses the connection:", "El servidor rechaza la conexión:"), status);
  if (status == 401) tellBadToken();
}

void openPortal() { portal.begin(millis()); }

// hangTask is for whoever wants to see that a board gets up again.
void hangTask(const String& task) {
  hanging = task == "loop";
  if (task == "sensor") sampler.hang();
  if (task == "panel") panel.hang();
}

void printStatus() {
  static const char* const names[] = {"offline", "greeting", "online", "refused", "waiting", "finished"};
  const vaiven::Stats& stats = board.stats();
  Serial.printf("status %s boot %s waiting %u settled %u lost %u failed %u rev %u LED %d again %u heap %u stack %u %u %u\n",
                names[static_cast<int>(board.status())], board.boot(), static_cast<unsigned>(board.waiting()),
                static_cast<unsigned>(stats.settled), static_cast<unsigned>(board.lost()),
                static_cast<unsigned>(board.failures()), static_cast<unsigned>(board.rev()), static_cast<int>(board.state(0)),
                static_cast<unsigned>(stats.goBacks), static_cast<unsigned>(ESP.getMinFreeHeap()),
                static_cast<unsigned>(uxTaskGetStackHighWaterMark(nullptr)), static_cast<unsigned>(sampler.stackLeft()),
                static_cast<unsigned>(panel.stackLeft()));
}
