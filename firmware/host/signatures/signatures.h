// What the sketches count on of the ESP32 core (version 3), of Links2004's
// "WebSockets" 2.7.3, of Adafruit's "DHT sensor library" and of ArduinoJson 7.
#pragma once

#include <Arduino.h>
#include <ArduinoJson.h>
#include <DHT.h>
#include <DNSServer.h>
#include <ESPmDNS.h>
#include <LittleFS.h>
#include <Preferences.h>
#include <WebServer.h>
#include <WebSocketsClient.h>
#include <WiFi.h>
#include <driver/gpio.h>
#include <driver/rtc_io.h>
#include <esp_private/esp_clk.h>
#include <esp_sleep.h>
#include <esp_system.h>
#include <esp_task_wdt.h>
#include <esp_timer.h>
#include <freertos/semphr.h>
#include <mbedtls/x509_crt.h>
#include <soc/soc_caps.h>

#include <type_traits>
#include <utility>

// RETURNS says that an expression compiles, and what it is.
#define RETURNS(type, ...) static_assert(std::is_same<decltype(__VA_ARGS__), type>::value, #__VA_ARGS__)
// CLOCK says that an expression counts to 2^32 and then from 0.
#define CLOCK(...)                                                                                  \
  static_assert(sizeof(decltype(__VA_ARGS__)) == 4 && std::is_unsigned<decltype(__VA_ARGS__)>::value, \
                #__VA_ARGS__)

namespace signatures {

template <typename T>
T& a();  // an object of a type, in an expression that is never run

CLOCK(millis());
CLOCK(micros());
RETURNS(int64_t, esp_timer_get_time());
RETURNS(void, delay(1));
RETURNS(void, pinMode(2, OUTPUT));
RETURNS(void, digitalWrite(2, HIGH));
RETURNS(int, digitalRead(2));
RETURNS(void, attachInterruptArg(4, a<void (*)(void*)>(), a<void*>(), CHANGE));
RETURNS(void, detachInterrupt(4));
RETURNS(long, random(255));
RETURNS(uint32_t, esp_random());
RETURNS(void, ESP.restart());
RETURNS(uint64_t, ESP.getEfuseMac());
RETURNS(uint32_t, ESP.getFreeHeap());
RETURNS(esp_reset_reason_t, esp_reset_reason());
static_assert(HIGH == 1 && LOW == 0, "levels");

RETURNS(unsigned int, a<String>().length());
RETURNS(int, a<String>().indexOf("x"));
RETURNS(String, a<String>().substring(1, 2));
RETURNS(long, a<String>().toInt());
RETURNS(const char*, std::as_const(a<String>()).c_str());
static_assert(std::is_constructible<String, int>::value && std::is_constructible<String, float, unsigned>::value, "String");

RETURNS(wl_status_t, WiFi.begin("ssid", "password"));
RETURNS(wl_status_t, WiFi.status());
RETURNS(bool, WiFi.mode(WIFI_STA));
RETURNS(bool, WiFi.setAutoReconnect(true));
RETURNS(size_t, Serial.setRxBufferSize(4096));
RETURNS(bool, WiFi.softAP("ssid"));
RETURNS(IPAddress, WiFi.localIP());
RETURNS(IPAddress, WiFi.softAPIP());
RETURNS(String, WiFi.macAddress());
RETURNS(bool, WiFi.disconnect());
RETURNS(bool, WiFi.softAPdisconnect(false));
RETURNS(String, a<IPAddress>().toString());
RETURNS(bool, a<IPAddress>().fromString("192.168.1.50"));

using Socket = WebSocketsClient;
static_assert(std::is_same<Socket::WebSocketClientEvent, std::function<void(WStype_t, uint8_t*, size_t)>>::value, "event");
RETURNS(void, a<Socket>().begin("host", uint16_t(80), "/", "arduino"));
RETURNS(void, a<Socket>().begin(a<String>(), uint16_t(80), a<String>(), a<String>()));
RETURNS(void, a<Socket>().begin(a<IPAddress>(), uint16_t(80), "/", ""));
RETURNS(void, a<Socket>().beginSslWithCA("host", uint16_t(443), "/", a<const char*>(), "arduino"));
RETURNS(void, a<Socket>().loop());
RETURNS(void, a<Socket>().onEvent(a<Socket::WebSocketClientEvent>()));
RETURNS(bool, a<Socket>().sendTXT(a<uint8_t*>(), size_t(1), true));
RETURNS(bool, a<Socket>().sendTXT(a<char*>(), size_t(1), true));
RETURNS(bool, a<Socket>().sendTXT("text"));
RETURNS(bool, a<Socket>().sendTXT(a<String>()));
RETURNS(bool, a<Socket>().sendPing());
RETURNS(bool, a<Socket>().isConnected());
RETURNS(void, a<Socket>().disconnect());
RETURNS(void, a<Socket>().setExtraHeaders("Authorization: Bearer x"));
RETURNS(void, a<Socket>().setAuthorization("user", "password"));
RETURNS(void, a<Socket>().setReconnectInterval(500));
RETURNS(void, a<Socket>().enableHeartbeat(15000, 3000, uint8_t(2)));
static_assert(WStype_ERROR == 0 && WStype_DISCONNECTED == 1 && WStype_CONNECTED == 2 && WStype_TEXT == 3 &&
                  WStype_BIN == 4 && WStype_PING == 9 && WStype_PONG == 10,
              "event numbers");
static_assert(WEBSOCKETS_MAX_HEADER_SIZE == 14, "room in front of a payload");

static_assert(std::is_constructible<DHT, uint8_t, uint8_t>::value && DHT11 == 11 && DHT22 == 22, "DHT");
RETURNS(void, a<DHT>().begin());
RETURNS(float, a<DHT>().readTemperature());
RETURNS(float, a<DHT>().readHumidity());

RETURNS(DeserializationError, deserializeJson(a<JsonDocument>(), a<uint8_t*>(), size_t(1)));
RETURNS(DeserializationError, deserializeJson(a<JsonDocument>(), a<const char*>()));
RETURNS(size_t, serializeJson(a<JsonDocument>(), a<String>()));
RETURNS(bool, a<JsonDocument>()["LED"].is<int>());
RETURNS(float, a<JsonDocument>()["TEMP"].as<float>());

RETURNS(bool, a<Preferences>().begin("name", false));
RETURNS(size_t, a<Preferences>().putString("key", "value"));
RETURNS(String, a<Preferences>().getString("key", String()));
RETURNS(size_t, a<Preferences>().putUShort("key", 1));
RETURNS(uint16_t, a<Preferences>().getUShort("key", 1));
RETURNS(uint32_t, a<Preferences>().getUInt("key", 1));
RETURNS(size_t, a<Preferences>().putBytes("key", a<const void*>(), 1));
RETURNS(size_t, a<Preferences>().getBytes("key", a<void*>(), 1));
RETURNS(size_t, a<Preferences>().putBool("key", true));
RETURNS(bool, a<Preferences>().getBool("key", false));
RETURNS(bool, a<Preferences>().isKey("key"));
RETURNS(bool, a<Preferences>().clear());
RETURNS(bool, a<Preferences>().remove("key"));

RETURNS(bool, LittleFS.begin(true));
RETURNS(File, LittleFS.open("/spill", "r"));
RETURNS(bool, LittleFS.exists("/spill"));
RETURNS(bool, LittleFS.remove("/spill"));
RETURNS(size_t, a<File>().write(a<const uint8_t*>(), size_t(1)));
RETURNS(size_t, a<File>().read(a<uint8_t*>(), size_t(1)));
RETURNS(void, a<File>().close());

RETURNS(bool, MDNS.begin("name"));
RETURNS(int, MDNS.queryService("vaiven", "tcp"));
RETURNS(IPAddress, MDNS.queryHost("name"));
RETURNS(IPAddress, MDNS.address(0));
RETURNS(uint16_t, MDNS.port(0));

RETURNS(void, a<WebServer>().begin());
RETURNS(void, a<WebServer>().handleClient());
RETURNS(String, a<WebServer>().arg("ssid"));
RETURNS(bool, a<DNSServer>().start(53, "*", a<IPAddress>()));
RETURNS(void, a<DNSServer>().processNextRequest());

RETURNS(esp_err_t, esp_sleep_enable_timer_wakeup(uint64_t(1)));
RETURNS(esp_sleep_wakeup_cause_t, esp_sleep_get_wakeup_cause());
#if SOC_PM_SUPPORT_EXT0_WAKEUP
RETURNS(esp_err_t, esp_sleep_enable_ext0_wakeup(a<gpio_num_t>(), 0));
static_assert(ESP_SLEEP_WAKEUP_EXT0 == 2, "a button's wake");
#endif
#if SOC_GPIO_SUPPORT_DEEPSLEEP_WAKEUP
RETURNS(esp_err_t, esp_deep_sleep_enable_gpio_wakeup(uint64_t(1), ESP_GPIO_WAKEUP_GPIO_LOW));
static_assert(ESP_SLEEP_WAKEUP_GPIO == 7, "a button's wake");
#endif
RETURNS(esp_err_t, gpio_hold_en(a<gpio_num_t>()));
RETURNS(esp_err_t, gpio_hold_dis(a<gpio_num_t>()));
RETURNS(void, gpio_deep_sleep_hold_en());
#if SOC_RTCIO_PIN_COUNT > 0
RETURNS(esp_err_t, rtc_gpio_pullup_en(a<gpio_num_t>()));
#endif
RETURNS(uint64_t, esp_clk_rtc_time());
RETURNS(void, esp_deep_sleep_start());
RETURNS(esp_err_t, esp_task_wdt_init(a<const esp_task_wdt_config_t*>()));
RETURNS(esp_err_t, esp_task_wdt_reconfigure(a<const esp_task_wdt_config_t*>()));
RETURNS(esp_err_t, esp_task_wdt_add(a<TaskHandle_t>()));
RETURNS(esp_err_t, esp_task_wdt_reset());
RETURNS(BaseType_t, xTaskCreatePinnedToCore(a<TaskFunction_t>(), "name", 4096, a<void*>(), 1, a<TaskHandle_t*>(), 1));
RETURNS(void, vTaskDelay(pdMS_TO_TICKS(10)));
RETURNS(TickType_t, xTaskGetTickCount());
RETURNS(uint32_t, ulTaskNotifyTake(pdTRUE, TickType_t(1)));
RETURNS(UBaseType_t, uxTaskGetStackHighWaterMark(a<TaskHandle_t>()));
// A macro, with a semicolon of its own: it can stand as a statement alone.
inline void giveFromInterrupt(TaskHandle_t task, BaseType_t* woken) { vTaskNotifyGiveFromISR(task, woken); }
RETURNS(SemaphoreHandle_t, xSemaphoreCreateMutex());
RETURNS(BaseType_t, xSemaphoreTake(a<SemaphoreHandle_t>(), TickType_t(1)));
static_assert(pdMS_TO_TICKS(4294968) < 1000, "it wraps: not for intervals");
static_assert(pdMS_TO_TICKS(1000) == 1000 && portTICK_PERIOD_MS == 1, "a tick is a millisecond");
RETURNS(int, mbedtls_x509_crt_parse(a<mbedtls_x509_crt*>(), a<const unsigned char*>(), size_t(1)));
__NOINIT_ATTR inline uint32_t livesThroughPanic;

}  // namespace signatures

#undef RETURNS
#undef CLOCK
