"""Servidor de la práctica: muestra las lecturas de las placas y las guarda en un CSV
nuevo; un botón enciende y apaga el LED de las placas.

    python3 servidor.py lab       cada placa: 10 lecturas o 3 minutos
    python3 servidor.py taller    cada placa: 50 lecturas

Detrás pueden ir el puerto (8080), el archivo y la dirección. El botón va entre GPIO17
y tierra de la Raspberry Pi; sin él, sirve Enter. Hace falta (asyncio viene con Python):
sudo apt install python3-websockets python3-gpiozero"""
import asyncio
import csv
import json
import os
import re
import sys
import threading
from datetime import datetime
import websockets

MODOS = {"lab": (10, 180), "taller": (50, None)}  # lecturas y segundos
placas = set()  # las conexiones abiertas
filas = 0  # del CSV
led = 0

def leer(texto):
    """Si no es JSON, lo lee como en la diapositiva: {IDDEVICE: 101, TEMP: 024, HUM: 061}."""
    try:
        return json.loads(texto)
    except ValueError:
        return {clave: int(n) for clave, n in re.findall(r"(\w+): *(-?\d+)", texto)}

def anotar(escritor, dato):
    """Escribe una fila, en la pantalla y en el CSV."""
    global filas
    momento = datetime.now().strftime("%Y%m%d%H%M")
    fila = [filas + 1, str(dato["IDDEVICE"]).zfill(3), momento, dato["TEMP"], dato["HUM"]]
    filas += 1
    print(*fila, flush=True)
    escritor.writerow(fila)

async def contestar(placa, dato):
    """La placa de la práctica no espera respuesta a sus lecturas."""

async def atender(placa, escritor, lecturas):
    """Recibe los mensajes de una placa hasta completar sus lecturas."""
    async for texto in placa:
        try:
            dato = leer(texto)
            anotar(escritor, dato)
            lecturas -= 1
            await contestar(placa, dato)
        except (KeyError, TypeError, ValueError):
            print("No se entiende:", texto, flush=True)
        if not lecturas:
            return

async def conversar(placa, escritor, lecturas, segundos):
    print("Se conectó una placa", flush=True)
    placas.add(placa)
    try:
        await asyncio.wait_for(atender(placa, escritor, lecturas), segundos)
    except (asyncio.TimeoutError, websockets.ConnectionClosed):
        pass  # se acabó el tiempo, o la placa se fue
    placas.discard(placa)
    await placa.close(1000, "fin de la práctica")

def pulsar():
    global led
    led = 1 - led
    print("LED encendido" if led else "LED apagado", flush=True)
    websockets.broadcast(placas, json.dumps({"LED": led}))

def esperar_enter(avisar):
    while os.read(0, 100):
        avisar()

async def main(modo, puerto="8080", ruta=None, direccion="0.0.0.0"):
    bucle = asyncio.get_running_loop()
    avisar = lambda: bucle.call_soon_threadsafe(pulsar)  # el botón está en otro hilo
    try:
        from gpiozero import Button
        boton = Button(17)
        boton.when_pressed = avisar
    except Exception:  # no hay gpiozero, o esto no es una Raspberry Pi
        threading.Thread(target=esperar_enter, args=[avisar], daemon=True).start()
        print("Sin botón: Enter cambia el LED", flush=True)
    ruta = ruta or datetime.now().strftime("lecturas-%Y%m%d-%H%M%S.csv")
    archivo = open(ruta, "x", buffering=1, newline="")  # cada fila se guarda al terminarla
    escritor = csv.writer(archivo, lineterminator="\n")
    escritor.writerow(["IDdato", "IDdevice", "TIMEFLAG", "TEMP", "HUM"])
    async with websockets.serve(lambda placa: conversar(placa, escritor, *MODOS[modo]), direccion, int(puerto)):
        print("Escuchando en el puerto", puerto, flush=True)
        await asyncio.Future()  # hasta Ctrl-C

if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:])) if sys.argv[1:] else print(__doc__)
    except KeyboardInterrupt:
        pass
