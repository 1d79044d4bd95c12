// La misma práctica con la biblioteca ArduinoJson (versión 7): el mensaje se
// arma y se lee como un objeto JSON, sin escribir comillas a mano. Esta versión
// no cuenta lecturas: envía hasta que el servidor cierra la conexión.
//
// Conexiones: DHT11 en el pin 4 (con resistencia de 10 k entre datos y 3,3 V),
// LED en el pin 2 (con resistencia de 220 ohmios).
// Bibliotecas: "WebSockets" de Markus Sattler, "DHT sensor library" de Adafruit
// y "ArduinoJson" de Benoit Blanchon.

#include <ArduinoJson.h>
#include <DHT.h>
#include <WebSocketsClient.h>
#include <WiFi.h>

// Escribe aquí los datos de tu red (de 2,4 GHz) y la dirección de tu servidor.
const char* RED = "MiRed";
const char* CLAVE = "MiClave";
const char* SERVIDOR = "192.168.1.50";
const int PUERTO = 8080;
const int DISPOSITIVO = 101;  // el número de tu placa, distinto de los demás

// Laboratorio: una lectura cada 5 s. Taller: una cada 2,1 s; para el taller, quita
// las dos barras de la línea siguiente.
// #define TALLER
//
// Por qué 2,1 s y no 2: la biblioteca del DHT mide como mucho una vez cada 2 s, y si le
// preguntan antes repite la lectura anterior. Con 2 s justos repetiría alguna.
#ifdef TALLER
const uint32_t INTERVALO = 2100;  // en milisegundos
#else
const uint32_t INTERVALO = 5000;
#endif

const int PIN_DHT = 4;
const int PIN_LED = 2;

DHT dht(PIN_DHT, DHT11);
WebSocketsClient webSocket;
bool conectado = false;
bool terminado = false;
uint32_t ultima = 0;  // momento de la última lectura

// Una orden es un objeto JSON con la clave LED; otros mensajes se ignoran.
void recibirOrden(uint8_t* datos, size_t largo) {
  JsonDocument orden;
  DeserializationError error = deserializeJson(orden, datos, largo);
  if (error) {
    Serial.print("No es JSON: ");
    Serial.println(error.c_str());
    return;
  }
  if (orden["LED"].is<int>()) {
    int led = orden["LED"];
    digitalWrite(PIN_LED, led == 1 ? HIGH : LOW);
  }
}

// La biblioteca llama a esta función cada vez que pasa algo con la conexión.
void alSuceder(WStype_t tipo, uint8_t* datos, size_t largo) {
  if (tipo == WStype_CONNECTED) {
    conectado = true;
    Serial.println("Conectado al servidor");
  } else if (tipo == WStype_DISCONNECTED && conectado) {
    terminado = true;
    Serial.println("El servidor cerró la conexión: fin de la práctica");
  } else if (tipo == WStype_TEXT) {
    recibirOrden(datos, largo);
  }
}

void enviarLectura() {
  JsonDocument lectura;
  lectura["IDDEVICE"] = DISPOSITIVO;
  lectura["TEMP"] = dht.readTemperature();
  lectura["HUM"] = dht.readHumidity();
  if (isnan(lectura["TEMP"].as<float>()) || isnan(lectura["HUM"].as<float>())) {
    Serial.println("El DHT11 no respondió; revisa los cables");
    return;
  }
  String mensaje;
  serializeJson(lectura, mensaje);
  if (webSocket.sendTXT(mensaje)) Serial.println(mensaje);
}

void setup() {
  Serial.begin(115200);
  pinMode(PIN_LED, OUTPUT);
  dht.begin();
  WiFi.begin(RED, CLAVE);
  while (WiFi.status() != WL_CONNECTED) delay(500);
  webSocket.begin(SERVIDOR, PUERTO, "/");
  webSocket.onEvent(alSuceder);
}

void loop() {
  if (terminado) return;
  webSocket.loop();
  if (conectado && millis() - ultima >= INTERVALO) {
    ultima = millis();
    enviarLectura();
  }
}
