// Laboratorio y taller de WebSockets: un ESP32 lee un DHT11, envía cada lectura
// al servidor y enciende un LED cuando el servidor lo pide.
//
// Conexiones: DHT11 en el pin 4 (con resistencia de 10 k entre datos y 3,3 V),
// LED en el pin 2 (con resistencia de 220 ohmios).
// Bibliotecas: "WebSockets" de Markus Sattler y "DHT sensor library" de Adafruit.

#include <DHT.h>
#include <WebSocketsClient.h>
#include <WiFi.h>

// Escribe aquí los datos de tu red (de 2,4 GHz) y la dirección de tu servidor.
const char* RED = "MiRed";
const char* CLAVE = "MiClave";
const char* SERVIDOR = "192.168.1.50";
const int PUERTO = 8080;
const int DISPOSITIVO = 101;  // el número de tu placa, distinto de los demás

// Laboratorio: 10 lecturas, una cada 5 s. Taller: 50 lecturas, una cada 2,1 s;
// para el taller, quita las dos barras de la línea siguiente.
// #define TALLER
//
// Por qué 2,1 s y no 2: la biblioteca del DHT mide como mucho una vez cada 2 s, y si le
// preguntan antes repite la lectura anterior. Con 2 s justos repetiría alguna.
#ifdef TALLER
const uint32_t INTERVALO = 2100;  // en milisegundos
const int LECTURAS = 50;
#else
const uint32_t INTERVALO = 5000;
const int LECTURAS = 10;
#endif

const int PIN_DHT = 4;
const int PIN_LED = 2;

DHT dht(PIN_DHT, DHT11);
WebSocketsClient webSocket;
bool conectado = false;
int enviadas = 0;
uint32_t ultima = 0;  // momento de la última lectura

// El servidor manda el estado del LED como {"LED":1} o como LED=1.
void recibirOrden(const char* texto) {
  String orden = texto;
  orden.replace(" ", "");
  if (orden.indexOf("\"LED\":1") >= 0 || orden.indexOf("LED=1") >= 0) {
    digitalWrite(PIN_LED, HIGH);
  }
  if (orden.indexOf("\"LED\":0") >= 0 || orden.indexOf("LED=0") >= 0) {
    digitalWrite(PIN_LED, LOW);
  }
}

// La biblioteca llama a esta función cada vez que pasa algo con la conexión.
void alSuceder(WStype_t tipo, uint8_t* datos, size_t largo) {
  if (tipo == WStype_CONNECTED) {
    conectado = true;
    Serial.println("Conectado al servidor");
  } else if (tipo == WStype_DISCONNECTED) {
    conectado = false;
    Serial.println("Sin conexión con el servidor");
  } else if (tipo == WStype_TEXT && largo > 0) {
    recibirOrden((const char*)datos);
  }
}

void enviarLectura() {
  float temperatura = dht.readTemperature();
  float humedad = dht.readHumidity();
  if (isnan(temperatura) || isnan(humedad)) {
    Serial.println("El DHT11 no respondió; revisa los cables");
    return;
  }
  char mensaje[80];
  snprintf(mensaje, sizeof(mensaje), "{\"IDDEVICE\":%d,\"TEMP\":%.1f,\"HUM\":%.0f}", DISPOSITIVO, temperatura, humedad);
  if (webSocket.sendTXT(mensaje)) {
    enviadas++;
    Serial.println(mensaje);
  }
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
  if (enviadas >= LECTURAS) return;  // se acabó: ya no se atiende la conexión
  webSocket.loop();
  uint32_t ahora = millis();
  if (conectado && ahora - ultima >= INTERVALO) {
    ultima = ahora;
    enviarLectura();
  }
}
