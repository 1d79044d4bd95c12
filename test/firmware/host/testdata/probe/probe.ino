// A sketch for the tests of the stand-ins: does what lines on the serial port say,
// and prints what it sees.
#include <LittleFS.h>
#include <Preferences.h>
#include <WebServer.h>
#include <WebSocketsClient.h>
#include <WiFi.h>
#include <esp_private/esp_clk.h>
#include <esp_sleep.h>
#include <esp_task_wdt.h>

WebSocketsClient socket_;
WebServer server(80);
Preferences preferences;
char ca[4096];
portMUX_TYPE mux = portMUX_INITIALIZER_UNLOCKED;
RTC_DATA_ATTR uint32_t slept = 0;
RTC_NOINIT_ATTR uint32_t kept;
__NOINIT_ATTR uint32_t inRam;
volatile uint32_t samples = 0;

const int dhtPin = 4;
const int switchPin = 5;
volatile uint32_t fallen[64];
volatile uint32_t falls = 0;

void onFall(void*) {
  if (falls < 64) fallen[falls++] = micros();
}

void onSwitch() { Serial.printf("switch %d\n", digitalRead(switchPin)); }

void onEvent(WStype_t type, uint8_t* payload, size_t length) {
  switch (type) {
    case WStype_CONNECTED: Serial.println("CONNECTED"); break;
    case WStype_DISCONNECTED: Serial.printf("DISCONNECTED %.*s\n", int(length), payload ? (const char*)payload : ""); break;
    case WStype_TEXT: Serial.printf("TEXT %s\n", length ? (const char*)payload : "(null)"); break;
    case WStype_PING: Serial.printf("PING %u\n", unsigned(length)); break;
    default: Serial.printf("EVENT %d\n", int(type)); break;
  }
}

// readDHT asks the sensor on its pin and prints what its 40 bits say: between two
// falling edges lie 76 us for a 0 and 120 us for a 1.
void readDHT() {
  falls = 0;
  pinMode(dhtPin, OUTPUT);
  digitalWrite(dhtPin, LOW);
  delay(20);
  pinMode(dhtPin, INPUT_PULLUP);
  attachInterruptArg(dhtPin, onFall, nullptr, FALLING);
  delay(10);
  detachInterrupt(dhtPin);
  uint8_t b[5] = {0, 0, 0, 0, 0};
  for (uint32_t i = 0; i < 40 && falls == 42; i++) {
    if (fallen[i + 2] - fallen[i + 1] > 98) b[i / 8] |= 0x80 >> i % 8;
  }
  Serial.printf("dht %u edges %d.%d %d sum %s\n", falls, b[2], b[3], b[0], uint8_t(b[0] + b[1] + b[2] + b[3]) == b[4] ? "ok" : "bad");
}

void dogTask(void*) {
  esp_task_wdt_config_t config = {3000, 0, true};
  esp_task_wdt_init(&config);
  esp_task_wdt_add(NULL);
  for (int i = 0; i < 3; i++) {
    esp_task_wdt_reset();
    vTaskDelay(pdMS_TO_TICKS(1000));
  }
  Serial.println("the task hangs");
  for (;;) vTaskDelay(1000);
}

void sampleTask(void*) {
  TickType_t last = xTaskGetTickCount();
  for (;;) {
    portENTER_CRITICAL(&mux);
    samples = samples + 1;
    portEXIT_CRITICAL(&mux);
    vTaskDelayUntil(&last, pdMS_TO_TICKS(1000));
  }
}

void obey(const String& line) {
  if (line == "ws") socket_.begin("192.168.1.50", 8080);
  if (line == "wss") socket_.beginSslWithCA("192.168.1.50", 8443, "/", ca, "arduino");
  if (line == "bearer") {
    socket_.setExtraHeaders("Authorization: Bearer 123");
    Serial.println("bearer");
  }
  if (line == "beat") socket_.enableHeartbeat(15000, 3000, 2);
  if (line == "dht") readDHT();
  if (line == "restart") ESP.restart();
  if (line == "tasks") xTaskCreatePinnedToCore(sampleTask, "sample", 4096, nullptr, 2, nullptr, 1);
  if (line == "samples") Serial.printf("samples %u at %u\n", samples, millis());
  if (line == "dog") xTaskCreate(dogTask, "dog", 4096, nullptr, 1, nullptr);
  if (line.startsWith("reconnect ")) socket_.setReconnectInterval(line.substring(10).toInt());
  if (line == "end") {
    socket_.disconnect();
    Serial.println("ended");
  }
  if (line == "pause") {
    delay(20000);
    Serial.println("paused");
  }
  if (line.startsWith("fill ")) {
    String text;
    for (long n = line.substring(5).toInt(); n > 0; n--) text += 'x';
    Serial.printf("sent %d\n", socket_.sendTXT(text));
  }
  if (line.startsWith("send ")) {
    Serial.printf("sent %d\n", socket_.sendTXT(line.substring(5).c_str()));
  }
  if (line.startsWith("room ")) {
    uint8_t buffer[WEBSOCKETS_MAX_HEADER_SIZE + 100] = {0};
    size_t n = line.length() - 5;
    memcpy(buffer + WEBSOCKETS_MAX_HEADER_SIZE, line.c_str() + 5, n);
    socket_.sendTXT(buffer, n, true);
  }
  if (line.startsWith("keep ")) {
    kept = inRam = uint32_t(line.substring(5).toInt());
    preferences.putUInt("kept", kept);
  }
  if (line.startsWith("sleep ")) {
    slept++;
    esp_sleep_enable_ext0_wakeup((gpio_num_t)switchPin, 0);
    esp_deep_sleep(uint64_t(line.substring(6).toInt()) * 1000);
  }
}

void setup() {
  Serial.begin(115200);
  preferences.begin("probe");
  LittleFS.begin(true);
  File f = LittleFS.open("/ca.pem");
  if (f) ca[f.read((uint8_t*)ca, sizeof ca - 1)] = 0;
  // What memory holds behind a loss of power is nothing to print.
  if (esp_reset_reason() == ESP_RST_POWERON) kept = 0;
  Serial.printf("setup reset %d wake %d slept %u kept %u flash %u rtc %d\n", int(esp_reset_reason()),
                int(esp_sleep_get_wakeup_cause()), slept, kept, preferences.getUInt("kept"),
                int(esp_clk_rtc_time() / 1000000));
  Serial.printf("ram %u\n", inRam);
  pinMode(switchPin, INPUT_PULLUP);
  attachInterrupt(digitalPinToInterrupt(switchPin), onSwitch, CHANGE);
  server.on("/save", HTTP_POST, [] {
    Serial.println("saved " + server.arg("ssid"));
    server.send(200, "text/plain", "ok " + server.arg("password"));
  });
  server.begin();
  WiFi.onEvent([](WiFiEvent_t event) { Serial.println(event == ARDUINO_EVENT_WIFI_STA_GOT_IP ? "address" : "wifi event"); });
  WiFi.begin("red", "clave");
  while (WiFi.status() != WL_CONNECTED) delay(100);
  socket_.onEvent(onEvent);
  Serial.println("ready");
}

void loop() {
  if (Serial.available()) obey(Serial.readStringUntil('\n'));
  socket_.loop();
  server.handleClient();
}
