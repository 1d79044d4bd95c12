// La misma práctica con String: el mensaje se arma pegando trozos de texto, y
// con la forma exacta de la diapositiva: {IDDEVICE: 101, TEMP: 024, HUM: 061}.
//
// Conexiones: DHT11 en el pin 4 (con resistencia de 10 k entre datos y 3,3 V),
// LED en el pin 2 (con resistencia de 220 ohmios).
// Bibliotecas: "WebSockets" de Markus Sattler y "DHT sensor library" de Adafruit.

#include <DHT.h>
#include <WebSocketsClient.h>
#include <WiFi.h>

// Escribe aquí los datos de tu red (de 2,4 GHz) y la dirección de tu servidor.
String red = "MiRed";
String clave = "MiClave";
String servidor = "192.168.1.50";
int puerto = 8080;
int dispositivo = 101;  // el número de tu placa, distinto de los demás

// Laboratorio: 10 lecturas, una cada 5 s. Taller: 50 lecturas, una cada 2,1 s;
// para el taller, quita las dos barras de la línea siguiente.
// #define TALLER
//
// Por qué 2,1 s y no 2: la biblioteca del DHT mide como mucho una vez cada 2 s, y si le
// preguntan antes repite la lectura anterior. Con 2 s justos repetiría alguna.
#ifdef TALLER
uint32_t intervalo = 2100;  // en milisegundos
int lecturas = 50;
#else
uint32_t intervalo = 5000;
int lecturas = 10;
#endif

int pinDHT = 4;
int pinLED = 2;

DHT dht(pinDHT, DHT11);
WebSocketsClient webSocket;
bool conectado = false;
bool terminado = false;
int enviadas = 0;
uint32_t ultima = 0;  // momento de la última lectura

// Un número con tres cifras: 24 es "024".
String tresCifras(int numero) {
  String texto = String(numero);
  while (texto.length() < 3) texto = "0" + texto;
  return texto;
}

// La biblioteca llama a esta función cada vez que pasa algo con la conexión.
void alSuceder(WStype_t tipo, uint8_t* datos, size_t largo) {
  if (tipo == WStype_CONNECTED) {
    conectado = true;
    Serial.println("Conectado al servidor");
  }
  if (tipo == WStype_DISCONNECTED && conectado) {
    terminado = true;
    Serial.println("Se cerró la conexión");
  }
  if (tipo == WStype_TEXT && largo > 0) {
    String orden = String((char*)datos);
    orden.replace(" ", "");
    if (orden.indexOf("LED\":1") >= 0 || orden.indexOf("LED=1") >= 0) digitalWrite(pinLED, HIGH);
    if (orden.indexOf("LED\":0") >= 0 || orden.indexOf("LED=0") >= 0) digitalWrite(pinLED, LOW);
  }
}

void enviarLectura() {
  float temperatura = dht.readTemperature();
  float humedad = dht.readHumidity();
  if (isnan(temperatura) || isnan(humedad)) {
    Serial.println("El DHT11 no respondió; revisa los cables");
    return;
  }
  String mensaje = "{IDDEVICE: " + tresCifras(dispositivo) + ", TEMP: " + tresCifras(round(temperatura)) +
                   ", HUM: " + tresCifras(round(humedad)) + "}";
  if (webSocket.sendTXT(mensaje)) {
    Serial.println(mensaje);
    enviadas = enviadas + 1;
  }
}

void setup() {
  Serial.begin(115200);
  pinMode(pinLED, OUTPUT);
  dht.begin();
  WiFi.begin(red, clave);
  while (WiFi.status() != WL_CONNECTED) delay(500);
  webSocket.begin(servidor, puerto, "/");
  webSocket.onEvent(alSuceder);
}

void loop() {
  if (terminado || enviadas == lecturas) return;
  webSocket.loop();
  if (conectado && millis() - ultima >= intervalo) {
    ultima = millis();
    enviarLectura();
  }
}
